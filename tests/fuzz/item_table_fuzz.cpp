// Any bytes as a table: read the same in one piece and in small ones, blocks always whole, refusals safe to print.
// Input: one byte for the format and the size of the pieces, then the table.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/escape.h"
#include "core/item_table.h"

namespace {

using namespace muster;

struct Outcome {
  std::vector<std::string> values;
  std::uint64_t blank_lines = 0;
  std::string refusal;
  bool operator==(const Outcome&) const = default;
};

Outcome read(ItemFormat format, std::string_view text, std::size_t piece) {
  ItemLimits limits;
  limits.block_bytes = 64;
  limits.record_bytes_max = 4096;
  limits.rows_max = 50;
  ItemParser parser(format, limits);
  Outcome outcome;
  Result<void> done;
  const auto drain = [&]() {
    while (const auto block = parser.take_block()) {
      MUSTER_CHECK(block->consistent() && block->columns == parser.columns(), "a block is whole");
      for (std::size_t row = 0; row < block->rows(); ++row) {
        for (std::size_t k = 0; k < block->columns.size(); ++k)
          outcome.values.emplace_back(block->field(row, k));
      }
    }
  };
  for (std::size_t at = 0; at < text.size() && done; at += piece) {
    done = parser.feed(text.substr(at, piece));
    drain();
  }
  if (done) done = parser.finish();
  drain();
  outcome.blank_lines = parser.blank_lines();
  if (!done) {
    MUSTER_CHECK(!needs_escape(done.error().what, LineBreaks::kept), "a refusal is safe to print");
    MUSTER_CHECK(!needs_escape(done.error().next), "a refusal is safe to print");
    outcome.refusal = done.error().code + done.error().what;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4000) return 0;
  const auto format = static_cast<ItemFormat>(data[0] % 5U);
  const std::size_t piece = 1 + data[0] / 5U % 17U;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  MUSTER_CHECK(read(format, text, piece) == read(format, text, text.size() + 1), "pieces do not matter");
  return 0;
}
