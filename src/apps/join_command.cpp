// join: exchanges a key for a credential, keeps it in the worker's folder, and goes on as that worker's agent.
// A folder that has joined before needs no key: the same command without one takes the work up again.
#include "apps/join_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "client/api.h"
#include "core/escape.h"
#include "core/join_key.h"
#include "core/version.h"
#include "runtime/agent/agent_loop.h"
#include "runtime/clock.h"
#include "runtime/data_folder.h"
#include "runtime/process.h"

namespace muster::apps {
namespace {

constexpr Micros kStartPatience_us = 30'000'000;

std::string host_name() {
  utsname names{};
  return uname(&names) == 0 && names.nodename[0] != '\0' ? names.nodename : "worker";
}

// Beside the data folder of a server on the same machine, whose own worker has another one.
Result<std::string> default_folder() {
  Result<runtime::DataFolder> data = runtime::find_data_folder({});
  if (!data) return std::unexpected(data.error());
  return data->path + "/joined";
}

std::optional<std::uint32_t> narrow(const std::optional<std::uint64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, 1'000'000));
}

class Join final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.positional("URL", url_, 0, 1, "the server's address, as muster invite printed it");
    options.text("--key", "KEY", key_, "the key that muster invite printed; needed once");
    options.text("--name", "NAME", name_, "what the server calls this worker (default: the host's name)");
    options.text("--folder", "DIR", folder_, "the worker's folder (default: joined/ beside a server's data)");
    options.number("--slots", "N", cpu_slots_, "CPU slots (default: its cores)");
    options.number("--gpu-slots", "N", gpu_slots_, "GPU slots (default: the GPUs that are found)");
    options.text("--run-as", "USER", run_as_,
                 "as root: the user whom tasks run as; kept in the folder for the next time");
    options.duration_us(
        "--upgrade-patience", upgrade_patience_us_,
        "how long a newer version has to reach the server before this one goes on (default: 5m)");
    options.text("--boot-id-file", "FILE", boot_id_,
                 "file that changes at each boot, for containers without /proc/sys");
    options.flag("-d,--detach", detach_,
                 "return when the server has taken it; it works on in the background");
  }

  Result<int> run(cli::Session& session) override {
    if (folder_.empty()) {
      Result<std::string> folder = default_folder();
      if (!folder) return std::unexpected(folder.error());
      folder_ = std::move(*folder);
    }
    if (!url_.empty() || !key_.empty()) {
      if (url_.empty() || key_.empty()) {
        return refuse(ErrorKind::usage, kMalformedValue, "an address and a key go together",
                      "muster join URL --key KEY, as muster invite printed it");
      }
      if (Result<void> joined = exchange(session); !joined) return std::unexpected(joined.error());
    } else if (!runtime::read_line_file(folder_ + "/server.url")) {
      return refuse(ErrorKind::usage, kMalformedValue, escape_text(folder_) + " has not joined a server yet",
                    "muster join URL --key KEY, as muster invite printed it on the server's side");
    }
    return detach_ ? run_detached(session) : run_here();
  }

 private:
  // The folder is ours from here on, so that two of the same name are told apart before a key is used up.
  Result<void> exchange(cli::Session& session) {
    const Result<JoinKey> key = parse_join_key(key_);
    if (!key) return std::unexpected(key.error());
    Result<client::Address> address = client::parse_url(url_.front());
    if (!address) return std::unexpected(address.error());
    if (!key->pin.empty()) address->pin = key->pin;
    Result<runtime::WorkerFolder> folder = runtime::WorkerFolder::take(folder_);
    if (!folder) return std::unexpected(folder.error());
    folder_ = folder->path();
    if (const auto other = runtime::read_line_file(folder_ + "/server.url");
        other && *other != address->pinned()) {
      return refuse(ErrorKind::wrong_state, kWrongState,
                    escape_text(folder_) + " is the folder of a worker of " +
                        escape_text(other->substr(0, other->find('#'))),
                    "choose another one: --folder DIR");
    }
    client::Endpoint endpoint{address->text(), "the address given", *address, key->token, {}, {}};
    client::Api api(std::move(endpoint), -1);
    const auto joined = api.join(folder->spool_id(), name_.empty() ? host_name() : name_);
    if (!joined) return std::unexpected(plain_refusal(joined.error()));
    const client::Json answer = joined->root();
    for (const auto& [file, text] : {std::pair("/agent.token", std::string(answer["token"].text())),
                                     {"/server.url", address->pinned()}}) {
      if (Result<void> kept = runtime::write_file_atomically(folder_ + file, text + "\n", 0600); !kept)
        return kept;
    }
    session.note("joined " + address->text() + " as " + escape_text(answer["name"].text()) + " (folder " +
                 escape_text(folder_) + ")");
    return {};
  }

  // Used, expired, revoked or never made: one sentence, because who holds a key need not know which.
  static Error plain_refusal(Error error) {
    if (error.code != kTokenWrong) return error;
    return {ErrorKind::not_allowed, kKeyRefused,
            "the server does not take this key: it has been used, or its time is over",
            "ask for a new one: muster invite"};
  }

  Result<int> run_here() {
    Result<runtime::WorkerFolder> folder = runtime::WorkerFolder::take(folder_);
    if (!folder) return std::unexpected(folder.error());
    runtime::AgentProcess process;
    process.server.server_file = folder->path() + "/server.url";
    process.server.token_file = folder->path() + "/agent.token";
    process.name = name_;
    process.run_as = run_as_.empty() ? runtime::kept_run_as(*folder) : run_as_;
    process.words = again_words();
    process.upgrade_patience_us = upgrade_patience_us_.value_or(runtime::kUpgradePatience_us);
    process.version = std::string(own_version());
    process.slots = {narrow(cpu_slots_), narrow(gpu_slots_)};
    if (boot_id_) process.sources.boot_id_file = *boot_id_;
    const Result<void> end = runtime::run_agent(*folder, process);
    if (!end) return std::unexpected(end.error());
    return 0;
  }

  // The same command without the key: what it was good for is in the folder.
  std::vector<std::string> again_words() const {
    std::error_code failed;
    std::vector<std::string> words = {"join", "--folder",
                                      std::filesystem::absolute(folder_, failed).string()};
    const auto add = [&](const char* name, const std::string& value) {
      words.insert(words.end(), {name, value});
    };
    if (!name_.empty()) add("--name", name_);
    if (!run_as_.empty()) add("--run-as", run_as_);
    if (boot_id_) add("--boot-id-file", std::filesystem::absolute(*boot_id_, failed).string());
    if (cpu_slots_) add("--slots", std::to_string(*cpu_slots_));
    if (gpu_slots_) add("--gpu-slots", std::to_string(*gpu_slots_));
    if (upgrade_patience_us_) add("--upgrade-patience", std::to_string(*upgrade_patience_us_ / 1000) + "ms");
    return words;
  }

  Result<int> run_detached(cli::Session& session) const {
    runtime::DetachedProcess child;
    child.arguments = again_words();
    child.output = folder_ + "/agent.log";
    child.folder = folder_;
    const Result<pid_t> started = runtime::start_detached(child);
    if (!started) return std::unexpected(started.error());
    const Micros until_us = runtime::mono_now_us() + kStartPatience_us;
    while (!runtime::is_locked(folder_ + "/agent.lock")) {
      if (runtime::mono_now_us() > until_us) {
        return refuse(ErrorKind::temporary, kInternal, "the worker ended before it had begun",
                      "see " + folder_ + "/agent.log");
      }
      client::pause_unless(-1, 20'000);
    }
    session.note("the worker runs in the background (process " + std::to_string(*started) + ", log " +
                 escape_text(folder_) + "/agent.log)");
    return 0;
  }

  std::vector<std::string> url_;
  std::string key_;
  std::string name_;
  std::string folder_;
  std::optional<std::uint64_t> cpu_slots_;
  std::optional<std::uint64_t> gpu_slots_;
  std::optional<std::string> boot_id_;
  std::string run_as_;
  std::optional<std::int64_t> upgrade_patience_us_;
  bool detach_ = false;
};

constexpr std::array<cli::Command, 1> kCommands{{
    {"join", cli::CommandSection::start, cli::CommonOptions::none, "[options] URL --key KEY",
     "make this machine a worker of a server elsewhere",
     "muster join https://lab:7420 --key KEY      # as muster invite printed it on the server's side\n"
     "muster join https://lab:7420 --key KEY -d   # goes on in the background\n"
     "muster join -d                              # again, after this machine was restarted\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<Join>(); }},
}};

}  // namespace

std::span<const cli::Command> join_commands() { return kCommands; }

}  // namespace muster::apps
