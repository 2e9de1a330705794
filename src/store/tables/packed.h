// Columns that hold a whole value as bytes: templates, and blocks of items, which are compressed.
// Must hold: what is packed by one store is unpacked by any other; bytes that cannot be read are StoreDamaged.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/item_table.h"
#include "core/task_template.h"

namespace muster::store::tables {

class ItemPacker {
 public:
  ItemPacker();
  ~ItemPacker();
  ItemPacker(const ItemPacker&) = delete;
  ItemPacker& operator=(const ItemPacker&) = delete;
  // Valid until the next call.
  std::string_view pack(const ItemBlock& items);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::string packed_, compressed_;
};

std::string pack_template(const TaskTemplate& body);
std::shared_ptr<const TaskTemplate> read_template(std::string_view body);
std::shared_ptr<const ItemBlock> read_item_block(std::string_view body);

}  // namespace muster::store::tables
