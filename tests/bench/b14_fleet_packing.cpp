// B14: 1,000 simulated workers of five shapes and 100,000 tasks of mixed needs: how close the makespan comes to the lower bound,
// and how long a turn of the engine takes, placement included. No clock but the simulated one decides anything.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <queue>
#include <vector>

#include "engine/engine.h"

namespace muster {
namespace {

constexpr std::uint64_t kWorkers = 1000;
constexpr std::uint64_t kTasks = 100'000;
constexpr std::uint64_t kTasksPerBatch = 500;
constexpr Micros kSecond = 1'000'000;

struct WorkerShape {
  std::uint32_t slots, gpus;
  std::uint64_t mem_mb;
};
constexpr WorkerShape kShapes[] = {
    {2, 0, 8'000}, {4, 0, 16'000}, {8, 0, 64'000}, {4, 1, 16'000}, {6, 2, 48'000}};

Resources task_shape(std::uint64_t draw) {
  Resources wanted;
  if (draw < 60) return wanted;
  if (draw < 75) {
    wanted.cpu_slots = 2;
    wanted.mem_mb = 4'000;
  } else if (draw < 85) {
    wanted.mem_mb = 6'000;
  } else if (draw < 90) {
    wanted.cpu_slots = 0;
    wanted.gpu_slots = 1;
    wanted.mem_mb = 4'000;
  } else if (draw < 97) {
    wanted.cpu_slots = 4;
    wanted.mem_mb = 8'000;
  } else {
    wanted.mem_mb = 24'000;
  }
  return wanted;
}

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

class Fleet {
 public:
  Fleet() {
    engine_.restore({}, now_);
    for (std::uint64_t i = 0; i < kWorkers; ++i) connect(i + 1);
    for (std::uint64_t first = 0; first < kTasks; first += kTasksPerBatch) submit(first);
  }

  int run() {
    while (!ends_.empty()) {
      const End end = ends_.top();
      ends_.pop();
      now_.mono_us = end.at_us;
      now_.wall_us = end.at_us;
      AgentMessage message;
      message.session = end.worker;
      message.seq = ++sent_[end.worker];
      message.seen_seq = 1'000'000;
      message.sent_mono_us = end.at_us;
      Finished finished;
      finished.attempt = end.attempt;
      finished.started_wall_us = end.at_us - end.length_us;
      finished.ended_wall_us = end.at_us;
      message.finished.push_back(finished);
      ++ended_;
      tell(AgentSaid{std::move(message)});
      while (engine_.next_due_us() <= now_.mono_us) tell(Tick{});
    }
    return report();
  }

 private:
  struct End {
    Micros at_us = 0;
    SessionId worker = 0;
    Micros length_us = 0;
    AttemptRef attempt;
    bool operator<(const End& other) const {
      return std::tie(other.at_us, other.attempt) < std::tie(at_us, attempt);
    }
  };

  void connect(SessionId session) {
    const WorkerShape& shape = kShapes[session % std::size(kShapes)];
    AgentConnected connected;
    connected.session = session;
    connected.hello.worker_name = connected.hello.spool_id = "w" + std::to_string(session);
    connected.hello.facts.capacity = {.cpu_slots = shape.slots,
                                      .gpu_slots = shape.gpus,
                                      .cpus = shape.slots,
                                      .mem_mb = shape.mem_mb,
                                      .disk_mb = 100'000};
    slots_ += shape.slots;
    gpus_ += shape.gpus;
    mem_mb_ += shape.mem_mb;
    tell(connected);
    AgentMessage full;
    full.session = session;
    full.seq = ++sent_[session];
    full.full = true;
    tell(AgentSaid{full});
  }

  void submit(std::uint64_t first) {
    auto body = std::make_shared<TaskTemplate>();
    body->name = "work";
    body->command.words = {{Piece{PieceKind::literal, 0, "true"}}};
    body->resources = task_shape(mixed(first + 1) % 100);
    Submit submit;
    submit.body = body;
    submit.series = {{1, kTasksPerBatch, 1}};
    shapes_.push_back(body->resources);
    const std::uint64_t batch = shapes_.size();
    for (TaskIndex index = 1; index <= kTasksPerBatch; ++index) {
      const double length_s = static_cast<double>(length_us(batch, index)) / 1e6;
      slot_s_ += length_s * body->resources.cpu_slots;
      gpu_s_ += length_s * body->resources.gpu_slots;
      mem_s_ += length_s * static_cast<double>(body->resources.mem_mb);
    }
    tell(std::move(submit));
  }

  static Micros length_us(std::uint64_t batch, TaskIndex index) {
    return 20 * kSecond + static_cast<Micros>(mixed(batch * 1'000'003 + index) % (40 * kSecond));
  }

  // Of this process alone: others on the machine do not count.
  static double cpu_us() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  }

  void tell(const Input& input) {
    const double began_us = cpu_us();
    const Decision decision = engine_.handle(input, now_);
    turns_us_.push_back(cpu_us() - began_us);
    engine_.committed();
    for (const Effect& effect : decision.effects) {
      const auto* said = std::get_if<ToAgent>(&effect);
      if (said == nullptr) continue;
      for (const Grant& grant : said->message.grants) {
        for (std::uint64_t k = 0; k < grant.count; ++k) {
          const TaskIndex index = grant.first_index + k * grant.step;
          const Micros length = length_us(grant.batch, index);
          ends_.push({now_.mono_us + length,
                      said->message.session,
                      length,
                      {grant.batch, index, grant.attempt, grant.incarnation}});
        }
      }
    }
  }

  int report() {
    std::sort(turns_us_.begin(), turns_us_.end());
    const auto at = [&](double share) {
      return turns_us_[static_cast<std::size_t>(share * static_cast<double>(turns_us_.size() - 1))];
    };
    const double bound_s =
        std::max({slot_s_ / static_cast<double>(slots_), gpu_s_ / static_cast<double>(gpus_),
                  mem_s_ / static_cast<double>(mem_mb_)});
    const double makespan_s = static_cast<double>(now_.mono_us) / 1e6;
    std::printf("B14 fleet packing: %llu workers, %llu of %llu tasks ended\n",
                static_cast<unsigned long long>(kWorkers), static_cast<unsigned long long>(ended_),
                static_cast<unsigned long long>(kTasks));
    std::printf("  makespan %.0f s, lower bound %.0f s: ratio %.3f (at most 1.05)\n", makespan_s, bound_s,
                makespan_s / bound_s);
    std::printf("  turn with placement, CPU: p50 %.0f us, p99 %.0f us, longest %.0f us (p99 below 5000)\n",
                at(0.5), at(0.99), at(1.0));
    return ended_ == kTasks && makespan_s <= 1.05 * bound_s && at(0.99) < 5000 ? 0 : 1;
  }

  engine::Engine engine_{engine::EngineOptions{}};
  Now now_{};
  std::map<SessionId, std::uint64_t> sent_;
  std::priority_queue<End> ends_;
  std::vector<Resources> shapes_;
  std::vector<double> turns_us_;
  std::uint64_t ended_ = 0;
  std::uint64_t slots_ = 0;
  std::uint64_t gpus_ = 0;
  std::uint64_t mem_mb_ = 0;
  double slot_s_ = 0;
  double gpu_s_ = 0;
  double mem_s_ = 0;
};

}  // namespace
}  // namespace muster

int main() { return muster::Fleet().run(); }
