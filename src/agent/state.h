// The working set of the agent: attempts it was granted, keepers it talks to, what it owes the server.
// An attempt stays here from its grant until the server says forget.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "core/lease.h"

namespace muster::agent {

struct LogPlace {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const LogPlace&) const = default;
};

enum class Place : std::uint8_t {
  waiting,    // in State::waiting, not handed to a keeper
  run_queue,  // handed over; the keeper starts it when its turn comes
  at_once,    // handed over with what it needs reserved
  ended,      // `end` is known
};

struct Task {
  Place place = Place::waiting;
  AttemptState phase = AttemptState::assigned;
  Resources resources;
  std::vector<std::uint32_t> gpus;  // indexes of the GPU slots it holds
  KeeperId keeper = 0;              // 0: none yet
  KeeperStart start;                // ready to hand over; cleared once it was
  std::string scratch;
  Micros grace_us = 0;
  std::optional<StopReason> stop;     // asked for
  Finished end;                       // valid when ended
  LogPlace log_end;                   // the end is told when the server has the log up to here …
  Micros patience_until_mono_us = 0;  // … or then; 0: no waiting
  bool told = false;                  // in this session
};

struct Keeper {
  std::uint64_t run_queue_width = 0;  // as last told
  bool width_told = false;
  Micros deadline_told_us = 0;
  LogPlace logs_taken;
  KeeperRequest request;  // what this turn asks
  bool has_request = false;
};

struct Agent::State {
  AgentOptions options;
  Capacity capacity;         // facts, with the operator's slots
  bool slots_known = false;  // the server has told the operator's
  SessionId session = 0;     // 0: not connected
  std::uint64_t sent_seq = 0;
  std::uint64_t seen_seq = 0;
  Micros lease_deadline_us = 0;  // 0: no lease yet
  Micros sync_interval_us = 5'000'000;
  Micros full_due_mono_us = 0;
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates;  // of this session
  std::map<AttemptRef, Task> tasks;
  std::deque<AttemptRef> waiting;  // in order of arrival
  std::map<KeeperId, Keeper> keepers;
  InUse reserved;                  // by tasks started at once, and by tasks on older keepers
  std::uint64_t in_run_queue = 0;  // plain tasks with the newest keeper that have not ended
  std::set<std::uint32_t> gpus_taken;
  std::set<AttemptRef> patient;  // ended, told when their log is through

  Now now;
  AgentDecision decision;
  std::vector<Have> phase_news;
  std::vector<AttemptRef> end_news;
  bool facts_news = false;        // not known to be known by the server
  Micros facts_sent_mono_us = 0;  // first sent then in this session; 0: not yet

  void on(const Connected& input);
  void on(const Disconnected& input);
  void on(const ServerSaid& input);
  void on(const KeeperJoined& input);
  void on(const KeeperSaid& input);
  void on(const KeeperDied& input);
  void on(const LogsTaken& input);
  void on(const FactsChanged& input);
  void on(const Tick& input);

  // ---- tasks (tasks.cpp)
  void take_grant(const Grant& grant);
  bool refuse_without_secrets(const AttemptRef& ref, Task& task, const Grant& grant);
  void give_back_waiting();
  KeeperStart make_start(const AttemptRef& ref, TaskNumber number, const TaskTemplate& body,
                         std::span<const std::string_view> fields) const;
  void take_stop(const Stop& stop);
  void recall(const AttemptRef& ref, Task& task);
  void forget(const AttemptRef& ref);
  void dispatch();
  bool hand_over(const AttemptRef& ref, Task& task);
  void release(Task& task);
  void end_task(const AttemptRef& ref, Task& task, Finished end);

  // ---- keepers (keepers.cpp)
  void take_started(KeeperId keeper, const AttemptRef& ref, const std::string& note, AttemptState phase);
  void take_end(KeeperId keeper, const KeeperEnd& end);
  Finished finished_from(const KeeperEnd& end, const Task& task) const;
  KeeperRequest& ask(KeeperId keeper);
  void set_width(KeeperId id, std::uint64_t width);
  void set_widths();
  void tell_keepers();

  void tell_server();
  bool log_is_through(const Task& task) const;
};

// What a task holds, as the note its keeper keeps for a later agent; and back.
std::string note_of(const Task& task);
void apply_note(const std::string& note, Task& task);

}  // namespace muster::agent
