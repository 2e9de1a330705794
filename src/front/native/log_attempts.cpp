// The log store lists attempts in order of task and attempt: the last one of a task is its newest.
// A batch of a million tasks is looked through a few hundred at a time.
#include "front/native/log_attempts.h"

#include <algorithm>

#include "blobs/log_store.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kListStep = 256;

bool is_selected(const Selected& selected, const AttemptRef& attempt) {
  if (selected.attempt && *selected.attempt != attempt.number) return false;
  return selected.ranges.empty() ||
         std::any_of(selected.ranges.begin(), selected.ranges.end(), [&](const IndexSpan& span) {
           return attempt.index >= span.first && attempt.index <= span.last;
         });
}

}  // namespace

Result<std::optional<AttemptRef>> next_logged(Backend& backend, const Selected& selected, AttemptRef after) {
  std::optional<AttemptRef> candidate;
  for (;;) {
    const Result<std::vector<blobs::LogSize>> sizes =
        backend.logs().list(selected.batch.id, after, kListStep);
    if (!sizes) return std::unexpected(sizes.error());
    for (const blobs::LogSize& size : *sizes) {
      if (candidate && size.attempt.index != candidate->index) return candidate;
      if (is_selected(selected, size.attempt)) candidate = size.attempt;
      after = size.attempt;
    }
    if (sizes->size() < kListStep) return candidate;
  }
}

}  // namespace muster::front::native
