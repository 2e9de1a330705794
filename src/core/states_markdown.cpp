// Writing the life-cycle tables out.
// The order is that of the tables; nothing is left out.
#include "core/states_markdown.h"

#include <string_view>

#include "core/states.h"

namespace muster {

namespace {

std::string joined(const std::string& so_far, std::string_view more) {
  return so_far.empty() ? std::string(more) : so_far + ", " + std::string(more);
}

template <class Cycle>
void append_states(std::string& out, const Cycle& cycle) {
  out += "## " + std::string(cycle.name) + "\n\n| state | final | meaning |\n|---|---|---|\n";
  for (const auto& info : cycle.states) {
    out += "| `" + std::string(info.name) + "` | " + (info.finality == Finality::final_state ? "yes" : "") +
           " | " + std::string(info.meaning) + " |\n";
  }
}

// One row per pair of states, with all events that lead from one to the other.
template <class Cycle>
void append_ways(std::string& out, const Cycle& cycle) {
  out += "\n| from | event | to |\n|---|---|---|\n";
  for (const auto& from : cycle.states) {
    for (const auto& to : cycle.states) {
      std::string events;
      for (const auto& row : cycle.table) {
        if (row.from == from.state && row.to == to.state) events = joined(events, cycle.text(row.event));
      }
      if (events.empty()) continue;
      out += "| `" + std::string(from.name) + "` | " + events + " | `" + std::string(to.name) + "` |\n";
    }
  }
  out += "\n";
}

template <class Cycle>
void append_cycle(std::string& out, const Cycle& cycle) {
  append_states(out, cycle);
  append_ways(out, cycle);
}

template <class Cycle>
void append_text(std::string& out, const Cycle& cycle) {
  out += std::string(cycle.name) + "\n";
  for (const auto& info : cycle.states) {
    std::string name(info.name);
    name.resize(name.size() < 13 ? 13 : name.size() + 1, ' ');
    out += "  " + name + std::string(info.meaning) +
           (info.finality == Finality::final_state ? " (final)" : "") + "\n";
  }
}

}  // namespace

std::string states_markdown() {
  std::string out =
      "# States\n\nEvery state there is, and every way from one to another; the engine knows no others. "
      "Generated from "
      "`src/core/states.h`\nby `muster help states`. The initial state stands first. A final state "
      "is left only "
      "when a person brings the thing back.\nCounts shown to people give the states of a running task's "
      "attempt as its "
      "phases.\n\n";
  append_cycle(out, kTaskCycle);
  append_cycle(out, kAttemptCycle);
  append_cycle(out, kBatchCycle);
  append_cycle(out, kWorkerCycle);
  out.pop_back();
  return out;
}

std::string states_text() {
  std::string out;
  append_text(out, kTaskCycle);
  append_text(out, kAttemptCycle);
  append_text(out, kBatchCycle);
  append_text(out, kWorkerCycle);
  return out;
}

}  // namespace muster
