// Any text as a filter of every object: refused in safe words, or read, written and read again; asking it never fails.
// Input: the text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "core/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  constexpr Micros kNow_us = 1'700'000'000'000'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t i = 0; i < kFilterObjects; ++i) {
    const auto object = static_cast<FilterObject>(i);
    const Result<Filter> filter = parse_filter(object, text, kNow_us);
    if (!filter) {
      MUSTER_CHECK(filter.error().code == kMalformedFilter, "a refusal has the one code");
      MUSTER_CHECK(!needs_escape(filter.error().what, LineBreaks::kept), "a refusal is safe to print");
      continue;
    }
    for (const FilterTerm& term : filter->terms()) {
      MUSTER_CHECK(term.holds({}) == term.negated, "what is not known matches a negation alone");
      const bool by_number = term.holds(FilterValue::of_number(137));
      const bool by_text = term.holds(FilterValue::of("failed"));
      MUSTER_CHECK(by_number == term.negated || by_text == term.negated, "a term has one type");
    }
    const std::string written = to_text(*filter);
    if (written.size() > kFilterBytesMax) continue;
    const Result<Filter> again = parse_filter(object, written, 0);
    MUSTER_CHECK(again && *again == *filter, "a filter is read back");
  }
  return 0;
}
