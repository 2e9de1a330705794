// From rows and memory to the answers of the API: one task, one attempt, one batch, with the names people know.
// Caches live as long as one request.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "front/backend.h"
#include "front/selection.h"
#include "front/statistics.h"
#include "front/task_pages.h"
#include "wire/native/answers.h"

namespace muster::front::native {

// Names of workers by id.
class WorkerNames {
 public:
  explicit WorkerNames(Backend& backend);
  // Empty for 0; "worker 7" for one that is not known.
  const std::string& name(WorkerId id);

 private:
  std::map<WorkerId, std::string> names_;
};

// Describes tasks of one batch.
class TaskDescriber {
 public:
  TaskDescriber(Backend& backend, const BatchRow& batch, const Layout& layout, WorkerNames& workers);
  // Writes the members of a muster.task/1; `why` looks at every worker for what rules it out.
  enum class Detail : std::uint8_t { plain, why };
  void write(wire::JsonWriter& out, const ListedTask& task, Detail detail = Detail::plain);
  TaskRef ref(Position position) const { return {batch_.id, layout_.index_of(position)}; }
  // The newest attempt as it is now: its phase may be further than its row.
  AttemptRecord newest_attempt(const ListedTask& task) const;
  // Every attempt, by number. One that ended otherwise than well has a row of its own, which wins over the task's.
  std::vector<AttemptRecord> attempts(const ListedTask& task) const;

 private:
  const TaskTemplate* body_of(Position position);
  std::string command_of(Position position, const TaskTemplate* body);
  Backend& backend_;
  const BatchRow& batch_;
  const Layout& layout_;
  WorkerNames& workers_;
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates_;
};

// The command of a batch's first segment, for display; empty when it has none.
std::string command_of_batch(Backend& backend, BatchId batch);

// Writes the members of a muster.batch/1.
void write_batch(wire::JsonWriter& out, Backend& backend, Statistics& statistics, const BatchRow& row);

}  // namespace muster::front::native
