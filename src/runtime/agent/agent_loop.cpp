// What happens in the world becomes an input of the decider; what it decides is done at once, in its order.
// Nothing here waits: everything slow (folders to remove, logs to send) is done a little at a time between events.
#include "runtime/agent/agent_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "core/escape.h"
#include "core/failpoint.h"
#include "keeper/run_as.h"
#include "runtime/agent/agent_log.h"
#include "runtime/agent/folder_remover.h"
#include "runtime/agent/keepers.h"
#include "runtime/agent/survivors.h"
#include "runtime/clock.h"
#include "runtime/core_dumps.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

namespace asio = boost::asio;
using Failure = boost::system::error_code;

namespace {

constexpr Micros kGpuPatience_us = 15'000'000;
constexpr auto kLogLook = std::chrono::milliseconds(100);  // at logs of tasks that run and write
constexpr auto kHousekeeping = std::chrono::seconds(1);
constexpr int kFactsEvery = 60;  // of these
constexpr int kSweepEvery = 3600;
constexpr Micros kFailedFolderKept_us = 24LL * 3600 * 1'000'000;
constexpr std::size_t kPlenty =
    32;  // attempts: of the last milliseconds, or so long that no millisecond matters
constexpr std::size_t kRemovalsPerTurn = 64;
constexpr std::array<std::string_view, 10> kPassedOn = {
    "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"};
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Home and name are those of whom a task runs as.
void set_identity(std::vector<std::pair<std::string, std::string>>& environment, const keeper::RunAs& who) {
  const std::pair<std::string_view, const std::string*> values[] = {
      {"HOME", &who.home}, {"USER", &who.name}, {"LOGNAME", &who.name}, {"SHELL", &who.shell}};
  for (const auto& [name, value] : values) {
    std::erase_if(environment, [&](const auto& pair) { return pair.first == name; });
    environment.emplace_back(name, *value);
  }
}

enum class LoopEnd : std::uint8_t {
  ended,
  start_over,  // forget everything and ask again, as a new agent does
  go_over,     // a newer version is there, and goes on in this process
};

class AgentLoop final : ServerLinkUser, KeepersUser {
 public:
  AgentLoop(const WorkerFolder& folder, const AgentProcess& process, WorkerFacts facts,
            const std::optional<keeper::RunAs>& run_as, Upgrade& upgrade)
      : folder_(folder),
        process_(process),
        run_as_(run_as),
        upgrade_(upgrade),
        facts_(std::move(facts)),
        agent_(agent_options()),
        remover_(folder.removed()),
        keepers_(loop_, folder, remover_, {facts_.boot_id, process.version, process.run_as}, *this),
        server_(loop_, process.server, *this),
        signals_(loop_, SIGTERM, SIGINT),
        due_timer_(loop_),
        log_timer_(loop_),
        housekeeping_timer_(loop_) {}

  LoopEnd run() {
    wait_for_signal();
    keep_house();
    keepers_.start();
    schedule();
    loop_.run();
    keepers_.save_log_places();
    return end_;
  }

 private:
  agent::AgentOptions agent_options() const {
    agent::AgentOptions options;
    options.facts = facts_;
    std::vector<std::string> own;
    for (char** variable = environ; *variable != nullptr; ++variable) own.emplace_back(*variable);
    options.environment = task_environment(own, folder_.spool_id());
    if (run_as_) set_identity(options.environment, *run_as_);
    options.work_folder = folder_.work();
    return options;
  }

  // ---- deciding

  void take(agent::Input input) override {
    agent::AgentDecision decision = agent_.handle(input, clock_now());
    failpoint("agent.decided");
    for (const agent::ToKeeper& one : decision.to_keepers) keepers_.send(one.keeper, one.request);
    if (!decision.to_keepers.empty()) failpoint("agent.keepers_told");
    for (const AgentMessage& message : decision.to_server) server_.send(message);
    if (!decision.to_server.empty()) failpoint("agent.server_told");
    for (const agent::RemoveFolder& one : decision.remove_folders) {
      remover_.add(one.path);
      rmdir(one.path.substr(0, one.path.rfind('/'))
                .c_str());  // the task's own folder, unless another attempt left something
    }
    schedule();
  }

  // Everything that may have become due by what just happened.
  void schedule() {
    wait_until_due();
    wait_to_look_at_logs();
    remove_some();
  }

  void wait_until_due() {
    const Micros due_us = agent_.next_due_us();
    if (due_us == armed_us_) return;
    armed_us_ = due_us;
    if (due_us == std::numeric_limits<Micros>::max()) {
      due_timer_.cancel();
      return;
    }
    due_timer_.expires_after(std::chrono::microseconds(std::max<Micros>(0, due_us - mono_now_us())));
    due_timer_.async_wait([this](Failure failed) {
      if (failed) return;
      armed_us_ = 0;
      take(agent::Tick{});
    });
  }

  // ---- server

  AgentHello hello() override {
    AgentHello hello;
    hello.worker_name = process_.name.empty() ? facts_.host : process_.name;
    hello.spool_id = folder_.spool_id();
    hello.facts = facts_;
    return hello;
  }

  void newer_program(const wire::Program& program, const net::ServerUrl& server) override {
    upgrade_.offered(program, server.pinned());
  }

  void welcomed(const wire::Welcome& welcome) override {
    upgrade_.reached_server();
    connected_ = true;
    keepers_.rewind_logs();
    failpoint("agent.welcomed");
    take(agent::Connected{welcome.session});
    logs_grew();
  }

  void server_said(ServerMessage message) override {
    failpoint("agent.answered");
    if (!message.grants.empty()) failpoint("agent.granted");
    if (!message.forget.empty()) failpoint("agent.may_forget");
    take(agent::ServerSaid{std::move(message)});
    keepers_.drop_done();
  }

  void new_credential(const std::string& token) override {
    const Result<void> kept = write_file_atomically(process_.server.token_file, token + "\n", 0600);
    if (kept) return server_.send_credential_kept();
    log_agent(AgentLogLevel::warning, "a new credential was not kept: " + kept.error().what);
  }

  void disconnected() override {
    connected_ = false;
    take(agent::Disconnected{});
  }

  // ---- logs

  void logs_taken(const wire::LogsTaken& taken) override {
    failpoint("agent.logs_taken");
    keepers_.logs_taken(taken);
    logs_grew();
    schedule();
  }

  void log_frame_left() override { logs_grew(); }

  void logs_grew() override {
    if (!connected_ || server_.log_frame_waits()) return;
    if (auto frame = keepers_.next_log_frame()) {
      failpoint("agent.logs_read");
      server_.send_log_frame(std::move(*frame));
    }
  }

  // A keeper tells of starts and ends; what a task writes in between is found by looking.
  void wait_to_look_at_logs() {
    if (log_look_is_on_ || agent_.size() == 0) return;
    log_look_is_on_ = true;
    log_timer_.expires_after(kLogLook);
    log_timer_.async_wait([this](Failure failed) {
      if (failed) return;
      log_look_is_on_ = false;
      keepers_.look_at_logs();
      schedule();
    });
  }

  // ---- keepers

  void keepers_known() override {
    sweep();
    server_.start();
  }

  bool has_plenty() const override { return agent_.size() >= kPlenty; }

  void start_over() override {
    log_agent(AgentLogLevel::warning, "a keeper that lives had hung up: asking everybody anew");
    end_ = LoopEnd::start_over;
    server_.stop();
    loop_.stop();
  }

  bool remembers(agent::KeeperId keeper) const override { return agent_.remembers(keeper); }

  void keepers_gone() override {
    log_agent(AgentLogLevel::info, "ended, and its keepers with it");
    loop_.stop();
  }

  // ---- folders

  void remove_some() {
    if (removing_ || !remover_.has_work()) return;
    removing_ = true;
    asio::post(loop_, [this] {
      removing_ = false;
      remover_.step(kRemovalsPerTurn);
      remove_some();
    });
  }

  // Folders of attempts that nobody knows any more, 24 h after the last look at which somebody did.
  void sweep() {
    if (!swept_batches_.empty()) return;  // still at it
    swept_batches_ = list_batch_folders(folder_.work());
    sweep_one();
  }

  void sweep_one() {
    if (swept_batches_.empty()) return;
    const BatchId batch = swept_batches_.back();
    swept_batches_.pop_back();
    const Micros now_us = wall_now_us();
    for (const AttemptFolder& one : list_attempt_folders(folder_.work(), batch)) {
      const std::string task = one.path.substr(0, one.path.rfind('/'));
      if (agent_.knows({one.batch, one.index}, one.number)) {
        utimensat(AT_FDCWD, one.path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
      } else if (now_us - one.changed_wall_us > kFailedFolderKept_us) {
        remover_.add(one.path);
        rmdir(task.c_str());
      }
    }
    remove_some();
    asio::post(loop_, [this] { sweep_one(); });
  }

  // ---- house

  void keep_house() {
    housekeeping_timer_.expires_after(kHousekeeping);
    housekeeping_timer_.async_wait([this](Failure failed) {
      if (failed) return;
      ++housekeepings_;
      keepers_.save_log_places();
      if (!stopping_ && upgrade_.look(mono_now_us())) return go_over();
      if (housekeepings_ % kFactsEvery == 0) look_at_machine();
      if (housekeepings_ % kSweepEvery == 0) sweep();
      if (!folder_.is_still_there()) {
        log_agent(AgentLogLevel::error, "the worker's folder was removed: the agent and its tasks end");
        return stop_everything();
      }
      keep_house();
    });
  }

  // Cores and memory may change under a running machine (limits of a service, a container, a virtual machine).
  void look_at_machine() {
    auto facts = discover_facts(process_.sources, folder_.work(), process_.slots, facts_.gpus);
    if (!facts) return;
    facts->version = facts_.version;
    facts->capacity.disk_mb = facts_.capacity.disk_mb;  // moves all the time; counted once
    facts->boot_id = facts_.boot_id;
    facts->tasks_are_root = facts_.tasks_are_root;
    if (*facts == facts_) return;
    facts_ = *facts;
    take(agent::FactsChanged{facts_});
  }

  void wait_for_signal() {
    signals_.async_wait([this](Failure failed, int number) {
      if (failed) return;
      if (number == SIGTERM) {
        log_agent(AgentLogLevel::info, "ended; tasks go on");
        server_.stop();
        return loop_.stop();
      }
      log_agent(AgentLogLevel::info, "ending, tasks with it");
      stop_everything();
      wait_for_signal();
    });
  }

  void go_over() {
    end_ = LoopEnd::go_over;
    server_.stop();
    loop_.stop();
  }

  void stop_everything() {
    stopping_ = true;
    connected_ = false;
    server_.stop();
    keepers_.stop_all();
  }

  const WorkerFolder& folder_;
  const AgentProcess& process_;
  const std::optional<keeper::RunAs>& run_as_;
  Upgrade& upgrade_;
  WorkerFacts facts_;
  agent::Agent agent_;
  asio::io_context loop_{1};
  FolderRemover remover_;
  Keepers keepers_;
  ServerLink server_;
  asio::signal_set signals_;
  asio::steady_timer due_timer_;
  asio::steady_timer log_timer_;
  asio::steady_timer housekeeping_timer_;
  Micros armed_us_ = std::numeric_limits<Micros>::max();  // what due_timer_ waits for
  bool connected_ = false;
  bool stopping_ = false;  // tasks and all
  bool log_look_is_on_ = false;
  bool removing_ = false;
  std::vector<BatchId> swept_batches_;
  int housekeepings_ = 0;
  LoopEnd end_ = LoopEnd::ended;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> task_environment(const std::vector<std::string>& own,
                                                                  const std::string& spool_id) {
  std::vector<std::pair<std::string, std::string>> environment;
  bool has_path = false;
  for (const std::string_view variable : own) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, equals);
    const bool passed =
        name.starts_with("LC_") || std::find(kPassedOn.begin(), kPassedOn.end(), name) != kPassedOn.end();
    if (!passed) continue;
    has_path = has_path || name == "PATH";
    environment.emplace_back(name, variable.substr(equals + 1));
  }
  if (!has_path) environment.emplace_back("PATH", kDefaultPath);
  environment.emplace_back(kSpoolIdVariable, spool_id);
  return environment;
}

std::string kept_run_as(const WorkerFolder& folder) {
  return read_line_file(folder.path() + "/run_as").value_or("");
}

namespace {

// Keepers outlive agents: while one of this folder is there, tasks go on running as whom it was started for.
Result<void> keep_identity(const WorkerFolder& folder, const std::string& run_as) {
  const std::string file = folder.path() + "/run_as";
  const std::string before = kept_run_as(folder);
  if (before != run_as && !folder.keeper_numbers().empty()) {
    return refuse(ErrorKind::wrong_state, kWrongState,
                  "the keepers of " + escape_text(folder.path()) + " run tasks as " +
                      (before.empty() ? "the agent's own user" : escape_text(before)),
                  "end them first (interrupt their agent), or use another folder");
  }
  if (before == run_as) return {};
  return write_file_atomically(file, run_as + "\n", 0600);
}

Result<std::optional<keeper::RunAs>> take_identity(const WorkerFolder& folder, const std::string& run_as) {
  if (run_as.empty()) {
    if (Result<void> kept = keep_identity(folder, run_as); !kept)
      return std::unexpected(std::move(kept.error()));
    return std::nullopt;
  }
  if (geteuid() != 0) {
    return refuse(ErrorKind::not_allowed, kNotAllowed, "--run-as needs an agent that runs as root",
                  "start it as root, or leave the option out");
  }
  Result<keeper::RunAs> who = keeper::find_run_as(run_as);
  if (!who) return std::unexpected(std::move(who.error()));
  if (Result<void> kept = keep_identity(folder, run_as); !kept)
    return std::unexpected(std::move(kept.error()));
  // They pass through, and see nothing of what is not theirs.
  chmod(folder.path().c_str(), 0711);
  chmod(folder.work().c_str(), 0711);
  if (Result<void> there = keeper::check_reachable(*who, folder.work()); !there)
    return std::unexpected(std::move(there.error()));
  return std::move(*who);
}

}  // namespace

Result<void> run_agent(const WorkerFolder& folder, const AgentProcess& process) {
  signal(SIGPIPE, SIG_IGN);
  forbid_core_dumps();
  const Result<std::optional<keeper::RunAs>> run_as = take_identity(folder, process.run_as);
  if (!run_as) return std::unexpected(run_as.error());
  auto facts = discover_facts(process.sources, folder.work(), process.slots, discover_gpus(kGpuPatience_us));
  if (!facts) return std::unexpected(std::move(facts.error()));
  facts->version = process.version;
  facts->tasks_are_root = geteuid() == 0 && !*run_as;
  Upgrade upgrade(folder,
                  {process.version, process.words, process.server.token_file, process.upgrade_patience_us});
  upgrade.begin();
  try {
    for (LoopEnd end = LoopEnd::start_over; end != LoopEnd::ended;) {
      end = AgentLoop(folder, process, *facts, *run_as, upgrade).run();
      if (end == LoopEnd::go_over) upgrade.go_over();
    }
    upgrade.ended_in_order();
  } catch (const std::exception& failed) {
    // Memory or the loop's own descriptors gave out. Nothing is lost with this process: a new one takes over.
    log_agent(AgentLogLevel::error, std::string("the agent cannot go on: ") + failed.what());
    return refuse(ErrorKind::temporary, kInternal, std::string("the agent cannot go on: ") + failed.what());
  }
  return {};
}

}  // namespace muster::runtime
