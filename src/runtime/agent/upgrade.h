// An agent goes over to its server's newer version: fetched beside it, tried, gone on with in the same process.
// Must hold: until the new version has reached the server a process of the old one watches it, and one that failed is left alone for a day.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "runtime/agent/worker_folder.h"
#include "wire/agent/agent_codec.h"

namespace muster::runtime {

inline constexpr Micros kUpgradePatience_us = 300'000'000;  // to reach the server as the new version

struct UpgradeOptions {
  std::string version;             // of this program
  std::vector<std::string> words;  // how this agent is started again
  std::string token_file;
  Micros patience_us = kUpgradePatience_us;
};

class Upgrade {
 public:
  // `folder` outlives this.
  Upgrade(const WorkerFolder& folder, UpgradeOptions options);

  // What became of a version that was tried before.
  void begin();
  // A server has a newer one, and gives it at this address (with its pin).
  void offered(const wire::Program& program, const std::string& server);
  // As this version: it works.
  void reached_server();
  // About once a second. True: the newer program is there and runs on this machine.
  bool look(Micros mono_us);
  // Becomes it; the caller has let go of everything but the folder. Returns only when that failed.
  void go_over();
  // A signal ended the agent: that says nothing about its version.
  void ended_in_order();

 private:
  struct Offer {
    wire::Program program;
    std::string server;
    Micros next_try_us = 0;
    std::uint32_t failures = 0;
  };

  std::string program_of(const std::string& version) const;
  std::string probation() const { return folder_.versions() + "/probation"; }
  std::string refused() const { return folder_.versions() + "/refused"; }
  bool was_refused(const wire::Program& program) const;
  bool is_on_probation() const;
  void start_fetching(Micros mono_us);
  bool take_fetched(Micros mono_us);
  Result<void> start_guard() const;

  const WorkerFolder& folder_;
  UpgradeOptions options_;
  std::optional<Offer> offer_;
  pid_t fetcher_ = 0;
};

// The other side, in a process of the old version. Returns when the agent that holds the folder reached its server, or after it was
// replaced by the old version again: `words` behind the program's name.
//   `ready` is called when it watches.
Result<void> watch_upgrade(const std::string& folder, Micros patience_us,
                           const std::vector<std::string>& words, const std::function<void()>& ready);

// Exit codes of `muster fetch`, beside 0: the program is there and runs.
inline constexpr int kFetchedDoesNotRun = 3;

// Whether the file is a program that says to be of this version. Error kWrongState.
Result<void> try_program(const std::string& program, const std::string& version);

}  // namespace muster::runtime
