// What is stored whole comes back equal.
// Damaged bytes give nothing, and never a value that contradicts itself.
#include "wire/stored/stored.h"

#include <gtest/gtest.h>

#include <random>

namespace muster::wire {
namespace {

ItemBlock table() {
  ItemBlock items;
  items.columns = {"id", "path"};
  for (const std::string field : {"1", "/a", "", "", "300", "\xff\n"}) {
    items.bytes += field;
    items.ends.push_back(static_cast<std::uint32_t>(items.bytes.size()));
  }
  return items;
}

TEST(StoredItemBlock, ComesBackEqual) {
  std::string bytes;
  encode_item_block(table(), bytes);
  const auto back = decode_item_block(bytes);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(*back, table());
}

TEST(StoredItemBlock, AnyShorterFormIsRefusedOrConsistent) {
  std::string bytes;
  encode_item_block(table(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto back = decode_item_block(std::string_view(bytes).substr(0, size));
    EXPECT_TRUE(back == nullptr || back->consistent());
  }
}

TEST(StoredItemBlock, ChangedBytesAreRefusedOrConsistent) {
  std::mt19937 random(7);
  std::string bytes;
  encode_item_block(table(), bytes);
  for (int round = 0; round < 20000; ++round) {
    std::string changed = bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    const auto back = decode_item_block(changed);
    EXPECT_TRUE(back == nullptr || back->consistent());
  }
}

TEST(StoredTexts, ComeBackEqual) {
  const std::vector<std::string> texts = {"NVIDIA A100", "", "a\nb"};
  EXPECT_EQ(decode_texts(encode_texts(texts)), texts);
  EXPECT_EQ(decode_texts(encode_texts({})), std::vector<std::string>{});
  EXPECT_EQ(decode_texts("\x0a\x05x"), std::nullopt);
}

}  // namespace
}  // namespace muster::wire
