// The worker's decider, the same shape as the server's: one input and the time give what to say and what to do.
// It knows the server only by ServerMessage and the tasks only by their keepers; both may vanish and come back at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/agent_messages.h"
#include "core/keeper_messages.h"

namespace muster::agent {

using KeeperId = std::uint64_t;

struct AgentOptions {
  WorkerFacts facts;
  // What every task starts with (PATH, HOME …); MUSTER_… and the template's are added.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string work_folder;  // absolute: holds <batch>/<index>/<attempt>/
  Micros log_patience_us =
      5'000'000;  // an end waits that long for its log to reach the server, then goes out marked cut
  std::uint64_t run_queue_depth = 512;  // handed to the keeper beyond the width, at most
};

// ---- inputs

// Welcomed by a server. Given only after every keeper folder that existed at the agent's start was joined or found dead:
// what the agent says it has is complete.
struct Connected {
  SessionId session = 0;
};
struct Disconnected {};
struct ServerSaid {
  ServerMessage message;
};
// A keeper answers; `report` is its complete inventory. New starts go to the keeper with the highest id.
struct KeeperJoined {
  KeeperId keeper = 0;
  KeeperReport report;
};
struct KeeperSaid {
  KeeperId keeper = 0;
  KeeperReport report;
};
// The process is gone, proved by pid, start time and boot id, and nothing it started lives any more.
struct KeeperDied {
  KeeperId keeper = 0;
  std::vector<AttemptRef> started;  // by its records: started, not ended
  std::vector<KeeperEnd> ended;     // by its records: ended, not forgotten
};
// The server has every log record of this keeper before that place.
struct LogsTaken {
  KeeperId keeper = 0;
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};
// The facts of the machine changed (an operator declared other slots).
struct FactsChanged {
  WorkerFacts facts;
};
struct Tick {};

using Input = std::variant<Connected, Disconnected, ServerSaid, KeeperJoined, KeeperSaid, KeeperDied,
                           LogsTaken, FactsChanged, Tick>;

// ---- what follows

struct ToKeeper {
  KeeperId keeper = 0;
  KeeperRequest request;
};
// The folder of an attempt that succeeded is not needed any more. (Those of failed ones are swept after 24 h, by age.)
struct RemoveFolder {
  std::string path;
};

struct AgentDecision {
  std::vector<AgentMessage> to_server;  // only while connected
  std::vector<ToKeeper> to_keepers;
  std::vector<RemoveFolder> remove_folders;
};

class Agent {
 public:
  explicit Agent(AgentOptions options);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  AgentDecision handle(const Input& input, Now now);
  Micros next_due_us() const;  // mono; INT64_MAX: none
  // Attempts this agent knows of and the server has not yet told it to forget.
  std::size_t size() const;
  // Attempts of this keeper are among them: the folder of a dead keeper is needed so long, by an agent started meanwhile.
  bool remembers(KeeperId keeper) const;
  // Whether it is one of them (in any incarnation): its folder may be in use, or was a moment ago.
  bool knows(TaskRef task, std::uint32_t number) const;
  std::vector<std::string> audit() const;  // broken invariants; empty: all is well

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::agent
