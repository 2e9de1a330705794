// The right to run, as time: the agent's side ends before the server's side, whatever happens to the messages between.
// The agent counts from SENDING the message that was answered, the server from RECEIVING it; both call this file.
#pragma once

#include "core/ids.h"

namespace muster {

// The server's own machine: the death of its worker can be proved (exit records, boot id), so the lease only bounds the unprovable.
inline constexpr Micros kLeaseLocal_us = 24LL * 3600 * 1'000'000;
// A machine that joined may be gone for good, and nobody can tell.
inline constexpr Micros kLeaseElsewhere_us = 3600LL * 1'000'000;

// The margin covers clocks that run at different rates and the time a kill takes: 2 %, at least 5 s, at most half.
constexpr Micros lease_margin_us(Micros lease_us) {
  Micros margin_us = lease_us / 50;
  if (margin_us < 5'000'000) margin_us = 5'000'000;
  return margin_us > lease_us / 2 ? lease_us / 2 : margin_us;
}

// On the agent's clock: when its tasks have to be dead.
constexpr Micros agent_deadline_us(Micros sent_mono_us, Micros lease_us) {
  return sent_mono_us + lease_us - lease_margin_us(lease_us);
}

// On the server's clock: when nothing of that agent can run any more.
constexpr Micros server_deadline_us(Micros received_mono_us, Micros lease_us) {
  return received_mono_us + lease_us;
}

}  // namespace muster
