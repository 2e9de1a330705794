// The agent's side: what was offered, who fetches it, and the exec.
// The file `probation` says that a version has not reached its server yet; renamed to `refused` it says that it never did.
#include "runtime/agent/upgrade.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/escape.h"
#include "core/version.h"
#include "runtime/agent/agent_log.h"
#include "runtime/clock.h"
#include "runtime/data_folder.h"
#include "runtime/own_program.h"
#include "runtime/process.h"

namespace muster::runtime {

namespace {

constexpr Micros kFirstPause_us = 60'000'000;
constexpr Micros kLongestPause_us = 3600LL * 1'000'000;
constexpr Micros kRefusedFor_us = 24LL * 3600 * 1'000'000;

// "0.2.0 <sha256 in hexadecimal>"
std::string line_of(const wire::Program& program) { return program.version + " " + hex_of(program.sha256); }

std::string version_in(const std::string& line) { return line.substr(0, line.find(' ')); }

void warn(const std::string& text) { log_agent(AgentLogLevel::warning, text); }

}  // namespace

Upgrade::Upgrade(const WorkerFolder& folder, UpgradeOptions options)
    : folder_(folder), options_(std::move(options)) {}

std::string Upgrade::program_of(const std::string& version) const {
  return folder_.versions() + "/" + version + "/muster";
}

bool Upgrade::is_on_probation() const {
  const auto line = read_line_file(probation());
  return line && version_in(*line) == options_.version;
}

// The probation of another version is over when this one runs: it ended, and its guard or whoever looks after agents started this one.
void Upgrade::begin() {
  const auto line = read_line_file(probation());
  if (!line || version_in(*line) == options_.version) return;
  warn("version " + escape_text(version_in(*line)) + " was tried and did not come up; going on as " +
       options_.version);
  rename(probation().c_str(), refused().c_str());
}

bool Upgrade::was_refused(const wire::Program& program) const {
  struct stat file{};
  const auto line = read_line_file(refused());
  if (!line || *line != line_of(program) || stat(refused().c_str(), &file) != 0) return false;
  const Micros age_us = wall_now_us() - static_cast<Micros>(file.st_mtim.tv_sec) * 1'000'000;
  return age_us < kRefusedFor_us;
}

void Upgrade::offered(const wire::Program& program, const std::string& server) {
  if (!is_older_version(options_.version, program.version)) return;
  if (was_refused(program)) {
    return log_agent(AgentLogLevel::info, "the server's version " + escape_text(program.version) +
                                              " failed here less than a day ago: it is left alone");
  }
  if (offer_ && offer_->program == program) {
    offer_->server = server;
    return;
  }
  log_agent(AgentLogLevel::info, "the server has version " + escape_text(program.version) + ", this is " +
                                     options_.version + ": fetching it");
  offer_ = Offer{program, server, 0, 0};
}

void Upgrade::reached_server() {
  if (!is_on_probation()) return;
  log_agent(AgentLogLevel::info, "version " + options_.version + " has taken over");
  unlink(probation().c_str());
  unlink(refused().c_str());
  // Programs that are running keep what they need of a file that is gone.
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.versions(), failed)) {
    if (entry.path().filename() != options_.version) std::filesystem::remove_all(entry.path(), failed);
  }
}

void Upgrade::ended_in_order() {
  if (is_on_probation()) unlink(probation().c_str());
}

// A process of its own fetches, because that may take long.
void Upgrade::start_fetching(Micros mono_us) {
  offer_->next_try_us =
      mono_us + std::min(kLongestPause_us, kFirstPause_us << std::min(offer_->failures++, 10U));
  DetachedProcess fetch;
  fetch.arguments = {"fetch",
                     "--from",
                     offer_->server,
                     "--is",
                     offer_->program.version,
                     "--sha256",
                     hex_of(offer_->program.sha256),
                     "--out",
                     program_of(offer_->program.version),
                     "--token-file",
                     options_.token_file};
  fetch.output = folder_.path() + "/upgrade.log";
  const Result<pid_t> started = start_detached(fetch);
  if (!started) return warn(started.error().what);
  fetcher_ = *started;
}

bool Upgrade::look(Micros mono_us) {
  if (fetcher_ != 0) return take_fetched(mono_us);
  if (offer_ && offer_->next_try_us <= mono_us) start_fetching(mono_us);
  return false;
}

bool Upgrade::take_fetched(Micros mono_us) {
  int status = 0;
  if (waitpid(fetcher_, &status, WNOHANG) != fetcher_) return false;
  fetcher_ = 0;
  if (!offer_) return false;
  if (status == 0) return true;
  const std::string version = escape_text(offer_->program.version);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kFetchedDoesNotRun) {
    warn("version " + version +
         " of the server does not run on this machine, see upgrade.log; it is left alone");
    (void)write_file_atomically(refused(), line_of(offer_->program) + "\n", 0600);
    offer_.reset();
    return false;
  }
  warn("version " + version + " could not be fetched, see upgrade.log; tried again in " +
       std::to_string((offer_->next_try_us - mono_us) / 1'000'000) + " s");
  return false;
}

// It is nobody's child when this returns: the program that this process becomes knows nothing of it.
Result<void> Upgrade::start_guard() const {
  std::error_code failed;
  DetachedProcess guard;
  guard.arguments = {
      "guard", "--folder", folder_.path(), "--patience", std::to_string(options_.patience_us / 1000) + "ms",
      "--"};
  guard.arguments.insert(guard.arguments.end(), options_.words.begin(), options_.words.end());
  guard.output = folder_.path() + "/upgrade.log";
  guard.folder = std::filesystem::current_path(failed).string();
  const Result<pid_t> started = start_detached(guard);
  if (!started) return std::unexpected(started.error());
  int status = 0;
  while (waitpid(*started, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return refuse(ErrorKind::temporary, kInternal,
                "nothing watches over the change of version, see upgrade.log");
}

void Upgrade::go_over() {
  if (!offer_) return;
  const Offer offer = *std::exchange(offer_, std::nullopt);
  const std::string program = program_of(offer.program.version);
  if (Result<void> noted = write_file_atomically(probation(), line_of(offer.program) + "\n", 0600); !noted)
    return warn(noted.error().what);
  if (Result<void> guarded = start_guard(); !guarded) {
    unlink(probation().c_str());
    return warn(guarded.error().what);
  }
  log_agent(AgentLogLevel::info,
            "going on as version " + escape_text(offer.program.version) + "; tasks go on under their keeper");
  std::vector<std::string> words = {program};
  words.insert(words.end(), options_.words.begin(), options_.words.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  folder_.keep_lock_through_exec();
  execv(program.c_str(), pointers.data());
  warn("cannot run " + escape_text(program) + ": " + std::strerror(errno));
  rename(probation().c_str(), refused().c_str());
}

}  // namespace muster::runtime
