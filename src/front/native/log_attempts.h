// Which attempts of a selection wrote something, in the order in which a batch's log is read.
// Of each task it is the newest one, unless an attempt is named.
#pragma once

#include <optional>

#include "front/backend.h"
#include "front/selection.h"

namespace muster::front::native {

// Behind `after`; number 0: from the beginning. Nothing when there is none.
Result<std::optional<AttemptRef>> next_logged(Backend& backend, const Selected& selected, AttemptRef after);

}  // namespace muster::front::native
