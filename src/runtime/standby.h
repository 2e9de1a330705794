// A server that waits for its turn: it holds its port, says that it lives and that it is not the one to ask.
// Must hold: nothing of a request is trusted or kept; a slow caller delays nobody and no take-over.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"
#include "net/tls.h"
#include "runtime/listen_address.h"

namespace muster::runtime {

struct StandbyOptions {
  ListenAddress listen;
  const net::TlsContext* tls = nullptr;  // null: plain HTTP, which is for loopback
  // Asked about twice a second: whether the waiting is over.
  std::function<bool()> may_lead;
  // Where the leader answers; empty while none is known.
  std::function<std::string()> leader;
  // Called once, when callers are answered.
  std::function<void(const ListenAddress& address)> ready;
};

enum class StandbyEnd : std::uint8_t { leads, stopped };  // stopped: by SIGINT, SIGTERM or SIGHUP

// Error: kPortInUse.
Result<StandbyEnd> run_standby(const StandbyOptions& options);

}  // namespace muster::runtime
