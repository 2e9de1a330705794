// The words of the verbs that people use on workers.
// Must hold: they are the words of the command line.
#include "core/inputs.h"

#include <array>

namespace muster {

namespace {

constexpr std::array<std::string_view, 5> kWorkerVerbs = {"pause", "resume", "drain", "lost", "remove"};
static_assert(static_cast<std::size_t>(WorkerVerb::remove) + 1 == kWorkerVerbs.size());

}  // namespace

std::string_view to_text(WorkerVerb verb) { return kWorkerVerbs[static_cast<std::size_t>(verb)]; }

}  // namespace muster
