// TaskTemplate <-> bytes: pure functions, the same for the store and for agents.
// Must hold: what is decoded is a template that core may use without looking again; anything else is refused.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/task_template.h"

namespace muster::wire {

std::string encode_task_template(const TaskTemplate& body);

// kMalformedBody when the bytes are no message, an enumerator, a placeholder or a column is out of range, or the command has no word.
Result<TaskTemplate> decode_task_template(std::string_view bytes);

}  // namespace muster::wire
