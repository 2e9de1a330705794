// Changes that go on after their request was answered: how far each is, and what came of it.
// Kept in memory, and for a while after the end; whoever asks after a restart asks again with the same Idempotency-Key.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace muster::front {

struct Operation {
  std::uint64_t id = 0;
  std::string name;  // "task.retry"
  std::string object;
  std::string who;
  std::string project;
  Micros started_wall_us = 0;
  Micros ended_wall_us = 0;  // 0: it goes on
  std::uint64_t tasks = 0;   // to be looked at
  std::uint64_t looked = 0;
  std::uint64_t matched = 0;
  int status = 0;      // of the answer
  std::string answer;  // a document: what was changed, or why nothing was
};
using OperationPtr = std::shared_ptr<Operation>;

class Operations {
 public:
  OperationPtr begin(std::string_view name, std::string_view who, std::string_view project,
                     Micros now_wall_us);
  void end(Operation& operation, int status, std::string answer, Micros now_wall_us);
  // Null when there is none of that number in the project.
  OperationPtr find(std::uint64_t id, std::string_view project) const;

 private:
  std::deque<OperationPtr> kept_;  // oldest first
  std::uint64_t last_id_ = 0;
};

}  // namespace muster::front
