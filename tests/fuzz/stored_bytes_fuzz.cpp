// Any bytes as what a database or a log segment holds: nothing, or a value whose every part can be looked at.
// Input: a byte that says what to read it as, then the bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/record.h"
#include "core/check.h"
#include "wire/common/task_template_codec.h"
#include "wire/stored/stored.h"

namespace {

using namespace muster;

void read_items(std::string_view bytes) {
  const std::shared_ptr<const ItemBlock> block = wire::decode_item_block(bytes);
  if (block == nullptr) return;
  std::vector<std::string_view> fields;
  std::size_t total = 0;
  for (std::uint64_t row = 0; row < block->rows(); ++row) {
    fields.clear();
    block->row(row, fields);
    for (const std::string_view field : fields) total += field.size();
  }
  MUSTER_CHECK(total <= block->bytes.size(), "fields lie in the block");
  std::string again;
  wire::encode_item_block(*block, again);
  const auto back = wire::decode_item_block(again);
  MUSTER_CHECK(back != nullptr && back->rows() == block->rows() && back->bytes == block->bytes,
               "a block comes back as it went");
}

void read_template(std::string_view bytes) {
  const auto body = wire::decode_task_template(bytes);
  if (!body) return;
  const auto back = wire::decode_task_template(wire::encode_task_template(*body));
  MUSTER_CHECK(back.has_value(), "a template that was read can be read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_items(bytes);
      break;
    case 1:
      read_template(bytes);
      break;
    case 2:
      if (const auto texts = wire::decode_texts(bytes))
        MUSTER_CHECK(wire::decode_texts(wire::encode_texts(*texts)) == texts, "texts come back as they went");
      break;
    default:
      if (const auto header = blobs::read_record_header(bytes)) {
        char again[blobs::kRecordHeaderBytes];
        blobs::write_record_header(*header, again);
        MUSTER_CHECK(std::string_view(again, sizeof again) == bytes.substr(0, sizeof again),
                     "a header comes back as it went");
      }
  }
  return 0;
}
