// Which tasks a request means: its selectors, `all`, and a filter over them.
// With a filter the tasks are looked through a slice at a time, so that a million of them hold nobody else up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/filter.h"
#include "front/native/call.h"

namespace muster::front::native {

struct Chosen {
  std::vector<muster::Target> targets;
  std::uint64_t tasks = 0;  // that matched; 0 without a filter
};

enum class Purpose : std::uint8_t {
  read,    // anything that may be seen
  change,  // what the caller may change; of `all`, the rest is passed over
};

// `verb` says, for `all` without a filter, which batches it can mean anything to.
struct Choice {
  std::vector<std::string> selectors;
  std::string where;
  Purpose purpose = Purpose::read;
  ChangeVerb verb = ChangeVerb::cancel;
};

// Calls `then` once, at once or later; refusals are answered instead. kNoSuchThing when a filter matches nothing.
void choose(const CallPtr& call, Choice choice, std::function<void(Chosen)> then);

// "state=failed" as a filter of tasks; the error is that of the call.
Result<Filter> read_where(const CallPtr& call, FilterObject object, std::string_view text);

}  // namespace muster::front::native
