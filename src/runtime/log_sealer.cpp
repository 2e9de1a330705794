// One thread of low priority.
// It pauses between steps, because a step holds the log store for as long as a few milliseconds of compression.
#include "runtime/log_sealer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "runtime/clock.h"

namespace muster::runtime {
namespace {

constexpr Micros kDelay_us = 30'000'000;
constexpr auto kLook = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(20);

}  // namespace

LogSealer::LogSealer(blobs::LogStore& logs) : logs_(logs) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

LogSealer::~LogSealer() {
  thread_.request_stop();
  wake_.notify_all();
}

void LogSealer::add(BatchId batch, Micros mono_us) {
  const std::lock_guard lock(mutex_);
  due_[batch] = mono_us + kDelay_us;
}

void LogSealer::run(const std::stop_token& stop) {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
  while (!stop.stop_requested()) {
    std::optional<BatchId> batch;
    {
      std::unique_lock lock(mutex_);
      const Micros now_us = mono_now_us();
      for (const auto& [id, due_us] : due_) {
        if (due_us > now_us) continue;
        batch = id;
        break;
      }
      wake_.wait_for(lock, stop,
                     batch ? std::chrono::duration_cast<std::chrono::milliseconds>(kPause) : kLook,
                     [&stop] { return stop.stop_requested(); });
    }
    if (!batch || stop.stop_requested()) continue;
    const Result<bool> done = logs_.seal(*batch);
    const std::lock_guard lock(mutex_);
    // Failed (a full disk): tried again later.
    if (!done)
      due_[*batch] = mono_now_us() + kDelay_us;
    else if (*done)
      due_.erase(*batch);
  }
}

}  // namespace muster::runtime
