// One small life cycle per keeper's folder: being looked for, joined, ending, dead; a timer looks again at those in between.
// Inputs to the agent come from here in an order that it relies on: a keeper's ends before its death, its death before a new one.
#include "runtime/agent/keepers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <utility>

#include "core/failpoint.h"
#include "keeper/connect.h"
#include "keeper/records.h"
#include "runtime/agent/agent_log.h"
#include "runtime/agent/keeper_link.h"
#include "runtime/agent/log_shipper.h"
#include "runtime/agent/survivors.h"
#include "runtime/clock.h"
#include "runtime/core_dumps.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

namespace asio = boost::asio;

namespace {

constexpr Micros kStartPatience_us = 10'000'000;
constexpr Micros kLook_us = 20'000;  // between two looks at a keeper that is being looked for or ending
constexpr Micros kComplaint_us = 30'000'000;  // between two lines about one that does not answer
constexpr Micros kSurvivorPatience_us = 60'000'000;
constexpr Micros kStartPauseMax_us = 5'000'000;  // between two tries to start one
constexpr int kCleanLooks = 2;  // a process that is just becoming a program may be missed by one
constexpr const char* kBootName = "boot_id";     // the agent's own note in a keeper's folder
constexpr const char* kVersionName = "version";  // also: of the program that was started there
constexpr const char* kPlaceName = "shipped";

enum class Life : std::uint8_t {
  sought,  // it may live: being connected to, or asked what it has
  joined,  // it answers
  ending,  // its process is gone; what its tasks left is being ended
  dead,    // told; its logs are being sent
};

// The path of this program where that still leads to it, so that people recognise the process; else what the kernel has.
std::string own_program() {
  std::error_code failed;
  const std::string path = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  struct stat there{};
  struct stat own{};
  const bool same = !failed && stat(path.c_str(), &there) == 0 && stat("/proc/self/exe", &own) == 0 &&
                    there.st_dev == own.st_dev && there.st_ino == own.st_ino;
  return same ? path : "/proc/self/exe";
}

}  // namespace

struct Keepers::State final : KeeperLinkUser {
  State(asio::io_context& the_loop, const WorkerFolder& the_folder, FolderRemover& the_remover,
        KeepersOptions the_options, KeepersUser& the_user)
      : loop(the_loop),
        folder(the_folder),
        remover(the_remover),
        options(std::move(the_options)),
        user(the_user),
        timer(the_loop) {}

  struct Entry {
    Life life = Life::sought;
    bool initial = false;  // its folder was there at the start
    bool was_joined = false;
    bool is_of_this_version = false;
    std::optional<keeper::KeeperIdentity> identity;
    std::unique_ptr<KeeperLink> link;
    std::optional<LogShipper> shipper;
    // Of an ending or dead one:
    keeper::KeeperRecords records;
    std::uint64_t alive_until_ticks = 0;
    int clean_looks = 0;
    Micros since_us = 0;  // of this life
    Micros complained_us = 0;
  };

  asio::io_context& loop;
  const WorkerFolder& folder;
  FolderRemover& remover;
  KeepersOptions options;
  KeepersUser& user;
  asio::steady_timer timer;
  bool timer_is_on = false;
  std::map<agent::KeeperId, Entry> entries;
  bool known = false;     // keepers_known() was called
  bool stopping = false;  // no new keeper
  bool gone_told = false;
  std::uint32_t failed_starts = 0;
  Micros next_start_us = 0;

  // ---- looking

  void look() {
    // An entry may go while it is looked at.
    std::vector<agent::KeeperId> ids;
    for (const auto& [id, entry] : entries) ids.push_back(id);
    for (const agent::KeeperId id : ids) {
      if (entries.at(id).life == Life::sought) seek(id);
      if (entries.at(id).life == Life::ending) end_survivors(id);
    }
    drop_done();
    tell_known();
    keep_one_alive();
    tell_gone();
    set_timer();
  }

  bool is_unsettled() const {
    return std::any_of(entries.begin(), entries.end(), [](const auto& one) {
      return one.second.life == Life::sought || one.second.life == Life::ending;
    });
  }

  bool has_living() const {
    return std::any_of(entries.begin(), entries.end(), [](const auto& one) {
      return one.second.life == Life::sought || one.second.life == Life::joined;
    });
  }

  // Nobody is there for new tasks. One of another version that lives is; it is asked what it has first.
  bool wants_another() const {
    if (stopping) return false;
    bool asked = true;
    for (const auto& [id, entry] : entries) {
      if (entry.life == Life::joined && entry.is_of_this_version) return false;
      if (entry.life == Life::sought) asked = false;
    }
    return asked;
  }

  void set_timer() {
    const bool start_again = wants_another();
    if (timer_is_on || (!is_unsettled() && !start_again)) return;
    timer_is_on = true;
    timer.expires_after(std::chrono::microseconds(kLook_us));
    timer.async_wait([this](const boost::system::error_code& failed) {
      if (failed) return;
      timer_is_on = false;
      look();
    });
  }

  void tell_known() {
    if (known) return;
    for (const auto& [id, entry] : entries) {
      if (entry.initial && (entry.life == Life::sought || entry.life == Life::ending)) return;
    }
    known = true;
    user.keepers_known();
  }

  void tell_gone() {
    if (!stopping || gone_told || has_living() || is_unsettled()) return;
    gone_told = true;
    user.keepers_gone();
  }

  // ---- one that may live

  bool is_of_this_boot(agent::KeeperId id) const {
    const auto boot = read_line_file(folder.keeper(id) + "/" + kBootName);
    return boot && *boot == options.boot_id;
  }

  void seek(agent::KeeperId id) {
    Entry& entry = entries.at(id);
    const std::string path = folder.keeper(id);
    entry.identity = keeper::read_identity(path);
    const bool alive = entry.identity && is_of_this_boot(id) && keeper::is_alive(*entry.identity);
    if (!alive) {
      if (!entry.identity && !take_unfinished(id)) return complain(id, "is still being started by somebody");
      return begin_end(id);
    }
    if (entry.link) return complain(id, "lives and does not answer");
    auto socket = keeper::connect_keeper(path);
    if (!socket) return complain(id, socket.error().what);
    entry.link = std::make_unique<KeeperLink>(loop, id, std::move(*socket), *this);
    KeeperRequest request;
    request.list = true;
    entry.link->start();
    entry.link->send(request);
  }

  // A folder without identity: a start that was cut short. While its lock is ours no keeper can come to life in it.
  bool take_unfinished(agent::KeeperId id) {
    const std::string path = folder.keeper(id);
    const blobs::File held(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!held) return true;
    if (flock(held.get(), LOCK_EX | LOCK_NB) != 0) return false;
    remover.add(path);
    return true;
  }

  void complain(agent::KeeperId id, const std::string& why) {
    Entry& entry = entries.at(id);
    const Micros now_us = mono_now_us();
    if (entry.complained_us == 0) entry.complained_us = now_us;
    if (now_us - entry.complained_us < kComplaint_us) return;
    entry.complained_us = now_us;
    log_agent(AgentLogLevel::warning, "waiting for keeper " + std::to_string(id) + ": " + why);
  }

  void keeper_inventory(agent::KeeperId id, KeeperReport report) override {
    Entry& entry = entries.at(id);
    if (entry.life == Life::joined) return take_report(id, std::move(report));
    if (entry.was_joined) return user.start_over();
    entry.life = Life::joined;
    entry.was_joined = true;
    entry.is_of_this_version = read_line_file(folder.keeper(id) + "/" + kVersionName) == options.version;
    entry.complained_us = 0;
    failed_starts = 0;
    open_shipper(id);
    log_agent(AgentLogLevel::info, "keeper " + std::to_string(id) + " answers (process " +
                                       std::to_string(entry.identity->process_id) +
                                       "): " + std::to_string(report.started.size()) + " running, " +
                                       std::to_string(report.queued.size()) + " queued, " +
                                       std::to_string(report.ended.size()) + " ended");
    failpoint("agent.keeper.joined");
    note_growth(id, report);
    user.take(agent::KeeperJoined{id, std::move(report)});
    tell_place(id);
    look();
  }

  void keeper_said(agent::KeeperId id, KeeperReport report) override { take_report(id, std::move(report)); }

  void take_report(agent::KeeperId id, KeeperReport report) {
    if (entries.at(id).life != Life::joined) return;
    note_growth(id, report);
    user.take(agent::KeeperSaid{id, std::move(report)});
  }

  bool has_plenty() const override { return user.has_plenty(); }

  void keeper_hung_up(agent::KeeperId id, const std::string& why) override {
    Entry& entry = entries.at(id);
    entry.link.reset();
    if (entry.life == Life::joined) {
      entry.life = Life::sought;
      entry.alive_until_ticks = ticks_now();
      log_agent(AgentLogLevel::info, "keeper " + std::to_string(id) + " is gone: " + why);
    } else {
      complain(id, why);
    }
    // A process that is ending closes its files a moment before it is gone.
    look();
  }

  // ---- one that is gone

  void begin_end(agent::KeeperId id) {
    Entry& entry = entries.at(id);
    entry.life = Life::ending;
    entry.since_us = mono_now_us();
    entry.link.reset();
    open_shipper(id);
    if (entry.shipper) entry.shipper->look_again();
    auto records = keeper::read_records(folder.keeper(id));
    if (records) {
      entry.records = std::move(*records);
    } else {
      log_agent(AgentLogLevel::error,
                "the records of keeper " + std::to_string(id) + " cannot be read: " + records.error().what);
    }
    // What it noted last was still done by it.
    for (const KeeperStarted& started : entry.records.started) {
      entry.alive_until_ticks = std::max(entry.alive_until_ticks, started.process_start_ticks);
    }
  }

  void end_survivors(agent::KeeperId id) {
    Entry& entry = entries.at(id);
    const bool none = !is_of_this_boot(id) ||
                      kill_survivors(entry.records.started, entry.alive_until_ticks, folder.spool_id());
    entry.clean_looks = none ? entry.clean_looks + 1 : 0;
    const bool over = entry.records.started.empty() || entry.clean_looks >= kCleanLooks;
    const bool hopeless = mono_now_us() - entry.since_us > kSurvivorPatience_us;
    if (!over && !hopeless) return;
    if (!over) {
      log_agent(AgentLogLevel::error,
                "processes of keeper " + std::to_string(id) + " cannot be killed; they are left behind");
    }
    tell_death(id);
  }

  void tell_death(agent::KeeperId id) {
    Entry& entry = entries.at(id);
    entry.life = Life::dead;
    agent::KeeperDied died;
    died.keeper = id;
    for (const KeeperStarted& started : entry.records.started) died.started.push_back(started.attempt);
    died.ended = std::move(entry.records.ended);
    entry.records = {};
    const bool quiet = died.started.empty() && stopping;
    log_agent(quiet ? AgentLogLevel::info : AgentLogLevel::warning,
              "keeper " + std::to_string(id) + " is dead: " + std::to_string(died.started.size()) +
                  " tasks died with it, " + std::to_string(died.ended.size()) + " had ended before");
    user.take(std::move(died));
    tell_place(id);
    user.logs_grew();
  }

  // Its folder goes when the server has its logs and its ends.
  void drop_if_done(agent::KeeperId id) {
    const auto found = entries.find(id);
    if (found == entries.end() || found->second.life != Life::dead) return;
    const Entry& entry = found->second;
    if ((entry.shipper && !entry.shipper->is_through()) || user.remembers(id)) return;
    remover.add(folder.keeper(id));
    entries.erase(found);
  }

  void drop_done() {
    for (auto next = entries.begin(); next != entries.end();) {
      const agent::KeeperId id = next->first;
      ++next;
      drop_if_done(id);
    }
  }

  // ---- a new one

  void keep_one_alive() {
    if (!wants_another() || mono_now_us() < next_start_us) return;
    agent::KeeperId id = entries.empty() ? 1 : entries.rbegin()->first + 1;
    for (const std::uint64_t number : folder.keeper_numbers()) id = std::max(id, number + 1);
    if (const Result<void> started = start_one(id); !started) {
      const Micros pause_us = std::min(kStartPauseMax_us, Micros{100'000} << std::min(failed_starts++, 10U));
      next_start_us = mono_now_us() + pause_us;
      log_agent(AgentLogLevel::error, started.error().what);
    }
    entries.try_emplace(id).first->second.since_us = mono_now_us();
    seek(id);
  }

  Result<void> start_one(agent::KeeperId id) {
    const std::string path = folder.keeper(id);
    if (auto made = blobs::open_folder_at(AT_FDCWD, path); !made)
      return std::unexpected(std::move(made.error()));
    if (auto noted = write_file_atomically(path + "/" + kBootName, options.boot_id + "\n", 0600); !noted)
      return noted;
    if (auto noted = write_file_atomically(path + "/" + kVersionName, options.version + "\n", 0600); !noted)
      return noted;
    failpoint("agent.keeper.noted");
    std::vector<std::string> words = {"keeper"};
    if (!options.run_as.empty()) words.insert(words.end(), {"--run-as", options.run_as});
    const CoreDumpsOfChildren allowed;
    auto identity = keeper::start_keeper(own_program(), words, path, kStartPatience_us);
    if (!identity) return std::unexpected(std::move(identity.error()));
    failpoint("agent.keeper.started");
    return {};
  }

  // ---- logs

  void open_shipper(agent::KeeperId id) {
    Entry& entry = entries.at(id);
    if (entry.shipper) return;
    const std::string path = folder.keeper(id);
    auto shipper = LogShipper::open(id, path + "/" + keeper::kLogsName, path + "/" + kPlaceName);
    if (shipper) entry.shipper.emplace(std::move(*shipper));
    // Without a folder of logs there are none: the keeper never began.
  }

  void tell_place(agent::KeeperId id) {
    const Entry& entry = entries.at(id);
    if (!entry.shipper) return;
    const blobs::SegmentPlace place = entry.shipper->taken_place();
    if (place != blobs::SegmentPlace{}) user.take(agent::LogsTaken{id, place.segment, place.offset});
  }

  void note_growth(agent::KeeperId id, const KeeperReport& report) {
    Entry& entry = entries.at(id);
    if (!entry.shipper) return;
    entry.shipper->grown({report.log_segment, report.log_offset});
    if (entry.shipper->wants_to_send()) user.logs_grew();
  }

  std::optional<std::string> next_log_frame() {
    for (auto& [id, entry] : entries) {
      if (!entry.shipper || !entry.shipper->wants_to_send()) continue;
      auto frame = entry.shipper->next_frame();
      if (frame && *frame) return std::move(*frame);
      if (!frame) complain(id, frame.error().what);
    }
    drop_done();
    return std::nullopt;
  }
};

Keepers::Keepers(asio::io_context& loop, const WorkerFolder& folder, FolderRemover& remover,
                 KeepersOptions options, KeepersUser& user)
    : state_(std::make_unique<State>(loop, folder, remover, std::move(options), user)) {}

Keepers::~Keepers() = default;

void Keepers::start() {
  for (const std::uint64_t number : state_->folder.keeper_numbers()) {
    State::Entry& entry = state_->entries[number];
    entry.initial = true;
    entry.since_us = mono_now_us();
  }
  state_->look();
}

void Keepers::send(agent::KeeperId keeper, const KeeperRequest& request) {
  const auto found = state_->entries.find(keeper);
  if (found != state_->entries.end() && found->second.life == Life::joined) found->second.link->send(request);
}

void Keepers::stop_all() {
  state_->stopping = true;
  for (const auto& [id, entry] : state_->entries) {
    if (!entry.identity || !keeper::is_alive(*entry.identity)) continue;
    const pid_t process = static_cast<pid_t>(entry.identity->process_id);
    const blobs::File handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!keeper::is_alive(*entry.identity)) continue;  // the descriptor may be of a later process
    if (handle) {
      syscall(SYS_pidfd_send_signal, handle.get(), SIGTERM, nullptr, 0);
    } else {
      kill(process, SIGTERM);
    }
  }
  state_->look();
}

std::optional<std::string> Keepers::next_log_frame() { return state_->next_log_frame(); }

void Keepers::logs_taken(const wire::LogsTaken& answer) {
  const auto found = state_->entries.find(answer.keeper);
  if (found == state_->entries.end() || !found->second.shipper || !found->second.shipper->taken(answer))
    return;
  state_->tell_place(answer.keeper);
  state_->drop_if_done(answer.keeper);
}

void Keepers::rewind_logs() {
  for (auto& [id, entry] : state_->entries) {
    if (entry.shipper) entry.shipper->rewind();
  }
}

void Keepers::look_at_logs() {
  bool any = false;
  for (auto& [id, entry] : state_->entries) {
    if (entry.life != Life::joined || !entry.shipper) continue;
    entry.shipper->look_again();
    any = true;
  }
  if (any) state_->user.logs_grew();
}

void Keepers::save_log_places() {
  for (auto& [id, entry] : state_->entries) {
    if (entry.shipper) entry.shipper->save_place();
  }
}

void Keepers::drop_done() { state_->drop_done(); }

}  // namespace muster::runtime
