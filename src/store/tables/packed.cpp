// Templates by the codec of the wire, items by theirs and zstd.
// Must hold: a frame that claims more than a block can hold is damage, not an allocation.
#include "store/tables/packed.h"

#include <zstd.h>

#include <utility>

#include "core/check.h"
#include "ports/store.h"
#include "wire/common/task_template_codec.h"
#include "wire/stored/stored.h"

namespace muster::store::tables {

namespace {

constexpr int kCompressionLevel = 1;
// A block is about 1 MiB; more than this is no block of ours.
constexpr unsigned long long kItemBlockBytesMax = 1ULL << 31;

}  // namespace

struct ItemPacker::Context {
  ZSTD_CCtx* handle = ZSTD_createCCtx();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeCCtx(handle); }
};

ItemPacker::ItemPacker() : context_(std::make_unique<Context>()) {}
ItemPacker::~ItemPacker() = default;

std::string_view ItemPacker::pack(const ItemBlock& items) {
  wire::encode_item_block(items, packed_);
  compressed_.resize(ZSTD_compressBound(packed_.size()));
  const std::size_t size = ZSTD_compressCCtx(context_->handle, compressed_.data(), compressed_.size(),
                                             packed_.data(), packed_.size(), kCompressionLevel);
  MUSTER_CHECK(ZSTD_isError(size) == 0, "the compression buffer is large enough");
  return std::string_view(compressed_).substr(0, size);
}

std::string pack_template(const TaskTemplate& body) { return wire::encode_task_template(body); }

std::shared_ptr<const TaskTemplate> read_template(std::string_view body) {
  Result<TaskTemplate> read = wire::decode_task_template(body);
  if (!read) throw StoreDamaged("a template in the database cannot be read");
  return std::make_shared<const TaskTemplate>(std::move(*read));
}

std::shared_ptr<const ItemBlock> read_item_block(std::string_view body) {
  const unsigned long long size = ZSTD_getFrameContentSize(body.data(), body.size());
  std::shared_ptr<const ItemBlock> items;
  if (size <= kItemBlockBytesMax) {
    std::string bytes(size, '\0');
    if (ZSTD_decompress(bytes.data(), bytes.size(), body.data(), body.size()) == size)
      items = wire::decode_item_block(bytes);
  }
  if (items == nullptr) throw StoreDamaged("a block of items in the database cannot be read");
  return items;
}

}  // namespace muster::store::tables
