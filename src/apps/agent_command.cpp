// agent and keeper: from options to the loops of runtime/agent and keeper/.
// Neither says anything on standard output; what they have to say is in their log, or goes to whoever started them.
#include "apps/agent_command.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "core/version.h"
#include "keeper/keeper.h"
#include "runtime/agent/agent_loop.h"
#include "runtime/agent/server_address.h"
#include "runtime/data_folder.h"

namespace muster::apps {
namespace {

std::optional<std::uint32_t> narrow(const std::optional<std::uint64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, 1'000'000));
}

class AgentBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--folder", "DIR", folder_, "The worker's folder; made if missing");
    options.text("--server", "URL", process_.server.server_url,
                 "Address of the server; several with commas between them when it has standbys");
    options.text("--url-file", "FILE", process_.server.server_file,
                 "File that holds the server's address, read at each try");
    options.text("--token-file", "FILE", token_,
                 "File that holds the worker's token (default: agent.token of the folder)");
    options.text("--name", "NAME", process_.name,
                 "What the server should call this worker (default: the host's name)");
    options.number("--slots", "N", cpu_slots_, "CPU slots (default: its cores)");
    options.number("--gpu-slots", "N", gpu_slots_, "GPU slots (default: the GPUs that are found)");
    options.text("--run-as", "USER", process_.run_as, "As root: the user whom tasks run as");
    options.duration_us(
        "--reconnect-max", reconnect_max_us_,
        "Longest pause between two tries to reach the server (default: 1s on this machine, else 30s)");
    options.duration_us(
        "--upgrade-patience", upgrade_patience_us_,
        "How long a newer version has to reach the server before this one goes on (default: 5m)");
    options.text("--boot-id-file", "FILE", boot_id_,
                 "File that changes at each boot, for containers without /proc/sys");
  }

  Result<int> run(cli::Session&) override {
    if (folder_.empty())
      return refuse(ErrorKind::usage, kMalformedValue, "the worker's folder is missing", "give --folder DIR");
    if (process_.server.server_url.empty() == process_.server.server_file.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "the server's address is needed once",
                    "give --server URL or --url-file FILE");
    }
    if (!process_.server.server_url.empty()) {
      for (const std::string& url : runtime::split_server_urls(process_.server.server_url)) {
        const auto address = runtime::parse_server_url(url);
        if (!address) return std::unexpected(address.error());
      }
    }
    auto folder = runtime::WorkerFolder::take(folder_);
    if (!folder) return std::unexpected(folder.error());
    // A folder that joined keeps whom its tasks run as.
    if (process_.run_as.empty() && runtime::read_line_file(folder->path() + "/server.url"))
      process_.run_as = runtime::kept_run_as(*folder);
    process_.server.token_file = token_.value_or(folder->path() + "/agent.token");
    process_.version = std::string(own_version());
    process_.slots = {narrow(cpu_slots_), narrow(gpu_slots_)};
    process_.server.pause_max_us = reconnect_max_us_.value_or(0);
    process_.upgrade_patience_us = upgrade_patience_us_.value_or(runtime::kUpgradePatience_us);
    process_.words = again_words(*folder);
    if (boot_id_) process_.sources.boot_id_file = *boot_id_;
    const Result<void> end = runtime::run_agent(*folder, process_);
    if (!end) return std::unexpected(end.error());
    return 0;
  }

 private:
  // The same words to another version, wherever it is started.
  std::vector<std::string> again_words(const runtime::WorkerFolder& folder) const {
    std::vector<std::string> words = {"agent", "--folder", folder.path()};
    const auto add = [&](const std::string& name, const std::string& value) {
      if (!value.empty()) words.insert(words.end(), {name, value});
    };
    add("--server", process_.server.server_url);
    add("--url-file", absolute(process_.server.server_file));
    add("--token-file", absolute(process_.server.token_file));
    add("--name", process_.name);
    add("--run-as", process_.run_as);
    add("--boot-id-file", absolute(boot_id_.value_or("")));
    if (cpu_slots_) add("--slots", std::to_string(*cpu_slots_));
    if (gpu_slots_) add("--gpu-slots", std::to_string(*gpu_slots_));
    if (reconnect_max_us_) add("--reconnect-max", std::to_string(*reconnect_max_us_ / 1000) + "ms");
    if (upgrade_patience_us_) add("--upgrade-patience", std::to_string(*upgrade_patience_us_ / 1000) + "ms");
    return words;
  }

  static std::string absolute(const std::string& path) {
    std::error_code failed;
    return path.empty() ? path : std::filesystem::absolute(path, failed).string();
  }

  std::string folder_;
  runtime::AgentProcess process_;
  std::optional<std::string> token_;
  std::optional<std::string> boot_id_;
  std::optional<std::int64_t> reconnect_max_us_;
  std::optional<std::int64_t> upgrade_patience_us_;
  std::optional<std::uint64_t> cpu_slots_;
  std::optional<std::uint64_t> gpu_slots_;
};

class KeeperBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--folder", "DIR", options_.folder, "The keeper's folder, made by its agent");
    options.number("--ready-fd", "FD", ready_fd_,
                   "Open descriptor that gets one line when the keeper answers");
    options.text("--run-as", "USER", options_.run_as, "Whom tasks run as");
    options.flag("--detach", options_.detach, "Go on as nobody's child");
  }

  Result<int> run(cli::Session&) override {
    if (options_.folder.empty())
      return refuse(ErrorKind::usage, kMalformedValue, "the keeper's folder is missing", "give --folder DIR");
    if (ready_fd_) options_.ready_fd = static_cast<int>(std::min<std::uint64_t>(*ready_fd_, 1 << 20));
    return keeper::run_keeper(options_);
  }

 private:
  keeper::KeeperOptions options_;
  std::optional<std::uint64_t> ready_fd_;
};

constexpr std::array<cli::Command, 2> kCommands{{
    {"agent", cli::CommandSection::hidden, cli::CommonOptions::none, "--folder DIR --url-file FILE",
     "run a worker's agent",
     "muster agent --folder /srv/muster/worker --url-file /srv/muster/server.url   # what `muster up` "
     "starts\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<AgentBody>(); }},
    {"keeper", cli::CommandSection::hidden, cli::CommonOptions::none, "--folder DIR", "run a worker's keeper",
     "muster keeper --folder /srv/muster/worker/keepers/1   # what an agent starts\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<KeeperBody>(); }},
}};

}  // namespace

std::span<const cli::Command> agent_commands() { return kCommands; }

}  // namespace muster::apps
