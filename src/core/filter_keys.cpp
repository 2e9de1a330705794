// The table of keys: what can be asked of a task, an attempt, a batch, a worker and an event, and the help page made from it.
// Words come from the life cycles and catalogues themselves, so that a new state can be asked for at once.
#include <array>
#include <vector>

#include "core/escape.h"
#include "core/filter.h"
#include "core/reason_codes.h"
#include "core/rows.h"

namespace muster {
namespace {

using F = FilterField;
using T = FilterType;

constexpr FilterKey kState{"state", F::state, T::word, "its state"};
constexpr FilterKey kCause{"cause", F::cause, T::word, "why its newest attempt failed"};
constexpr FilterKey kExit{"exit", F::exit, T::number,
                          "exit code of its newest attempt; 128 + N if signal N ended it"};
constexpr FilterKey kSignal{"signal", F::signal, T::number, "the signal that ended it"};
constexpr FilterKey kWorker{"worker", F::worker, T::text, "name of the worker it ran on last"};
constexpr FilterKey kIndex{"index", F::index, T::number, "number of the task in its batch"};
constexpr FilterKey kBatch{"batch", F::batch, T::number, "number of its batch"};
constexpr FilterKey kTime{"time", F::time, T::duration, "how long it ran"};
constexpr FilterKey kPeak{"peak", F::peak, T::memory, "most memory it used"};
constexpr FilterKey kCreated{"created", F::created, T::time, "when it was made"};
constexpr FilterKey kStarted{"started", F::started, T::time, "when it started"};
constexpr FilterKey kEnded{"ended", F::ended, T::time, "when it ended"};
constexpr FilterKey kMessage{"message", F::message, T::text, "what was said of its end"};
constexpr FilterKey kName{"name", F::name, T::text, "its name"};
constexpr FilterKey kOwner{"owner", F::owner, T::text, "the user who submitted it"};
constexpr FilterKey kId{"id", F::id, T::number, "its number"};

constexpr std::array kTaskKeys{
    kState,
    FilterKey{"phase", F::phase, T::word, "what its running attempt does"},
    FilterKey{"reason", F::reason, T::word, "why it does not move (muster help reasons)"},
    kCause,
    kExit,
    kSignal,
    kWorker,
    kIndex,
    kBatch,
    FilterKey{"attempts", F::attempts, T::number, "how often it was tried"},
    kName,
    FilterKey{"command", F::command, T::text, "its command, placeholders replaced"},
    FilterKey{"label.", F::label, T::text, "a label it was submitted with: label.study=PACA"},
    kOwner,
    FilterKey{"slots", F::slots, T::number, "CPU slots it takes"},
    FilterKey{"gpus", F::gpus, T::number, "GPU slots it takes"},
    FilterKey{"cpus", F::cpus, T::number, "CPUs it asks for"},
    FilterKey{"mem", F::mem, T::memory, "memory it asks for"},
    FilterKey{"disk", F::disk, T::memory, "disk it asks for"},
    FilterKey{"limit", F::limit, T::duration, "its time limit"},
    kTime,
    kPeak,
    kCreated,
    kStarted,
    kEnded,
    kMessage,
};

constexpr std::array kAttemptKeys{
    kState,
    FilterKey{"cause", F::cause, T::word, "why it failed"},
    FilterKey{"exit", F::exit, T::number, "its exit code; 128 + N if signal N ended it"},
    kSignal,
    FilterKey{"worker", F::worker, T::text, "name of its worker"},
    FilterKey{"attempt", F::attempt, T::number, "its number among the tries of its task"},
    kIndex,
    kTime,
    kPeak,
    kStarted,
    kEnded,
    kMessage,
};

constexpr std::array kBatchKeys{
    kState,
    kId,
    kName,
    kOwner,
    FilterKey{"why", F::why, T::word, "why its next task does not move (muster help reasons)"},
    FilterKey{"reason", F::text, T::text, "the reason given with its last hold or cancel"},
    FilterKey{"held", F::held, T::flag, "whether a person holds it"},
    FilterKey{"closed", F::closed, T::flag, "whether it takes no more tasks"},
    FilterKey{"priority", F::priority, T::number, "its priority"},
    FilterKey{"max-running", F::max_running, T::number, "how many of it may run at once"},
    FilterKey{"tasks", F::tasks, T::number, "how many tasks it has"},
    FilterKey{"waiting", F::waiting, T::number, "how many of them wait"},
    FilterKey{"ready", F::ready, T::number, "how many are ready"},
    FilterKey{"running", F::running, T::number, "how many run"},
    FilterKey{"succeeded", F::succeeded, T::number, "how many succeeded"},
    FilterKey{"failed", F::failed, T::number, "how many failed"},
    FilterKey{"cancelled", F::cancelled, T::number, "how many were cancelled"},
    FilterKey{"label.", F::label, T::text, "a label of its first tasks: label.study=PACA"},
    kCreated,
    kStarted,
    kEnded,
};

constexpr std::array kWorkerKeys{
    kState,
    kId,
    kName,
    FilterKey{"connected", F::connected, T::flag, "whether its agent is connected"},
    FilterKey{"host", F::host, T::text, "the machine's own name"},
    FilterKey{"version", F::version, T::text, "version of its agent"},
    FilterKey{"slots", F::slots, T::number, "CPU slots switched on"},
    FilterKey{"gpus", F::gpus, T::number, "GPU slots switched on"},
    FilterKey{"cpus", F::cpus, T::number, "its CPUs"},
    FilterKey{"mem", F::mem, T::memory, "its memory"},
    FilterKey{"disk", F::disk, T::memory, "its disk"},
    FilterKey{"assigned", F::assigned, T::number, "attempts granted to it"},
    FilterKey{"executing", F::executing, T::number, "how many of them execute"},
    FilterKey{"label.", F::label, T::text, "a label of it: label.storage=lustre"},
    FilterKey{"serves", F::serves, T::text, "the batches it serves"},
    FilterKey{"reason", F::text, T::text, "why it was paused, drained, lost or quarantined"},
    FilterKey{"seen", F::seen, T::time, "when its state changed last"},
};

constexpr std::array kEventKeys{
    FilterKey{"kind", F::kind, T::word, "what happened"},
    kBatch,
    FilterKey{"index", F::index, T::number, "number of the task it is about"},
    FilterKey{"attempt", F::attempt, T::number, "number of the attempt it is about"},
    FilterKey{"worker", F::worker, T::text, "the worker it is about"},
    FilterKey{"who", F::who, T::text, "the user who did it"},
    FilterKey{"text", F::text, T::text, "what is said of it"},
    FilterKey{"time", F::at, T::time, "when"},
    FilterKey{"seq", F::id, T::number, "its number"},
};

template <class Cycle>
std::vector<std::string_view> words_of(const Cycle& cycle) {
  std::vector<std::string_view> words;
  for (const auto& info : cycle.states) words.push_back(info.name);
  return words;
}

std::vector<std::string_view> live_phases() {
  std::vector<std::string_view> words;
  for (const auto& info : kAttemptCycle.states) {
    if (info.finality == Finality::live) words.push_back(info.name);
  }
  return words;
}

std::vector<std::string_view> cause_words() {
  std::vector<std::string_view> words;
  for (std::size_t i = 1; i < kCauses; ++i) words.push_back(to_text(static_cast<Cause>(i)));
  return words;
}

std::span<const std::string_view> states_of(FilterObject object) {
  static const std::vector<std::string_view> of_task = words_of(kTaskCycle);
  static const std::vector<std::string_view> of_attempt = words_of(kAttemptCycle);
  static const std::vector<std::string_view> of_batch = words_of(kBatchCycle);
  static const std::vector<std::string_view> of_worker = words_of(kWorkerCycle);
  switch (object) {
    case FilterObject::task:
      return of_task;
    case FilterObject::attempt:
      return of_attempt;
    case FilterObject::batch:
      return of_batch;
    case FilterObject::worker:
      return of_worker;
    case FilterObject::event:
      break;
  }
  return {};
}

std::string joined(std::span<const std::string_view> words, std::size_t indent) {
  constexpr std::size_t kWidth = 98;
  std::string text;
  std::size_t column = indent;
  for (const std::string_view word : words) {
    if (!text.empty() && column + 1 + word.size() > kWidth) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!text.empty()) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
  }
  return text;
}

constexpr std::string_view kSyntax =
    R"(Filters say which things are meant, everywhere where --where is: lists, wait, logs, cancel, retry …

  key=value     equal; key=a,b is one of them
  key=10+       10 or more; key=..5 is 5 or less, key=2..8 from 2 to 8
  key~text      holds this text, capitals or not
  -key=value    not so; what has no value at all is not so either

All terms have to be true. A value with a blank or a comma in it stands in double quotes: name~"a b".
No character of it means anything to a shell.

  muster task list 42 --where 'state=failed exit=137 label.study=PACA'
  muster retry 42 --where cause=oom --mem 16G
  muster task list 42 --where 'time=10m+ -worker=gra-3'
  muster batch list --where 'failed=1+ created=2d+'

Memory is 500M or 4G; durations are 90s, 10m, 1h30m; a time is 2026-11-21, 2026-11-21T10:00:00Z, or how
long ago: ended=2h+ is within the last two hours, ended=..2h longer ago than that.
)";

}  // namespace

std::string_view to_text(FilterObject object) {
  constexpr std::array<std::string_view, kFilterObjects> kNames = {"task", "attempt", "batch", "worker",
                                                                   "event"};
  return kNames[static_cast<std::size_t>(object)];
}

std::span<const FilterKey> filter_keys(FilterObject object) {
  switch (object) {
    case FilterObject::task:
      return kTaskKeys;
    case FilterObject::attempt:
      return kAttemptKeys;
    case FilterObject::batch:
      return kBatchKeys;
    case FilterObject::worker:
      return kWorkerKeys;
    case FilterObject::event:
      return kEventKeys;
  }
  return {};
}

std::span<const std::string_view> filter_words(FilterObject object, FilterField field) {
  static const std::vector<std::string_view> phases = live_phases();
  static const std::vector<std::string_view> causes = cause_words();
  static const std::vector<std::string_view> kinds = event_kind_names();
  switch (field) {
    case F::state:
      return states_of(object);
    case F::phase:
      return phases;
    case F::cause:
      return causes;
    case F::kind:
      return kinds;
    case F::reason:
    case F::why:
      return kReasonCodes;
    default:
      return {};
  }
}

std::string filters_page() {
  constexpr std::size_t kColumn = 15;
  std::string page(kSyntax);
  for (std::size_t i = 0; i < kFilterObjects; ++i) {
    const auto object = static_cast<FilterObject>(i);
    page += "\nof " +
            std::string(object == FilterObject::attempt || object == FilterObject::event ? "an " : "a ") +
            std::string(to_text(object)) + "\n";
    for (const FilterKey& key : filter_keys(object)) {
      const std::string name =
          key.name.ends_with('.') ? std::string(key.name) + "NAME" : std::string(key.name);
      page += "  " + pad_text(name, kColumn - 2) + std::string(key.about) + "\n";
      if (key.type != FilterType::word) continue;
      page += std::string(kColumn, ' ') + joined(filter_words(object, key.field), kColumn) + "\n";
    }
  }
  return page;
}

}  // namespace muster
