// Keeps operations.
// What goes on is always kept; of what has ended, the newest few hundred.
#include "front/operations.h"

#include <algorithm>

namespace muster::front {
namespace {

constexpr std::size_t kKept = 500;

}  // namespace

OperationPtr Operations::begin(std::string_view name, std::string_view who, std::string_view project,
                               Micros now_wall_us) {
  const auto oldest_ended = [&] {
    return std::find_if(kept_.begin(), kept_.end(),
                        [](const OperationPtr& one) { return one->ended_wall_us != 0; });
  };
  while (kept_.size() >= kKept && oldest_ended() != kept_.end()) kept_.erase(oldest_ended());
  auto made = std::make_shared<Operation>();
  made->id = ++last_id_;
  made->name = name;
  made->who = who;
  made->project = project;
  made->started_wall_us = now_wall_us;
  kept_.push_back(made);
  return made;
}

void Operations::end(Operation& operation, int status, std::string answer, Micros now_wall_us) {
  operation.status = status;
  operation.answer = std::move(answer);
  operation.ended_wall_us = now_wall_us;
  operation.looked = operation.tasks;
}

OperationPtr Operations::find(std::uint64_t id, std::string_view project) const {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const OperationPtr& one) {
    return one->id == id && one->project == project;
  });
  return found == kept_.end() ? nullptr : *found;
}

}  // namespace muster::front
