// The connection of one command: found once, found again when the server moved, and waited for when it is away.
// A server that was never there is an error at once; only one that has answered before is waited for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/api.h"

namespace muster::client {

// Tells a person that the server is away, or back after so long. Empty: nobody is told.
struct AwayReport {
  std::function<void(const Error& error)> away;
  std::function<void(std::int64_t after_us)> back;
};

class Connector {
 public:
  Connector(EndpointOptions options, Environment environment);

  // A readable descriptor ends every wait from now on; -1: none does.
  void set_interrupt(int descriptor);
  void set_report(AwayReport report) { report_ = std::move(report); }
  // When patient() gives up, on CLOCK_BOOTTIME; INT64_MAX: never.
  void set_deadline(std::int64_t mono_us) { deadline_mono_us_ = mono_us; }

  // Drops the connection: the next call looks the endpoint up again, because a restarted server may have moved.
  void renew() { api_.reset(); }

  // The endpoint is looked up by the first call.
  Result<Api*> api();

  // The server answered: said once, and the next absence is told anew.
  void note_back();

  // Calls `call(api)` until the server answers, the deadline has passed or the interrupt came; then its last result.
  template <class Call>
  auto patient(Call call) -> decltype(call(std::declval<Api&>())) {
    for (;;) {
      Result<Api*> found = api();
      if (found) {
        auto result = call(**found);
        if (result || !(*found)->server_was_away()) return came_back(std::move(result));
        if (!endure(result.error())) return result;
      } else if (found.error().kind != ErrorKind::unreachable || !endure(found.error())) {
        return std::unexpected(found.error());
      }
      api_.reset();
    }
  }

 private:
  // Waits a little longer each time; false when there is no more waiting.
  bool endure(const Error& error);
  template <class T>
  Result<T> came_back(Result<T> result) {
    note_back();
    return result;
  }

  EndpointOptions options_;
  Environment environment_;
  int interrupt_ = -1;
  AwayReport report_;
  std::int64_t deadline_mono_us_ = INT64_MAX;
  std::unique_ptr<Api> api_;
  std::int64_t away_since_mono_us_ = 0;
  std::int64_t pause_us_ = 0;
};

std::int64_t mono_now_us();  // CLOCK_BOOTTIME
std::int64_t wall_now_us();  // since 1970 UTC
// Sleeps until the time is over (true) or the descriptor is readable (false).
bool pause_unless(int interrupt_descriptor, std::int64_t duration_us);

}  // namespace muster::client
