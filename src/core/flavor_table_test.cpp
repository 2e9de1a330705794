// Catalogue files: what is read, and that what is written is read back.
// What is wrong is refused with its line.
#include "core/flavor_table.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr const char* kFile =
    "name,provider,region,cpu,ram,disk,tags,gpu,gpumem,cost,currency,eviction\n"
    "d2-2,ovh,GRA11,1,2,25,,,,0.0099,EUR,0\n"
    "\n"
    "t2-90,ovh,GRA11,30,90,800,NG,\"V100, two of them\",32,4,EUR,0\n"
    "Standard_D16s_v5,azure,swedencentral,16,64,0,,,,0.1,USD,5\n"
    "Standard_E32s_v5,azure,eastasia,32,256,0,,,,0.31,USD,\n";

TEST(FlavorTable, a_file_is_read) {
  const auto flavors = read_flavor_table(ItemFormat::csv, kFile, "");
  ASSERT_TRUE(flavors) << flavors.error().what;
  ASSERT_EQ(flavors->size(), 4U);
  const Flavor& gpu = (*flavors)[1];
  EXPECT_EQ(flavor_id(gpu.key), "ovh:GRA11:t2-90");
  EXPECT_EQ(gpu.gpu, "V100, two of them");
  EXPECT_EQ(gpu.gpu_mem_mb, 32U * 1024);
  EXPECT_EQ(gpu.ram_mb, 90U * 1024);
  EXPECT_EQ((*flavors)[0].price_micro, 9'900);
  EXPECT_EQ((*flavors)[2].currency, "USD");
  EXPECT_EQ((*flavors)[3].eviction_percent, std::nullopt);
}

TEST(FlavorTable, what_is_written_is_read_back) {
  const auto flavors = read_flavor_table(ItemFormat::csv, kFile, "");
  for (const ItemFormat format : {ItemFormat::csv, ItemFormat::tsv}) {
    const auto again = read_flavor_table(format, write_flavor_table(format, *flavors), "");
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(*again, *flavors);
  }
}

TEST(FlavorTable, one_provider_for_all_and_lines_of_json) {
  const auto flavors = read_flavor_table(
      ItemFormat::jsonl, R"({"region":"lab","name":"small","cpu":2,"ram":1.5,"cost":0})", "local");
  ASSERT_TRUE(flavors) << flavors.error().what;
  EXPECT_EQ(flavor_id(flavors->front().key), "local:lab:small");
  EXPECT_EQ(flavors->front().ram_mb, 1536U);
}

std::string refusal(const std::string& rows,
                    const std::string& header = "provider,region,name,cpu,ram,cost,tags,currency,eviction") {
  const auto flavors = read_flavor_table(ItemFormat::csv, header + "\n" + rows, "");
  return flavors
             ? "taken"
             : flavors.error().code + std::string(" ") + flavors.error().what + " | " + flavors.error().next;
}

TEST(FlavorTable, what_is_wrong_is_named_with_its_line) {
  const std::string good = "ovh,GRA11,a,1,2,0.1,,,\n";
  struct Row {
    std::string rows;
    const char* said;
  };
  const std::vector<Row> rows = {
      {good + "\novh,GRA11,b,1,2,cheap,,,\n",
       "line 4: cost has to be a price with at most six decimals, not \"cheap\""},
      {good + good, "line 3: ovh:GRA11:a stands on line 2 already"},
      {good + "ovh,GRA11,b,1,2\n", "E207"},
      {"ovh,GRA11,b,1.5,2,1,,,\n", "line 2: cpu has to be a whole number"},
      {"ovh,GRA11,b,0,2,1,,,\n", "line 2: a machine has at least one CPU"},
      {"ovh,GRA11,b,1,,1,,,\n", "line 2: ram has to be a number of GB, not \"\""},
      {"ovh,GRA 11,b,1,1,1,,,\n", "line 2: region \"GRA 11\""},
      {"ovh,GRA11,b:c,1,1,1,,,\n", "line 2: name \"b:c\""},
      {"ovh,GRA11,b,1,1,1,gpu,,\n", "line 2: tags \"gpu\""},
      {"ovh,GRA11,b,1,1,1,,euro,\n", "line 2: currency \"euro\""},
      {"ovh,GRA11,b,1,1,1,,,101\n", "line 2: eviction has to be"},
      {"ovh,GRA11,\"b\nc\",1,1,1,,,\n", "line 2: a value holds a line break"},
      {"", "E2"},
  };
  for (const Row& row : rows)
    EXPECT_NE(refusal(row.rows).find(row.said), std::string::npos) << refusal(row.rows);
  EXPECT_NE(refusal("a,b,c,1,1,1", "provider,region,name,cpus,ram,cost").find("did you mean cpu?"),
            std::string::npos);
  EXPECT_NE(refusal("a,b,c,1,1", "provider,region,name,cpu,ram").find("the column cost is missing"),
            std::string::npos);
}

TEST(FlavorTable, ids_are_read_back) {
  EXPECT_EQ(parse_flavor_id("ovh:GRA11:b3-8"), (FlavorKey{"ovh", "GRA11", "b3-8"}));
  for (const char* wrong : {"", "b3-8", "ovh:b3-8", "ovh::b3-8", "ovh:GRA11:b 8", "a:b:c:d"})
    EXPECT_FALSE(parse_flavor_id(wrong)) << wrong;
}

}  // namespace
}  // namespace muster
