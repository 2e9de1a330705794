// Putting a server together and taking it apart again, in the order that leaves nothing half done.
// The folder's lock is taken first and given back last.
#include "apps/server_process.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include "apps/open_store.h"
#include "apps/web_files.h"
#include "blobs/log_store.h"
#include "core/escape.h"
#include "keeper/run_as.h"
#include "net/certificate.h"
#include "net/server_url.h"
#include "net/tls.h"
#include "runtime/clock.h"
#include "runtime/process.h"
#include "runtime/standby.h"
#include "store/folder_lock.h"

namespace muster::apps {
namespace {

constexpr Micros kWorkerPatience_us = 3600LL * 1'000'000;
constexpr Micros kTell_us = 5'000'000;

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

// The names this machine goes by, as clients may write them and as its certificate has them.
std::vector<std::string> own_names() {
  utsname names{};
  if (uname(&names) != 0 || names.nodename[0] == '\0') return {};
  return {names.nodename};
}

// The first IPv4 address of an interface that is up and is not loopback.
std::string outer_address() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  std::string found;
  for (const ifaddrs* one = all; one != nullptr && found.empty(); one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) found = text.data();
  }
  freeifaddrs(all);
  return found;
}

std::string program_beside() {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed).parent_path() / "muster";
}

// Nothing when the port speaks plain HTTP, which it does on loopback only.
Result<std::optional<net::TlsContext>> make_tls(const ServerProcess& process) {
  const TlsChoice& tls = process.tls;
  if (process.listen.is_loopback() && !tls.always && tls.certificate.empty()) return std::nullopt;
  net::CertificateFiles files{tls.certificate, tls.key};
  if (files.certificate.empty()) {
    files = {process.folder.tls_certificate(), process.folder.tls_key()};
    std::vector<std::string> hosts = own_names();
    hosts.insert(hosts.end(), {"localhost", "127.0.0.1", process.listen.host});
    if (const std::string outer = outer_address(); !outer.empty()) hosts.push_back(outer);
    if (Result<void> kept = net::keep_own_certificate(files, hosts, runtime::wall_now_us()); !kept)
      return std::unexpected(kept.error());
  }
  Result<net::TlsContext> context = net::TlsContext::server(files.certificate, files.key);
  if (!context) return std::unexpected(context.error());
  return std::optional<net::TlsContext>(std::move(*context));
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

namespace {

// The port of a URL of ours, which ends with it.
std::uint16_t port_of(const std::string& url) {
  std::uint16_t port = 0;
  std::from_chars(url.data() + url.rfind(':') + 1, url.data() + url.size(), port);
  return port;
}

runtime::ServerOptions server_options(ServerProcess& process, OpenStore& store) {
  runtime::ServerOptions options;
  options.folder = process.folder;
  options.listen = process.listen;
  options.tls = process.tls_context;
  options.host_names = own_names();
  options.outer_address = outer_address();
  if (process.lease_us) {
    options.engine.lease_us = *process.lease_us;
    options.engine.lease_elsewhere_us = *process.lease_us;
    // An answer has to come several times before the agent's side of a short lease is over.
    options.engine.sync_interval_us = std::min(options.engine.sync_interval_us, *process.lease_us / 8);
  }
  if (process.renew_agents_us) options.renew_agents_us = *process.renew_agents_us;
  options.version = process.version;
  options.upgrade_agents = process.upgrade_agents;
  options.web_files = web_files();
  // muster-server needs libraries that other machines may not have: they get the static program beside it.
  if (postgres() != nullptr) options.program = program_beside();
  options.store_name = store.name();
  options.owner = user_name();
  options.worker = process.worker;
  options.interrupt = process.interrupt;
  options.ready = [&](const std::string& url) {
    store.announce(url);
    process.listen.port = port_of(url);  // the same one when it stands by
    process.ready(url);
  };
  return options;
}

// How who waits for this server reaches it from this machine.
net::ServerUrl standby_url(const ServerProcess& process) {
  net::ServerUrl url;
  url.host = process.listen.host == "0.0.0.0" ? "127.0.0.1"
             : process.listen.is_any()        ? "::1"
                                              : process.listen.host;
  url.port = process.listen.port;
  if (process.tls_context != nullptr) {
    url.scheme = net::Scheme::https;
    url.pin = process.tls_context->pin();
  }
  return url;
}

// Until this server may lead, or is told to end. Meanwhile the folder leads to the leader.
Result<runtime::StandbyEnd> stand_by(ServerProcess& process, OpenStore& store, runtime::ServerLog& log) {
  if (store.try_lead()) return runtime::StandbyEnd::leads;
  std::string written;
  runtime::StandbyOptions options;
  options.listen = process.listen;
  options.tls = process.tls_context;
  options.leader = [&] { return store.leader(); };
  options.may_lead = [&] {
    if (store.try_lead()) return true;
    const std::string leader = store.leader();
    if (leader != written && runtime::write_file_atomically(process.folder.url(), leader + "\n", 0644)) {
      written = leader;
      log.info("the leader answers elsewhere", {{"leader", leader}});
    }
    return false;
  };
  options.ready = [&](const runtime::ListenAddress& address) {
    process.listen = address;  // the same one when it leads
    const net::ServerUrl url = standby_url(process);
    (void)runtime::write_file_atomically(process.folder.standby(), url.pinned() + "\n", 0644);
    log.info("standing by", {{"url", url.text()}});
    process.standing_by(url.text());
  };
  Result<runtime::StandbyEnd> end = runtime::run_standby(options);
  unlink(process.folder.standby().c_str());
  unlink(process.folder.url().c_str());
  return end;
}

// Of a shared store: leads, and stands by again when another server has taken over or the database is gone for too long.
Result<runtime::ServerEnd> take_turns(ServerProcess process, OpenStore& store, blobs::LogStore& logs,
                                      runtime::ServerLog& log) {
  for (;;) {
    const Result<runtime::StandbyEnd> waited = stand_by(process, store, log);
    if (!waited) return std::unexpected(waited.error());
    if (*waited == runtime::StandbyEnd::stopped) return runtime::ServerEnd::server_alone;
    Result<runtime::ServerEnd> end =
        runtime::run_server({store.store(), store.history(), store.access(), store.disk(), logs, log},
                            server_options(process, store));
    if (end || end.error().code != kNoDatabase) return end;
    unlink(process.folder.url().c_str());
    log.warning("the lead is lost", {{"why", end.error().what}});
  }
}

}  // namespace

namespace {

// Whom tasks run as comes to the worker's folder, and to nothing else of ours, whatever the umask made of it.
Result<void> let_through(const ServerProcess& process) {
  const std::string kept = runtime::read_line_file(process.folder.worker() + "/run_as").value_or("");
  if (process.worker.wanted && kept != process.worker.run_as &&
      runtime::is_locked(process.folder.agent_lock())) {
    return refuse(ErrorKind::wrong_state, kWrongState,
                  "the worker of " + escape_text(process.folder.path) + " is running, and runs tasks as " +
                      (kept.empty() ? "its own user" : escape_text(kept)),
                  (kept.empty() ? "leave --run-as out" : "say --run-as " + escape_text(kept)) +
                      ", or end it first: muster down --data " + escape_text(process.folder.path));
  }
  if (process.worker.run_as.empty()) return {};
  const std::string& folder = process.folder.path;
  const Result<keeper::RunAs> who = keeper::find_run_as(process.worker.run_as);
  if (!who) return std::unexpected(who.error());
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->is_regular_file(failed) && !entry->is_symlink(failed) && entry->path() != process.folder.url())
      chmod(entry->path().c_str(), 0600);
  }
  chmod(folder.c_str(), 0711);
  if (Result<void> there = keeper::check_reachable(*who, folder); !there) {
    there.error().next = "choose another --data, such as /var/lib/muster";
    return there;
  }
  return {};
}

}  // namespace

Result<runtime::ServerEnd> run_server_process(ServerProcess process) {
  raise_descriptor_limit();
  if (Result<void> made = runtime::make_data_folder(process.folder); !made)
    return std::unexpected(made.error());
  Result<store::FolderLock> lock = lock_folder(process.folder);
  if (!lock) return std::unexpected(lock.error());
  const Result<std::optional<net::TlsContext>> tls = make_tls(process);
  if (!tls) return std::unexpected(tls.error());
  process.tls_context = *tls ? &**tls : nullptr;
  // Of a server that was killed: nobody answers there.
  unlink(process.folder.url().c_str());
  unlink(process.folder.standby().c_str());
  Result<std::unique_ptr<OpenStore>> store = open_store(process.store_url, process.folder, *lock);
  if (!store) return std::unexpected(store.error());
  Result<blobs::LogStore> logs = blobs::LogStore::open(process.folder.logs());
  if (!logs) return std::unexpected(logs.error());
  runtime::ServerLog log(process.folder.log(), process.echo);
  if (Result<void> open = let_through(process); !open) return std::unexpected(open.error());
  OpenStore& opened = **store;
  Result<runtime::ServerEnd> end =
      opened.is_shared() ? take_turns(process, opened, *logs, log)
                         : runtime::run_server(
                               {opened.store(), opened.history(), opened.access(), opened.disk(), *logs, log},
                               server_options(process, opened));
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
