// What people's commands have to lead to, told beforehand by a small model that looks at single tasks.
// Must hold: it decides from the ledger and the command alone; of the engine it asks only how large the workers are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/inputs.h"
#include "engine/engine.h"
#include "sim/ledger.h"

namespace muster::sim {

struct Expectation {
  enum class Kind : std::uint8_t { nothing, refused, submitted, changed } kind = Kind::nothing;
  std::string code;  // of the refusal
  Submitted submitted;
  Changed changed;
  struct Was {
    BatchId batch = 0;
    Position position = 0;
    TaskState state = TaskState::waiting;
  };
  std::vector<Was> selected;  // tasks that the command names, as they were
};

class Oracle {
 public:
  explicit Oracle(const Ledger& ledger) : ledger_(ledger) {}

  Expectation expect(const Input& input, const engine::Engine& engine);
  // Throws Broken when the decision is something else.
  void check(const Input& input, const Expectation& expected, const Decision& decision) const;
  void restart();

 private:
  Expectation expect_submit(const Submit& submit, const engine::Engine& engine);
  std::string refusal(const Submit& submit, BatchId into, const engine::Engine& engine) const;
  std::string refusal_of_dependencies(const Submit& submit, BatchId into) const;
  Expectation expect_change(const Change& change, const engine::Engine& engine);
  // What the same change was answered with before; nothing when its key is new.
  std::optional<Expectation> expect_again(const Change& change) const;
  void expect_target(const Change& change, const Target& target, Expectation& expected) const;
  bool retries_the_impossible(const Change& change, const Expectation& expected,
                              const engine::Engine& engine) const;
  bool waits_for(BatchId batch, BatchId other) const;
  void check_changed_tasks(const Change& change, const Expectation& expected) const;

  const Ledger& ledger_;
  bool going_down_ = false;
  SpaceState space_ = SpaceState::plenty;
  std::map<std::pair<std::string, std::string>, std::pair<std::string, Submitted>> keys_;  // of this life
  std::map<std::pair<std::string, std::string>, std::pair<std::string, Changed>> change_keys_;
};

}  // namespace muster::sim
