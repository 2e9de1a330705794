// The life cycles as text: docs/states.md is this, and `muster help states` is made from the same tables.
// Generated from core/states.h, so that what is documented is what the engine does.
#pragma once

#include <string>

namespace muster {

// Markdown: for task, attempt, batch and worker the states with their meanings, then every way from one to another.
std::string states_markdown();

// For a terminal: states and meanings only, a line each.
std::string states_text();

}  // namespace muster
