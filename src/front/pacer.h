// How fast one token may ask: so many requests a second over time, a second's worth at once, and whoever asks more waits.
// Waiting has an end: what would wait longer than ten seconds is refused. Clients on this machine are not paced.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "core/ids.h"

namespace muster::front {

class Pacer {
 public:
  // 0: nobody is paced.
  explicit Pacer(std::uint32_t requests_per_second) : each_us_(interval(requests_per_second)) {}

  // How long a request has to wait that came now; nothing: it is refused, and not counted.
  std::optional<Micros> wait_us(std::uint64_t token, Micros now_us);
  // Forgets tokens that have been quiet.
  void tidy(Micros now_us);
  std::size_t tokens() const { return earned_until_us_.size(); }

  static constexpr Micros kWaitMax_us = 10'000'000;

 private:
  static Micros interval(std::uint32_t requests_per_second) {
    return requests_per_second == 0 ? 0 : 1'000'000 / requests_per_second;
  }
  static constexpr Micros kAtOnce_us = 1'000'000;
  Micros each_us_;
  std::unordered_map<std::uint64_t, Micros> earned_until_us_;  // when all that was asked so far is paid for
};

// "127.0.0.1", "::1", "::ffff:127.0.0.1".
bool is_loopback_address(std::string_view address);

}  // namespace muster::front
