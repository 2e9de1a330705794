// The floor of B1: a bare posix_spawn loop, SLOTS children in flight, nothing captured, nothing recorded.
// Usage: floor_spawn PROGRAM COUNT SLOTS; prints "wall_seconds cpu_seconds" (own and children's).
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>

extern char** environ;

namespace {

double seconds(const timeval& value) {
  return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
}

double cpu_of(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const long count = std::atol(argv[2]);
  const long slots = std::atol(argv[3]);
  char* arguments[] = {argv[1], nullptr};
  const double start = monotonic();
  long started = 0;
  long running = 0;
  for (long ended = 0; ended < count;) {
    while (running < slots && started < count) {
      pid_t pid = 0;
      if (posix_spawn(&pid, argv[1], nullptr, nullptr, arguments, environ) != 0) return 1;
      ++started;
      ++running;
    }
    int status = 0;
    rusage usage{};
    if (wait4(-1, &status, 0, &usage) < 0 || status != 0) return 1;
    --running;
    ++ended;
  }
  std::printf("%.6f %.6f\n", monotonic() - start, cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN));
  return 0;
}
