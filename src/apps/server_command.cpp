// up, down, server: options and what is said to people.
// `up` without -d is the server; with -d it starts one and waits for its first word.
#include "apps/server_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <limits>

#include "apps/open_store.h"
#include "apps/server_process.h"
#include "cli/session.h"
#include "client/api.h"
#include "core/escape.h"
#include "keeper/run_as.h"
#include "runtime/clock.h"
#include "runtime/process.h"

namespace muster::apps {
namespace {

constexpr Micros kStartPatience_us = 120'000'000;  // a migration of a large database is part of it
constexpr Micros kAnswerPatience_us = 10'000'000;
constexpr Micros kLeaseLeast_us = 2'000'000;
constexpr char kSeparator = '\x1f';

// ---- the first word of a detached server: "ready" or "error", then its parts, on one line

void send_word(int descriptor, const std::vector<std::string>& parts) {
  std::string line;
  for (const std::string& part : parts)
    line += (line.empty() ? "" : std::string(1, kSeparator)) + escape_text(part);
  line += '\n';
  // The parent may be gone, which is its matter.
  if (write(descriptor, line.data(), line.size()) < 0) errno = 0;
  close(descriptor);
}

std::vector<std::string> split_word(std::string_view line) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = line.find(kSeparator);
    parts.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

void send_error(int descriptor, const Error& error) {
  send_word(descriptor,
            {"error", std::to_string(static_cast<int>(error.kind)), error.code, error.what, error.next});
}

// The line that arrives within the time; empty when the other side ended without one.
Result<std::string> receive_line(int descriptor, Micros patience_us) {
  std::string text;
  const Micros until_us = runtime::mono_now_us() + patience_us;
  for (;;) {
    pollfd wait{descriptor, POLLIN, 0};
    const Micros left_us = until_us - runtime::mono_now_us();
    if (left_us <= 0 || poll(&wait, 1, static_cast<int>(left_us / 1000 + 1)) == 0) {
      return refuse(ErrorKind::temporary, kServerStartingOrStopping, "the server has not answered yet",
                    "look again in a while: muster status");
    }
    std::array<char, 512> buffer;
    const ssize_t size = read(descriptor, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::string();
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (const std::size_t end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
  }
}

// ---- what all three share

struct ServerTargets {
  std::string data;
  std::string listen = "127.0.0.1:7420";
  std::optional<std::uint64_t> slots;
  std::optional<std::uint64_t> gpu_slots;
  std::string run_as;
  bool no_worker = false;
  bool no_upgrade = false;
  std::string store;
  TlsChoice tls;
  std::optional<std::int64_t> renew_agents_us;
  std::optional<std::int64_t> lease_us;
};

void declare_server(cli::Options& options, ServerTargets& targets) {
  options.text("--data", "DIR", targets.data, "Folder of the database, the logs and the worker");
  options.text("--listen", "HOST:PORT", targets.listen,
               "Address to answer at, * for all; port 0 picks a free one (default 127.0.0.1:7420)");
  options.flag("--tls", targets.tls.always, "TLS on 127.0.0.1, too; other addresses always have it");
  options.text("--tls-cert", "FILE", targets.tls.certificate,
               "Certificate, PEM (default: one that the server makes for itself)");
  options.text("--tls-key", "FILE", targets.tls.key, "Its key, PEM");
  options.duration_us("--lease", targets.lease_us,
                      "how long a worker without a word keeps its tasks before they run elsewhere (default "
                      "24h; joined workers 1h)");
  options.duration_us("--renew-agents", targets.renew_agents_us,
                      "age of a joined worker's credential when it gets a new one (default 24h)");
  options.number("--slots", "N", targets.slots, "CPU slots of the worker (default: its cores)");
  options.number("--gpu-slots", "N", targets.gpu_slots,
                 "GPU slots of the worker (default: the GPUs that are found)");
  options.text("--run-as", "USER", targets.run_as, "As root: the user whom the worker's tasks run as");
  options.text("--store", "URL", targets.store,
               "PostgreSQL database instead of the folder's own, remembered: postgres://…; or sqlite");
  options.flag("--no-worker", targets.no_worker, "Start no worker on this machine");
  options.flag("--no-upgrade", targets.no_upgrade, "Leave agents of older versions as they are");
}

Result<std::optional<std::uint32_t>> slot_number(const std::optional<std::uint64_t>& number,
                                                 std::string_view option) {
  constexpr std::uint64_t kMost = 1'000'000;
  if (!number) return std::nullopt;
  if (*number > kMost) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  std::string(option) + " is at most " + std::to_string(kMost));
  }
  return static_cast<std::uint32_t>(*number);
}

Result<void> check_run_as(const std::string& user) {
  if (user.empty()) return {};
  if (geteuid() != 0)
    return refuse(ErrorKind::not_allowed, kNotAllowed, "--run-as needs a server that runs as root",
                  "start it as root, or leave the option out");
  const Result<keeper::RunAs> who = keeper::find_run_as(user);
  if (!who) return std::unexpected(who.error());
  return {};
}

Result<ServerProcess> make_process(const ServerTargets& targets, cli::Session& session) {
  ServerProcess process;
  Result<runtime::DataFolder> folder = runtime::find_data_folder(targets.data);
  if (!folder) return std::unexpected(folder.error());
  const Result<runtime::ListenAddress> listen = runtime::parse_listen_address(targets.listen);
  if (!listen) return std::unexpected(listen.error());
  const auto slots = slot_number(targets.slots, "--slots");
  if (!slots) return std::unexpected(slots.error());
  const auto gpu_slots = slot_number(targets.gpu_slots, "--gpu-slots");
  if (!gpu_slots) return std::unexpected(gpu_slots.error());
  const Result<std::string> store = find_store(targets.store, *folder);
  if (!store) return std::unexpected(store.error());
  if (!targets.store.empty()) {
    if (Result<void> kept = remember_store(*store, *folder); !kept) return std::unexpected(kept.error());
  }
  process.store_url = *store;
  process.standing_by = [](const std::string&) {};
  if (targets.tls.certificate.empty() != targets.tls.key.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue, "a certificate and its key go together",
                  "give both --tls-cert FILE and --tls-key FILE");
  }
  process.folder = std::move(*folder);
  process.listen = *listen;
  process.tls = targets.tls;
  process.renew_agents_us = targets.renew_agents_us;
  if (targets.lease_us && *targets.lease_us < kLeaseLeast_us)
    return refuse(ErrorKind::usage, kMalformedValue, "a lease is at least 2 seconds", "the default is 24h");
  process.lease_us = targets.lease_us;
  if (Result<void> may = check_run_as(targets.run_as); !may) return std::unexpected(may.error());
  process.worker = {!targets.no_worker, *slots, *gpu_slots, targets.run_as};
  process.version = session.version();
  process.upgrade_agents = !targets.no_upgrade;
  return process;
}

Result<client::Api> connect(const runtime::DataFolder& folder) {
  // This folder's server, whatever the environment names.
  client::EndpointOptions options;
  options.data_folder = folder.path;
  Result<client::Endpoint> endpoint =
      client::find_endpoint(options, [](std::string_view) { return std::optional<std::string>(); });
  if (!endpoint) return std::unexpected(endpoint.error());
  return Result<client::Api>(std::in_place, std::move(*endpoint), -1);
}

// The address of the folder's server if one holds the folder and answers; nothing when nobody holds it.
Result<std::optional<std::string>> running_server(const runtime::DataFolder& folder) {
  const Micros until_us = runtime::mono_now_us() + kAnswerPatience_us;
  while (runtime::is_locked(folder.lock())) {
    Result<client::Api> api = connect(folder);
    if (api && api->status()) return api->endpoint().url;
    if (runtime::mono_now_us() > until_us) {
      const std::optional<runtime::OtherProcess> owner = runtime::OtherProcess::holding(folder.lock());
      return refuse(ErrorKind::wrong_state, kDataFolderInUse,
                    "the folder " + escape_text(folder.path) + " is in use by " +
                        (owner ? "process " + std::to_string(owner->pid()) : "a process") +
                        ", which does not answer",
                    "see " + folder.log() + ", or end it: muster down --data " + folder.path);
    }
    client::pause_unless(-1, 50'000);
  }
  return std::nullopt;
}

// The detached server works in another folder.
std::string absolute(const std::string& path) {
  std::error_code failed;
  return std::filesystem::absolute(path, failed).string();
}

// ---- up

class Up final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.flag("-d,--detach", detach_, "Return when the server answers; it goes on in the background");
    declare_server(options, targets_);
  }

  Result<int> run(cli::Session& session) override {
    Result<ServerProcess> process = make_process(targets_, session);
    if (!process) return std::unexpected(process.error());
    const Result<std::optional<std::string>> running = running_server(process->folder);
    if (!running) return std::unexpected(running.error());
    if (*running) {
      session.out().line("muster is already running at " + (*running)->substr(0, (*running)->find('#')) +
                         " (data " + escape_text(process->folder.path) + ")");
      session.out().flush();
      return 0;
    }
    return detach_ ? run_detached(*process, session) : run_here(*process, session);
  }

 private:
  static std::string ready_line(const ServerProcess& process, const std::string& url) {
    return "muster " + process.version + " ready at " + url + " (data " + escape_text(process.folder.path) +
           ")";
  }

  static std::string standby_line(const ServerProcess& process, const std::string& url) {
    return "muster " + process.version + " stands by at " + url + " (data " +
           escape_text(process.folder.path) + "); it takes over when the leader is gone";
  }

  static Result<int> run_here(ServerProcess& process, cli::Session& session) {
    process.interrupt = runtime::ServerOptions::Interrupt::stops_everything;
    process.echo =
        session.err_terminal().is_terminal ? runtime::TerminalEcho::plain : runtime::TerminalEcho::none;
    process.ready = [&](const std::string& url) {
      session.out().line(ready_line(process, url));
      session.out().flush();
    };
    process.standing_by = [&](const std::string& url) {
      session.out().line(standby_line(process, url));
      session.out().flush();
    };
    const Result<runtime::ServerEnd> end = run_server_process(process);
    if (!end) return std::unexpected(end.error());
    if (*end == runtime::ServerEnd::everything) {
      const Result<void> stopped =
          stop_local_worker(process.folder, [&](const std::string& text) { session.note(text); });
      if (!stopped) return std::unexpected(stopped.error());
    }
    return 0;
  }

  Result<int> run_detached(const ServerProcess& process, cli::Session& session) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return refuse(ErrorKind::temporary, kInternal, "cannot make a pipe");
    runtime::DetachedProcess child;
    child.arguments = {
        "server", "--data", process.folder.path, "--listen", targets_.listen, "--ready-descriptor", "3"};
    if (targets_.no_worker) child.arguments.emplace_back("--no-worker");
    if (targets_.no_upgrade) child.arguments.emplace_back("--no-upgrade");
    for (const auto& [name, time_us] :
         {std::pair("--renew-agents", targets_.renew_agents_us), {"--lease", targets_.lease_us}}) {
      if (time_us)
        child.arguments.insert(child.arguments.end(), {name, std::to_string(*time_us / 1000) + "ms"});
    }
    if (!targets_.run_as.empty())
      child.arguments.insert(child.arguments.end(), {"--run-as", targets_.run_as});
    if (targets_.tls.always) child.arguments.emplace_back("--tls");
    for (const auto& [name, file] :
         {std::pair("--tls-cert", targets_.tls.certificate), {"--tls-key", targets_.tls.key}}) {
      if (!file.empty()) child.arguments.insert(child.arguments.end(), {name, absolute(file)});
    }
    for (const auto& [name, value] :
         {std::pair("--slots", targets_.slots), {"--gpu-slots", targets_.gpu_slots}}) {
      if (value) child.arguments.insert(child.arguments.end(), {name, std::to_string(*value)});
    }
    child.folder = "/";
    child.keep_descriptor = ends[1];
    const Result<pid_t> pid = runtime::start_detached(child);
    close(ends[1]);
    Result<std::string> line =
        pid ? receive_line(ends[0], kStartPatience_us) : Result<std::string>(std::unexpected(pid.error()));
    close(ends[0]);
    if (!line) return std::unexpected(line.error());
    return report(process, split_word(*line), session);
  }

  static Result<int> report(const ServerProcess& process, const std::vector<std::string>& word,
                            cli::Session& session) {
    if (word.size() == 2 && word[0] == "ready") {
      session.out().line(ready_line(process, word[1]));
      session.out().flush();
      return 0;
    }
    if (word.size() == 2 && word[0] == "standby") {
      session.out().line(standby_line(process, word[1]));
      session.out().flush();
      return 0;
    }
    if (word.size() == 5 && word[0] == "error") {
      return refuse(static_cast<ErrorKind>(std::stoi(word[1])), word[2], word[3], word[4]);
    }
    return refuse(ErrorKind::temporary, kInternal, "the server ended before it answered",
                  "see " + process.folder.log());
  }

  ServerTargets targets_;
  bool detach_ = false;
};

// ---- server

class ServerCommand final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    declare_server(options, targets_);
    options.number("--ready-descriptor", "N", ready_descriptor_,
                   "Where the first word goes: the address, or an error");
  }

  Result<int> run(cli::Session& session) override {
    Result<ServerProcess> process = make_process(targets_, session);
    if (!process) return std::unexpected(process.error());
    int descriptor = -1;
    if (ready_descriptor_ && *ready_descriptor_ < 1024) descriptor = static_cast<int>(*ready_descriptor_);
    if (descriptor >= 0) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    process->ready = [&](const std::string& url) {
      if (descriptor >= 0) send_word(std::exchange(descriptor, -1), {"ready", url});
    };
    process->standing_by = [&](const std::string& url) {
      if (descriptor >= 0) send_word(std::exchange(descriptor, -1), {"standby", url});
    };
    const Result<runtime::ServerEnd> end = run_server_process(*process);
    if (end) return 0;
    if (descriptor >= 0) send_error(std::exchange(descriptor, -1), end.error());
    return std::unexpected(end.error());
  }

 private:
  ServerTargets targets_;
  std::optional<std::uint64_t> ready_descriptor_;
};

// ---- down

class Down final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--data", "DIR", data_, "The data folder whose server and worker are stopped");
    options.flag("--keep-running", keep_running_, "Stop the server alone; worker and tasks go on");
  }

  Result<int> run(cli::Session& session) override {
    const Result<runtime::DataFolder> folder = runtime::find_data_folder(data_);
    if (!folder) return std::unexpected(folder.error());
    stopped_ = false;
    const auto say = [&](const std::string& text) {
      stopped_ = true;
      session.note(text);
    };
    if (Result<void> done = stop_server(*folder, say); !done) return std::unexpected(done.error());
    if (!keep_running_) {
      if (Result<void> done = stop_local_worker(*folder, say); !done) return std::unexpected(done.error());
    }
    if (!stopped_) session.note("nothing runs in " + folder->path);
    return 0;
  }

 private:
  Result<void> stop_server(const runtime::DataFolder& folder,
                           const std::function<void(const std::string&)>& say) const {
    const std::optional<runtime::OtherProcess> owner = runtime::OtherProcess::holding(folder.lock());
    if (!owner) {
      if (!runtime::is_locked(folder.lock())) return {};
      return refuse(ErrorKind::not_allowed, kNotAllowed,
                    "the server of " + escape_text(folder.path) + " belongs to another user",
                    "ask that user, or use root");
    }
    Result<client::Api> api = connect(folder);
    // What a standby's folder names is the leader, which goes on.
    const bool stands_by = runtime::read_line_file(folder.standby()).has_value();
    const bool asked = !stands_by && api && api->shut_down(keep_running_);
    // One that does not answer still listens to this.
    if (!asked) owner->send_signal(SIGTERM);
    while (!owner->wait_for_end(5'000'000)) {
      say(asked && !keep_running_ ? "waiting for running tasks to stop …"
                                  : "waiting for the server to end …");
    }
    say("server stopped (process " + std::to_string(owner->pid()) + ")");
    return {};
  }

  std::string data_;
  bool keep_running_ = false;
  bool stopped_ = false;
};

template <class Body>
std::unique_ptr<cli::CommandBody> make() {
  return std::make_unique<Body>();
}

constexpr std::array kCommands{
    cli::Command{"up", cli::CommandSection::start, cli::CommonOptions::none, "[options]",
                 "start a server, and a worker on this machine",
                 "muster up -d                        # in the background\n"
                 "muster up --data /srv/muster        # in the foreground, with its own folder\n"
                 "muster up -d --listen 127.0.0.1:0   # on any free port\n",
                 make<Up>},
    cli::Command{"down", cli::CommandSection::start, cli::CommonOptions::none, "[options]",
                 "stop the server and the worker; running tasks will run again",
                 "muster down                  # running tasks get TERM, a grace, KILL\n"
                 "muster down --keep-running   # the server alone; tasks go on\n",
                 make<Down>},
    cli::Command{"server", cli::CommandSection::hidden, cli::CommonOptions::none, "[options]",
                 "the server process that `muster up -d` starts", "", make<ServerCommand>},
};

}  // namespace

std::span<const cli::Command> server_commands() { return kCommands; }

}  // namespace muster::apps
