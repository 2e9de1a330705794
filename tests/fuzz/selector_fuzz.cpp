// Any text as a selector, an array, a size, a duration, a time, a glob: refused in safe words, or read, written and read again.
// Input: the text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "core/glob_text.h"
#include "core/selector.h"
#include "core/units.h"

namespace {

using namespace muster;

template <class T>
bool read_or_refused(const Result<T>& result) {
  if (result) return true;
  MUSTER_CHECK(!needs_escape(result.error().what, LineBreaks::kept), "a refusal is safe to print");
  MUSTER_CHECK(!needs_escape(result.error().next), "a refusal is safe to print");
  MUSTER_CHECK(find_error(result.error().code) != nullptr, "a refusal has a page of help");
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto selector = parse_selector(text); read_or_refused(selector)) {
    MUSTER_CHECK(parse_selector(to_text(*selector)) == *selector, "a selector is read back");
    MUSTER_CHECK(!selector->attempt || selector->one_task(), "an attempt belongs to one task");
  }
  if (const auto ranges = parse_array(text); read_or_refused(ranges)) {
    MUSTER_CHECK(*parse_array(format_array(*ranges)) == *ranges, "an array is read back");
    MUSTER_CHECK(task_count(*ranges) <= kTasksPerSubmitMax && task_count(*ranges) > 0,
                 "an array has its limits");
  }
  if (const auto duration = parse_duration_us(text); read_or_refused(duration)) {
    MUSTER_CHECK(*duration >= 0 && parse_duration_us(format_duration(*duration)).has_value(),
                 "a duration is read back");
  }
  if (const auto time = parse_rfc3339(text); read_or_refused(time)) {
    MUSTER_CHECK(parse_rfc3339(format_rfc3339(*time, TimePrecision::microseconds)).has_value(),
                 "a time is read back");
  }
  if (const auto globs = parse_glob(text); read_or_refused(globs)) {
    for (const Glob& glob : *globs) (void)glob_matches(glob, "a/b.c/[d]");
  }
  read_or_refused(parse_memory_mb(text));
  read_or_refused(check_name(text));
  return 0;
}
