// Any text as a body of the native API: refused with a code and safe words, or read with all its promises kept.
// Input: the body.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace {

using namespace muster;

template <class T>
bool read_or_refused(const Result<T>& result) {
  if (result) return true;
  MUSTER_CHECK(!needs_escape(result.error().what), "a refusal is safe to print");
  MUSTER_CHECK(find_error(result.error().code) != nullptr, "a refusal has a page of help");
  MUSTER_CHECK(wire::problem_json(result.error(), 400).find(result.error().code) != std::string::npos,
               "a refusal can be sent");
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto submit = wire::read_submit(text); read_or_refused(submit)) {
    std::uint64_t rows = 0;
    for (const auto& block : submit->items) {
      MUSTER_CHECK(block->consistent() && block->columns == submit->columns, "a block of items is whole");
      MUSTER_CHECK(block->bytes.find('\0') == std::string::npos, "a value holds no NUL");
      rows += block->rows();
    }
    MUSTER_CHECK(rows == submit->item_count, "items are counted");
    MUSTER_CHECK(submit->time_limit_us >= 0 && submit->grace_us >= 0, "durations are not negative");
  }
  read_or_refused(wire::read_change(text, ChangeVerb::cancel));
  read_or_refused(wire::read_change(text, ChangeVerb::retry));
  read_or_refused(wire::read_set_batch(text));
  read_or_refused(wire::read_worker_settings(text));
  read_or_refused(wire::read_shut_down(text));
  return 0;
}
