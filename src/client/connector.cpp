// Waiting for a server that is away: 50 ms, doubling to 2 s.
// The endpoint is looked up anew each time, because a restarted server may have another port.
#include "client/connector.h"

#include <poll.h>
#include <time.h>

#include <algorithm>

namespace muster::client {

namespace {

constexpr std::int64_t kFirstPause_us = 50'000;
constexpr std::int64_t kLongestPause_us = 2'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::int64_t mono_now_us() { return read_clock(CLOCK_BOOTTIME); }
std::int64_t wall_now_us() { return read_clock(CLOCK_REALTIME); }

bool pause_unless(int interrupt_descriptor, std::int64_t duration_us) {
  const std::int64_t end = mono_now_us() + duration_us;
  for (std::int64_t left = duration_us; left > 0; left = end - mono_now_us()) {
    pollfd watched{interrupt_descriptor, POLLIN, 0};
    if (poll(&watched, 1, static_cast<int>((left + 999) / 1000)) > 0) return false;
  }
  return true;
}

Connector::Connector(EndpointOptions options, Environment environment)
    : options_(std::move(options)), environment_(std::move(environment)) {}

void Connector::set_interrupt(int descriptor) {
  interrupt_ = descriptor;
  api_.reset();
}

Result<Api*> Connector::api() {
  if (!api_) {
    Result<Endpoint> endpoint = find_endpoint(options_, environment_);
    if (!endpoint) return std::unexpected(endpoint.error());
    // Standard input gives its token once.
    if (options_.token_file == "-") options_.token = endpoint->token;
    api_ = std::make_unique<Api>(std::move(*endpoint), interrupt_);
  }
  return api_.get();
}

bool Connector::endure(const Error& error) {
  const std::int64_t now = mono_now_us();
  if (away_since_mono_us_ == 0) {
    away_since_mono_us_ = now;
    pause_us_ = kFirstPause_us;
    if (report_.away) report_.away(error);
  }
  if (now >= deadline_mono_us_) return false;
  const std::int64_t pause = std::min(pause_us_, deadline_mono_us_ - now);
  pause_us_ = std::min(pause_us_ * 2, kLongestPause_us);
  return pause_unless(interrupt_, pause);
}

void Connector::note_back() {
  if (away_since_mono_us_ == 0) return;
  if (report_.back) report_.back(mono_now_us() - away_since_mono_us_);
  away_since_mono_us_ = 0;
}

}  // namespace muster::client
