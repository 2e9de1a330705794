// From what a person names to what is meant: selectors resolved with what is in memory and in the history.
// A thing of another project does not exist.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/inputs.h"
#include "core/rows.h"
#include "front/backend.h"

namespace muster::front {

// How positions, indexes, numbers and templates of one batch belong together.
class Layout {
 public:
  Layout(std::vector<SegmentRow> segments, std::vector<OverrideRow> overrides);
  static Layout of(Backend& backend, BatchId batch);

  std::optional<Position> position_of(TaskIndex index) const;
  // Preconditions (checked) of these: the position is in the batch.
  const SegmentRow& segment_of(Position position) const;
  TaskIndex index_of(Position position) const;
  TaskNumber number_of(Position position) const;
  TemplateId template_of(Position position) const;
  // The last position up to `last` that has the same template as `position` for the same reason.
  Position same_template_until(Position position, Position last) const;

  struct Interval {
    Position first = 0;
    Position last = 0;
  };
  // The positions of these indexes (empty: all), sorted and disjoint. Indexes that do not exist are passed over.
  std::vector<Interval> intervals(const std::vector<IndexSpan>& ranges) const;
  const std::vector<SegmentRow>& segments() const { return segments_; }

 private:
  std::vector<SegmentRow> segments_;
  std::vector<OverrideRow> overrides_;
};

struct Selected {
  BatchRow batch;                 // as committed
  std::vector<IndexSpan> ranges;  // empty: the whole batch
  std::optional<std::uint32_t> attempt;
  bool one_task = false;
};

// kMalformedSelector, or kNoSuchThing when there is no such batch, task number or (when one task is named) task.
Result<Selected> resolve(Backend& backend, const std::string& project, std::string_view text);

// The batch as it is now, from memory or the history, if it is of this project.
std::optional<BatchRow> find_batch(Backend& backend, const std::string& project, BatchId id);

// Of one task: its only index.
TaskIndex only_index(const Selected& selected);

Error no_such_thing(std::string what, std::string next);

}  // namespace muster::front
