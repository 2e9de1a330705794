// The generic cell rate algorithm: one number a token.
// A request pushes the time at which everything is paid for by its share of a second.
#include "front/pacer.h"

#include <algorithm>

namespace muster::front {

std::optional<Micros> Pacer::wait_us(std::uint64_t token, Micros now_us) {
  if (each_us_ == 0) return 0;
  Micros& until_us = earned_until_us_[token];
  const Micros from_us = std::max(until_us, now_us);
  const Micros wait_us = std::max<Micros>(0, from_us + each_us_ - kAtOnce_us - now_us);
  if (wait_us > kWaitMax_us) return std::nullopt;
  until_us = from_us + each_us_;
  return wait_us;
}

void Pacer::tidy(Micros now_us) {
  std::erase_if(earned_until_us_, [now_us](const auto& entry) { return entry.second <= now_us; });
}

bool is_loopback_address(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

}  // namespace muster::front
