// Item blocks and lists of texts as protobuf messages.
// Must hold: what does not come back equal is refused, not repaired.
#include "wire/stored/stored.h"

#include <charconv>

#include "core/check.h"
#include "wire/stored/stored.pb.h"

namespace muster::wire {

namespace {

template <class Message>
bool parse(std::string_view bytes, Message& message) {
  return bytes.size() <= INT32_MAX && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <class Message>
void write(const Message& message, std::string& bytes) {
  MUSTER_CHECK(message.SerializeToString(&bytes), "a stored value is below 2 GiB");
}

}  // namespace

void encode_item_block(const ItemBlock& items, std::string& bytes) {
  proto::StoredItemBlock message;
  for (const std::string& column : items.columns) message.add_columns(column);
  message.set_values(items.bytes);
  message.mutable_lengths()->Reserve(static_cast<int>(items.ends.size()));
  std::uint32_t begin = 0;
  for (const std::uint32_t end : items.ends) {
    message.add_lengths(end - begin);
    begin = end;
  }
  write(message, bytes);
}

std::shared_ptr<const ItemBlock> decode_item_block(std::string_view bytes) {
  proto::StoredItemBlock message;
  if (!parse(bytes, message)) return nullptr;
  auto items = std::make_shared<ItemBlock>();
  items->columns.assign(message.columns().begin(), message.columns().end());
  items->bytes = std::move(*message.mutable_values());
  items->ends.reserve(static_cast<std::size_t>(message.lengths_size()));
  std::uint64_t end = 0;
  for (const std::uint32_t length : message.lengths()) {
    end += length;
    if (end > items->bytes.size()) return nullptr;
    items->ends.push_back(static_cast<std::uint32_t>(end));
  }
  if (!items->consistent()) return nullptr;
  return items;
}

std::string encode_texts(const std::vector<std::string>& texts) {
  proto::StoredTexts message;
  for (const std::string& text : texts) message.add_texts(text);
  std::string bytes;
  write(message, bytes);
  return bytes;
}

std::optional<std::vector<std::string>> decode_texts(std::string_view bytes) {
  proto::StoredTexts message;
  if (!parse(bytes, message)) return std::nullopt;
  return std::vector<std::string>(message.texts().begin(), message.texts().end());
}

std::string encode_pairs(const Labels& labels) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : labels) texts.insert(texts.end(), {name, value});
  return encode_texts(texts);
}

std::string encode_pairs(const NamedAmounts& amounts) {
  std::vector<std::string> texts;
  for (const auto& [name, amount] : amounts) texts.insert(texts.end(), {name, std::to_string(amount)});
  return encode_texts(texts);
}

std::optional<Labels> decode_labels(std::string_view bytes) {
  const std::optional<std::vector<std::string>> texts = decode_texts(bytes);
  if (!texts || texts->size() % 2 != 0) return std::nullopt;
  Labels labels;
  for (std::size_t i = 0; i < texts->size(); i += 2) labels.emplace_back((*texts)[i], (*texts)[i + 1]);
  if (!normalize(labels)) return std::nullopt;
  return labels;
}

std::optional<NamedAmounts> decode_amounts(std::string_view bytes) {
  const std::optional<std::vector<std::string>> texts = decode_texts(bytes);
  if (!texts || texts->size() % 2 != 0) return std::nullopt;
  NamedAmounts amounts;
  for (std::size_t i = 0; i < texts->size(); i += 2) {
    const std::string& text = (*texts)[i + 1];
    std::uint64_t amount = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    amounts.emplace_back((*texts)[i], amount);
  }
  if (!normalize(amounts)) return std::nullopt;
  return amounts;
}

}  // namespace muster::wire
