// The server as a process: store, engine, front and sockets around one loop, from the first read to an orderly end.
// What it is made of is handed in; it owns nothing that outlives it but the files that announce it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "blobs/log_store.h"
#include "core/error.h"
#include "engine/engine.h"
#include "front/web_page.h"
#include "net/tls.h"
#include "ports/store.h"
#include "runtime/data_folder.h"
#include "runtime/disk_space.h"
#include "runtime/http_server.h"
#include "runtime/listen_address.h"
#include "runtime/server_log.h"
#include "runtime/worker_supervisor.h"

namespace muster::runtime {

struct ServerParts {
  Store& store;
  History& history;
  AccessStore& tokens;
  DiskSpaceSource& disk;
  blobs::LogStore& logs;
  ServerLog& log;
};

struct ServerOptions {
  DataFolder folder;  // its lock is held by the caller
  ListenAddress listen;
  const net::TlsContext* tls = nullptr;  // null on loopback only
  std::string outer_address;             // a number that other machines may reach; empty: none was found
  std::vector<std::string> host_names;   // this machine's, as others may call it
  std::string version;
  std::string program =
      "/proc/self/exe";  // what machines without Muster, and agents of older versions, are given
  std::span<const front::WebFile> web_files;  // empty: there is no page in this build
  bool upgrade_agents = true;
  std::string store_name;
  std::string owner;  // the user whose tokens are made
  WorkerOptions worker;
  Micros renew_agents_us =
      24LL * 3600 * 1'000'000;  // age of a joined worker's credential when it gets the next
  engine::EngineOptions engine;
  HttpLimits http;
  // SIGINT ends tasks and server, as `muster down`; else it ends the server alone, as SIGTERM always does.
  enum class Interrupt : std::uint8_t { stops_everything, ends_server } interrupt = Interrupt::ends_server;
  // Called once, when requests are answered and the files that say so are there.
  std::function<void(const std::string& url)> ready;
};

enum class ServerEnd : std::uint8_t {
  server_alone,  // tasks and worker go on
  everything,    // nothing runs any more; the local worker is to be stopped too
};

// Returns when the server has ended. Errors: kPortInUse, kDatabaseDamaged, kDiskFull, kInternal.
Result<ServerEnd> run_server(const ServerParts& parts, const ServerOptions& options);

}  // namespace muster::runtime
