// The one pair of messages between agent and server: what I have, and what you should have.
// Lost, doubled and late messages heal at the next full one; `session` and `seq` let a receiver drop what is out of date.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/cause.h"
#include "core/ids.h"
#include "core/resources.h"
#include "core/states.h"
#include "core/task_template.h"

namespace muster {

inline constexpr std::uint32_t kAgentProtocol = 1;

// Facts about the machine, sent with hello and whenever they change.
struct WorkerFacts {
  std::string host;
  std::string boot_id;  // of the kernel; a new one proves that everything older is dead
  std::string version;
  Capacity capacity;              // slots as the agent was told at its start, or discovered
  std::vector<std::string> gpus;  // names, one for each discovered GPU
  std::int64_t process_id = 0;
  bool tasks_are_root = false;  // the agent is root's, and no --run-as says whom its tasks run as
  bool operator==(const WorkerFacts&) const = default;
};

struct AgentHello {
  std::uint32_t protocol_min = kAgentProtocol;
  std::uint32_t protocol_max = kAgentProtocol;
  std::string worker_name;
  std::string spool_id;  // random, kept in the worker's folder: a worker is its folder
  WorkerFacts facts;
  bool operator==(const AgentHello&) const = default;
};

struct Usage {
  Micros wall_us = 0;
  Micros user_us = 0;
  Micros system_us = 0;
  std::uint64_t peak_memory_bytes = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  bool operator==(const Usage&) const = default;
};

// The end of one attempt as its agent saw it. Kept by the agent until the server says forget.
struct Finished {
  AttemptRef attempt;
  AttemptState outcome = AttemptState::succeeded;  // a final one
  Cause cause = Cause::none;                       // none exactly when succeeded or cancelled
  std::int32_t exit_code = 0;                      // valid for cause exit and for success
  std::int32_t signal = 0;                         // valid for cause signal, oom, timeout
  Micros started_wall_us = 0;                      // 0: never started
  Micros ended_wall_us = 0;
  Usage usage;
  std::uint64_t stdout_bytes = 0;  // written by the task, before any cut
  std::uint64_t stderr_bytes = 0;
  bool log_cut = false;  // something of it is not on the server
  std::string message;   // one line for people: errno text, limit passed …
  bool operator==(const Finished&) const = default;
};

struct Have {
  AttemptRef attempt;
  AttemptState phase = AttemptState::assigned;  // a live one
  bool operator==(const Have&) const = default;
};

// Agent -> server.
struct AgentMessage {
  SessionId session = 0;
  std::uint64_t seq = 0;       // +1 per message in a session
  std::uint64_t seen_seq = 0;  // the newest server message taken in
  Micros sent_mono_us = 0;     // the agent's clock; echoed, so that it can count its lease from sending
  bool full = false;           // `have` is everything; without it only changes since the last message
  std::vector<Have> have;
  std::vector<Finished> finished;  // everything not yet forgotten if full, else what is new
  std::optional<WorkerFacts> facts;
  bool operator==(const AgentMessage&) const = default;
};

// One secret of a grant. The engine names it; the value comes in where the message leaves the server, and goes to this agent alone.
struct GrantSecret {
  std::string variable;  // of the task's environment
  std::string project;   // not told to agents
  std::string name;
  std::string value;
  std::string problem = "it was not sent along";  // why there is no value; empty: there is
  bool operator==(const GrantSecret&) const = default;
};

// Tasks of one template granted together: indexes first, first+step, … (count of them), all with the same attempt number.
struct Grant {
  TemplateId template_id = 0;
  BatchId batch = 0;
  TaskIndex first_index = 0;
  std::uint64_t step = 1;
  std::uint64_t count = 1;
  TaskNumber first_number = 0;  // global number of the first; they are consecutive
  std::uint32_t attempt = 1;
  Incarnation incarnation = 0;
  std::vector<std::string> fields;  // count * columns values, row by row; empty without items
  std::vector<GrantSecret> secrets;
  bool operator==(const Grant&) const = default;
};

struct TemplateDefinition {
  TemplateId id = 0;
  TaskTemplate body;
  bool operator==(const TemplateDefinition&) const = default;
};

enum class StopReason : std::uint8_t {
  cancel,    // a person's; ends as cancelled
  shutdown,  // `muster down`: ends as refused when never started, as lost without cost otherwise
  stale,     // not current any more: kill, forget, report nothing
  recall,    // another worker is idle: ends as refused when it was not started, else it goes on
};

struct Stop {
  AttemptRef attempt;
  StopReason reason = StopReason::cancel;
  bool operator==(const Stop&) const = default;
};

// Server -> agent.
struct ServerMessage {
  SessionId session = 0;
  std::uint64_t seq = 0;
  Micros echo_sent_mono_us = 0;  // sent_mono_us of the newest agent message handled; 0: none
  Micros lease_us = 0;
  Micros sync_interval_us = 0;             // how often a full message is wanted
  std::optional<std::uint32_t> cpu_slots;  // enabled by the operator; absent: as the agent said
  std::optional<std::uint32_t> gpu_slots;
  NamedAmounts named;                         // what the operator says this worker offers
  std::vector<TemplateDefinition> templates;  // those used below that this session has not seen
  std::vector<Grant> grants;
  std::vector<Stop> stops;
  std::vector<AttemptRef> forget;  // the end is on disk at the server
  bool operator==(const ServerMessage&) const = default;
};

}  // namespace muster
