// Cells of the kinds that all views share.
// Null is an empty cell for scripts and a dash for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/views/view.h"

namespace muster::cli {

Cell text_cell(const client::Json& value, const ViewContext& context);
Cell number_cell(const client::Json& value, const ViewContext& context);
// A count: zero is dim for people.
Cell count_cell(const client::Json& value, const ViewContext& context, Tone tone = Tone::plain);
Cell flag_cell(const client::Json& value, const ViewContext& context);
// Seconds in the document; `4.2s` for people, `4.25` for scripts.
Cell seconds_cell(const client::Json& value, const ViewContext& context);
Cell memory_cell(const client::Json& mebibytes, const ViewContext& context);
Cell bytes_cell(const client::Json& bytes, const ViewContext& context);
// RFC 3339 in the document; `3m` (ago) for people.
Cell time_cell(const client::Json& value, const ViewContext& context);
// A state's word, for people with its sign and tone. `shown` replaces the word (the phase of a running task).
Cell state_cell(std::string_view state, const ViewContext& context, std::string_view shown = {});

Tone tone_of_state(std::string_view state);
// One sign for a state; ASCII where signs cannot be shown.
std::string_view sign_of_state(std::string_view state, bool signs);
// "3m ago", "in 5s", "now".
std::string relative_time(std::int64_t wall_us, std::int64_t now_wall_us);

Cell dash(const ViewContext& context);

}  // namespace muster::cli
