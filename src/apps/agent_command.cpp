// agent and keeper: from options to the loops of runtime/agent and keeper/.
// Neither says anything on standard output; what they have to say is in their log, or goes to whoever started them.
#include "apps/agent_command.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "cli/session.h"
#include "core/version.h"
#include "keeper/keeper.h"
#include "runtime/agent/agent_loop.h"

namespace muster::apps {
namespace {

std::optional<std::uint32_t> narrow(const std::optional<std::uint64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, 1'000'000));
}

class AgentBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--folder", "DIR", folder_, "the worker's folder");
    options.text("--server", "URL", process_.server.server_url, "the server");
    options.text("--url-file", "FILE", process_.server.server_file, "a file that holds the server's address, read at each try");
    options.text("--agent-token", "FILE", token_, "a file that holds the worker's token (default: agent.token of the folder)");
    options.text("--name", "NAME", process_.name, "what the server should call this worker (default: the host's name)");
    options.number("--slots", "N", cpu_slots_, "CPU slots (default: the number of cores)");
    options.number("--gpu-slots", "N", gpu_slots_, "GPU slots (default: the GPUs that nvidia-smi finds)");
    options.text("--boot-id-file", "FILE", boot_id_, "what changes at each boot, where there is no /proc/sys");
  }

  Result<int> run(cli::Session&) override {
    if (folder_.empty()) return refuse(ErrorKind::usage, kMalformedValue, "the worker's folder is missing", "give --folder DIR");
    if (process_.server.server_url.empty() && process_.server.server_file.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "the server's address is missing", "give --server URL or --url-file FILE");
    }
    auto folder = runtime::WorkerFolder::take(folder_);
    if (!folder) return std::unexpected(folder.error());
    process_.server.token_file = token_.value_or(folder->path() + "/agent.token");
    process_.version = std::string(kVersion);
    process_.slots = {narrow(cpu_slots_), narrow(gpu_slots_)};
    if (boot_id_) process_.sources.boot_id_file = *boot_id_;
    const Result<void> end = runtime::run_agent(*folder, process_);
    if (!end) return std::unexpected(end.error());
    return 0;
  }

 private:
  std::string folder_;
  runtime::AgentProcess process_;
  std::optional<std::string> token_;
  std::optional<std::string> boot_id_;
  std::optional<std::uint64_t> cpu_slots_;
  std::optional<std::uint64_t> gpu_slots_;
};

class KeeperBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--folder", "DIR", options_.folder, "the keeper's folder, made by its agent");
    options.number("--ready-fd", "FD", ready_fd_, "an open descriptor that gets one line when the keeper answers");
    options.flag("--detach", options_.detach, "go on as nobody's child");
  }

  Result<int> run(cli::Session&) override {
    if (options_.folder.empty()) return refuse(ErrorKind::usage, kMalformedValue, "the keeper's folder is missing", "give --folder DIR");
    if (ready_fd_) options_.ready_fd = static_cast<int>(std::min<std::uint64_t>(*ready_fd_, 1 << 20));
    return keeper::run_keeper(options_);
  }

 private:
  keeper::KeeperOptions options_;
  std::optional<std::uint64_t> ready_fd_;
};

constexpr std::array<cli::Command, 2> kCommands{{
    {"agent", cli::CommandSection::hidden, cli::CommonOptions::none, "--folder DIR --url-file FILE",
     "Run a worker's agent", "muster agent --folder /var/lib/muster/worker --url-file /var/lib/muster/server.url\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<AgentBody>(); }},
    {"keeper", cli::CommandSection::hidden, cli::CommonOptions::none, "--folder DIR", "Run a worker's keeper",
     "muster keeper --folder /var/lib/muster/worker/keepers/1\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<KeeperBody>(); }},
}};

}  // namespace

std::span<const cli::Command> agent_commands() { return kCommands; }

}  // namespace muster::apps
