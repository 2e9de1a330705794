// The task of B4 and B7: appends the instant of its start (CLOCK_MONOTONIC, nanoseconds) to the file it is given.
// Static and without buffers, so that the stamp is taken within microseconds of the exec.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc != 2) return 2;
  long long value = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  char text[32];
  char* at = text + sizeof text;
  *--at = '\n';
  for (; value > 0; value /= 10) *--at = static_cast<char>('0' + value % 10);
  const int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const auto size = static_cast<size_t>(text + sizeof text - at);
  return file >= 0 && write(file, at, size) == static_cast<ssize_t>(size) ? 0 : 1;
}
