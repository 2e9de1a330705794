// Bytes of the database <-> core values that are kept whole: blocks of items, lists of texts (templates: wire/common).
// Must hold: pure; decoding never trusts the bytes, a damaged value is nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/item_table.h"
#include "core/resources.h"

namespace muster::wire {

// Not compressed. At most 2 GiB.
void encode_item_block(const ItemBlock& items, std::string& bytes);
std::shared_ptr<const ItemBlock> decode_item_block(std::string_view bytes);  // null: damaged

std::string encode_texts(const std::vector<std::string>& texts);
std::optional<std::vector<std::string>> decode_texts(std::string_view bytes);

// Name, value, name, value …; amounts as decimal numbers.
std::string encode_pairs(const Labels& labels);
std::string encode_pairs(const NamedAmounts& amounts);
std::optional<Labels> decode_labels(std::string_view bytes);
std::optional<NamedAmounts> decode_amounts(std::string_view bytes);

}  // namespace muster::wire
