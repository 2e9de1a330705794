// Putting a server together and taking it apart again, in the order that leaves nothing half done.
// The folder's lock is taken first and given back last.
#include "apps/server_process.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "blobs/log_store.h"
#include "runtime/clock.h"
#include "runtime/process.h"
#include "store/folder_lock.h"
#include "store/sqlite/sqlite_store.h"

namespace muster::apps {
namespace {

constexpr Micros kWorkerPatience_us = 3600LL * 1'000'000;
constexpr Micros kTell_us = 5'000'000;

class StoreSpace final : public runtime::DiskSpaceSource {
 public:
  explicit StoreSpace(store::SqliteStore& store) : store_(store) {}
  SpaceState space() override { return store_.space(); }

 private:
  store::SqliteStore& store_;
};

// The name of the user who runs this, read without the name service, which a static program does not have.
std::string user_name() {
  const std::string wanted = std::to_string(getuid());
  std::ifstream users("/etc/passwd");
  for (std::string line; std::getline(users, line);) {
    const std::size_t name = line.find(':');
    const std::size_t word = line.find(':', name == std::string::npos ? name : name + 1);
    if (word == std::string::npos) continue;
    if (line.compare(word + 1, wanted.size() + 1, wanted + ":") == 0) return line.substr(0, name);
  }
  return "user-" + wanted;
}

// Every agent and client is a descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<store::FolderLock> lock_folder(const runtime::DataFolder& folder) {
  try {
    return store::FolderLock::take(folder.path);
  } catch (const std::system_error& error) {
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "choose another folder: --data DIR");
  }
}

// Who has the port, when it is one of us: another folder's server.
Error name_port_owner(Error error, const runtime::ListenAddress& listen) {
  if (error.code != kPortInUse) return error;
  if (const std::optional<runtime::PortOwner> owner = runtime::port_owner(listen.port)) {
    error.what += "; process " + std::to_string(owner->pid) +
                  (owner->is_muster ? ", another muster server, has it" : " has it");
  }
  return error;
}

}  // namespace

Result<runtime::ServerEnd> run_server_process(const ServerProcess& process) {
  raise_descriptor_limit();
  if (Result<void> made = runtime::make_data_folder(process.folder); !made)
    return std::unexpected(made.error());
  Result<store::FolderLock> lock = lock_folder(process.folder);
  if (!lock) return std::unexpected(lock.error());
  // Of a server that was killed: nobody answers there.
  unlink(process.folder.url().c_str());
  Result<std::unique_ptr<store::SqliteStore>> store = store::open_sqlite_store(*lock);
  if (!store) return std::unexpected(store.error());
  Result<blobs::LogStore> logs = blobs::LogStore::open(process.folder.logs());
  if (!logs) return std::unexpected(logs.error());
  runtime::ServerLog log(process.folder.log(), process.echo);
  StoreSpace space(**store);
  runtime::ServerOptions options;
  options.folder = process.folder;
  options.listen = process.listen;
  options.version = process.version;
  options.store_name = "sqlite";
  options.owner = user_name();
  options.worker = process.worker;
  options.interrupt = process.interrupt;
  options.ready = process.ready;
  Result<runtime::ServerEnd> end =
      runtime::run_server({**store, **store, **store, space, *logs, log}, options);
  if (!end) return std::unexpected(name_port_owner(std::move(end.error()), process.listen));
  return end;
}

namespace {

// Sends the signal and waits, telling now and then that it waits.
Result<void> stop_process(const runtime::OtherProcess& process, int signal, const std::string& who,
                          const std::string& log, const std::function<void(const std::string&)>& say) {
  process.send_signal(signal);
  const Micros until_us = runtime::mono_now_us() + kWorkerPatience_us;
  while (!process.wait_for_end(kTell_us)) {
    if (runtime::mono_now_us() >= until_us) {
      return refuse(ErrorKind::temporary, kBusy,
                    "the " + who + " (process " + std::to_string(process.pid()) + ") does not end",
                    "see " + log);
    }
    say("waiting for the worker's tasks to stop …");
  }
  say(who + " stopped (process " + std::to_string(process.pid()) + ")");
  return {};
}

}  // namespace

Result<void> stop_local_worker(const runtime::DataFolder& folder,
                               const std::function<void(const std::string&)>& say) {
  if (const auto agent = runtime::OtherProcess::holding(folder.agent_lock())) {
    if (Result<void> stopped = stop_process(*agent, SIGINT, "worker", folder.agent_log(), say); !stopped)
      return stopped;
  }
  // Keepers whose agent was killed too still have their tasks.
  std::error_code none;
  for (std::filesystem::directory_iterator entry(folder.worker() + "/keepers", none), end;
       !none && entry != end; entry.increment(none)) {
    const auto keeper = runtime::OtherProcess::listening(entry->path(), "socket");
    if (!keeper) continue;
    if (Result<void> stopped = stop_process(*keeper, SIGTERM, "keeper", folder.agent_log(), say); !stopped)
      return stopped;
  }
  return {};
}

}  // namespace muster::apps
