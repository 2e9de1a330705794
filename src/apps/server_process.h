// One server process, from options to its end: locks the folder, opens what is in it, runs, and puts the worker to rest if asked.
// Whoever started it is told once, by `announce`: the address, or why there is none.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/error.h"
#include "runtime/data_folder.h"
#include "runtime/server.h"

namespace muster::apps {

// Off loopback there is TLS in any case; on it when `always`, or when files are given.
struct TlsChoice {
  bool always = false;
  std::string certificate;  // both or neither; neither: the server's own
  std::string key;
};

struct ServerProcess {
  runtime::DataFolder folder;
  runtime::ListenAddress listen;
  TlsChoice tls;
  const net::TlsContext* tls_context = nullptr;  // made from it by run_server_process
  std::optional<Micros> renew_agents_us;
  std::optional<Micros> lease_us;
  runtime::WorkerOptions worker;
  std::string version;
  bool upgrade_agents = true;
  runtime::ServerOptions::Interrupt interrupt = runtime::ServerOptions::Interrupt::ends_server;
  runtime::TerminalEcho echo = runtime::TerminalEcho::none;
  std::string store_url;  // empty: the file of the folder
  std::function<void(const std::string& url)> ready;
  // A standby answers at `url`; `ready` follows when it leads.
  std::function<void(const std::string& url)> standing_by;
};

// Errors: kMalformedValue (a certificate that cannot be used), kDataFolderInUse, kDatabaseNewer, kDatabaseDamaged, kPortInUse, kDiskFull, kInternal.
Result<runtime::ServerEnd> run_server_process(ServerProcess process);

// Ends the local worker with its tasks; lines for people go to `say`. Nothing to stop is fine. kBusy when it does not end.
Result<void> stop_local_worker(const runtime::DataFolder& folder,
                               const std::function<void(const std::string&)>& say);

}  // namespace muster::apps
