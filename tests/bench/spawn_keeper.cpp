// What the whole keeper costs for each empty task, beside a bare posix_spawn-and-wait loop of the same static program.
// CPU of the keeper with its children, and of the loop with its children; interleaved rounds, medians. Arguments: tasks, rounds, program.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "blobs/test_folder.h"
#include "core/check.h"
#include "keeper/keeper_test_client.h"

namespace {

using muster::keeper::KeeperSetup;

constexpr std::size_t kWidth = 2;
constexpr std::size_t kQueued = 256;  // as deep as an agent keeps the run queue

double micros(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}
double cpu_of(const rusage& used) { return micros(used.ru_utime) + micros(used.ru_stime); }
double own_cpu(int who) {
  rusage used{};
  ::getrusage(who, &used);
  return cpu_of(used);
}

struct Cost {
  double cpu_us = 0;  // a task
  double wall_us = 0;
  double client_us = 0;
};

Cost run_loop(const std::string& program, std::size_t tasks) {
  const double before = own_cpu(RUSAGE_SELF) + own_cpu(RUSAGE_CHILDREN);
  const auto begin_us = static_cast<double>(muster::keeper::mono_now_us());
  char name[] = "empty";
  char path[] = "PATH=/usr/bin:/bin";
  char* words[] = {name, nullptr};
  char* variables[] = {path, nullptr};
  std::size_t started = 0;
  for (std::size_t ended = 0; ended < tasks; ++ended) {
    while (started < tasks && started < ended + kWidth) {
      pid_t process = 0;
      const int error = ::posix_spawn(&process, program.c_str(), nullptr, nullptr, words, variables);
      MUSTER_CHECK(error == 0, "the loop can start its program");
      ++started;
    }
    rusage used{};
    ::wait4(-1, nullptr, 0, &used);
  }
  const auto count = static_cast<double>(tasks);
  const double cpu = own_cpu(RUSAGE_SELF) + own_cpu(RUSAGE_CHILDREN) - before;
  return {cpu / count, (static_cast<double>(muster::keeper::mono_now_us()) - begin_us) / count, 0};
}

Cost run_through_keeper(const std::string& program, std::size_t tasks) {
  const muster::blobs::TestFolder folder;
  const muster::keeper::TestKeeper keeper(KeeperSetup::options_in(folder.path()));
  muster::keeper::TestClient client(folder.path());
  const double client_before = own_cpu(RUSAGE_SELF);
  const auto begin_us = static_cast<double>(muster::keeper::mono_now_us());
  muster::KeeperRequest width;
  width.run_queue_width = kWidth;
  client.send(width);
  std::size_t sent = 0;
  std::size_t ended = 0;
  muster::KeeperRequest request;
  while (ended < tasks) {
    while (sent < tasks && sent < ended + kQueued) {
      ++sent;
      muster::KeeperStart start = muster::keeper::start_of(sent, {program});
      start.when = muster::StartWhen::in_run_queue;
      request.starts.push_back(std::move(start));
    }
    client.send(request);
    request = {};
    const auto report = client.next();
    MUSTER_CHECK(report.has_value(), "the keeper goes on reporting");
    ended += report->ended.size();
    for (const muster::KeeperEnd& end : report->ended) request.forget.push_back(end.attempt);
  }
  const auto count = static_cast<double>(tasks);
  const double wall = static_cast<double>(muster::keeper::mono_now_us()) - begin_us;
  const double client_cpu = own_cpu(RUSAGE_SELF) - client_before;
  keeper.signal(SIGTERM);
  rusage used{};
  int status = 0;
  ::wait4(keeper.process(), &status, 0, &used);
  MUSTER_CHECK(WIFEXITED(status), "the keeper leaves when told");
  return {cpu_of(used) / count, wall / count, client_cpu / count};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  const std::size_t tasks = count > 1 ? std::strtoul(words[1], nullptr, 10) : 1000;
  const std::size_t rounds = count > 2 ? std::strtoul(words[2], nullptr, 10) : 21;
  const muster::blobs::TestFolder folder;
  const std::string program = count > 3 ? words[3] : muster::keeper::make_tiny_echo(folder.file("empty"));
  std::vector<double> cpu, loop_cpu, more, ratio, wall, loop_wall, wall_ratio, client;
  for (std::size_t round = 0; round < rounds; ++round) {
    const Cost loop = run_loop(program, tasks);
    const Cost keeper = run_through_keeper(program, tasks);
    cpu.push_back(keeper.cpu_us);
    loop_cpu.push_back(loop.cpu_us);
    more.push_back(keeper.cpu_us - loop.cpu_us);
    ratio.push_back(keeper.cpu_us / loop.cpu_us);
    wall.push_back(keeper.wall_us);
    loop_wall.push_back(loop.wall_us);
    wall_ratio.push_back(keeper.wall_us / loop.wall_us);
    client.push_back(keeper.client_us);
  }
  std::printf("keeper_cpu_per_task %.1f us (posix_spawn loop %.1f, ratio %.3f)\n", median(cpu),
              median(loop_cpu), median(ratio));
  std::printf("keeper_cpu_more_than_loop %.1f us (median of differences)\n", median(more));
  std::printf("keeper_wall_per_task %.1f us (posix_spawn loop %.1f, ratio %.3f)\n", median(wall),
              median(loop_wall), median(wall_ratio));
  std::printf("keeper_client_cpu_per_task %.1f us (the other side, not counted above)\n", median(client));
  return 0;
}
