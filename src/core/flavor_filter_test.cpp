// Protofilters against the catalogue and the 31 measured answers of scitq, with the changes that docs/decisions names; and the parser
// against the regular expression of its manual.
#include "core/flavor_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <regex>

#include "core/flavor.h"

namespace muster {
namespace {

Flavor flavor(const char* name, const char* provider, std::uint32_t cpus, double ram_gb, double disk_gb,
              const char* tags, std::optional<double> gpu_gb, const char* region, double cost,
              std::optional<std::uint32_t> eviction) {
  Flavor one;
  one.key = {provider, region, name};
  one.cpus = cpus;
  one.ram_mb = static_cast<std::uint64_t>(ram_gb * 1024);
  one.disk_mb = static_cast<std::uint64_t>(disk_gb * 1024);
  one.tags = tags;
  if (gpu_gb) one.gpu_mem_mb = static_cast<std::uint64_t>(*gpu_gb * 1024);
  one.price_micro = one.cost_micro = static_cast<std::int64_t>(cost * 1e6 + 0.5);
  one.eviction_percent = eviction;
  return one;
}

constexpr std::nullopt_t kNone = std::nullopt;

// The names are the letters of the reference; what scitq calls null tags are no tags here.
const std::vector<Flavor>& catalogue() {
  static const std::vector<Flavor> kCatalogue = {
      flavor("b3-8", "ovh", 2, 8, 50, "", kNone, "GRA11", 0.06, 0),
      flavor("b3-8", "ovh", 2, 8, 50, "", kNone, "UK1", 0.05, 0),
      flavor("c3-64", "ovh", 32, 64, 400, "", kNone, "GRA11", 1.2, 0),
      flavor("c3-64", "ovh", 32, 64, 400, "", kNone, "RBX-A", 1.1, 0),
      flavor("i1-180", "ovh", 32, 180, 2000, "N", kNone, "UK1", 2.0, 0),
      flavor("bm-l1", "ovh", 32, 128, 960, "M", kNone, "GRA11", 0.9, 0),
      flavor("t2-90", "ovh", 30, 90, 800, "NG", 32, "GRA11", 4.0, 0),
      flavor("nulltag", "ovh", 16, 60, 200, "", kNone, "GRA11", 0.01, 0),
      flavor("D16s", "azure", 16, 64, 30, "", kNone, "swedencentral", 0.10, 5),
      flavor("D16s", "azure", 16, 64, 30, "", kNone, "eastasia", 0.12, 10),
      flavor("NC4as", "azure", 4, 28, 176, "G", 16, "swedencentral", 0.15, 5),
      flavor("NC4as", "azure", 4, 28, 176, "G", 16, "eastasia", 0.16, 5),
      flavor("E32s", "azure", 32, 256, 30, "", kNone, "swedencentral", 0.30, 20),
      flavor("E32s", "azure", 32, 256, 30, "", kNone, "eastasia", 0.31, kNone),
      flavor("F32s", "azure", 32, 64, 256, "", kNone, "eastasia", 0.30, 5)};
  return kCatalogue;
}

std::string letter_of(const std::string& name) {
  static const std::map<std::string, std::string> kLetters = {
      {"b3-8", "a"},    {"c3-64", "b"}, {"i1-180", "c"}, {"bm-l1", "d"}, {"t2-90", "e"},
      {"nulltag", "n"}, {"D16s", "f"},  {"NC4as", "g"},  {"E32s", "h"},  {"F32s", "k"}};
  return kLetters.at(name);
}

// "a@U a@G f@s": the first ten, as `flavor list` shows them.
std::string answer(FlavorQuery query, const std::string& filter) {
  constexpr std::size_t kLimit = 10;
  const Result<FlavorFilter> parsed = parse_flavor_filter(filter);
  if (!parsed) return "refused";
  query.filter = *parsed;
  std::vector<const Flavor*> found = find_flavors(catalogue(), query);
  if (found.size() > kLimit) found.resize(kLimit);
  std::string text;
  for (const Flavor* one : found)
    text += (text.empty() ? "" : " ") + letter_of(one->key.name) + "@" + one->key.region.substr(0, 1);
  return text;
}

std::string answer(const std::string& filter) { return answer({}, filter); }

FlavorQuery of_provider(const char* provider) {
  FlavorQuery query;
  query.provider = provider;
  query.preferred_regions = {std::string(provider) == "ovh" ? "GRA%" : "eastasia"};
  return query;
}

TEST(FlavorFilter, the_measured_answers) {
  struct Row {
    int number;
    const char* filter;
    const char* answer;
  };
  constexpr const char* kAll = "n@G a@U a@G f@s g@s g@e k@e b@R b@G c@U";
  constexpr const char* kTen = "n@G f@s k@e b@R b@G c@U e@G";
  const std::vector<Row> rows = {
      {1, "", kAll},
      {2, "cpu>=10", kTen},
      {3, "cpu>10:ram>=64", "f@s k@e b@R b@G c@U e@G"},
      {4, "cpu==32:disk>=300", "b@R b@G c@U"},
      {5, "cpu<=4", "a@U a@G g@s g@e"},
      {6, "cpu!=32", "n@G a@U a@G f@s g@s g@e e@G"},
      {7, "tags#G", "g@s g@e e@G"},
      {8, "tags#GN", "e@G"},
      {9, "tags#M", "d@G"},
      {10, "tags~%", "n@G a@U a@G f@s g@s g@e k@e d@G b@R b@G"},
      {11, "tags!#G", "n@G a@U a@G f@s k@e d@G b@R b@G c@U"},
      {12, "tags!#M", kAll},
      {13, "tags==NG", "e@G"},
      {13, "tags==GN", ""},
      {14, "gpumem>=16", "g@s g@e e@G"},
      {14, "gpumem<100", "g@s g@e e@G"},
      {15, "eviction>=0", "n@G a@U a@G f@s f@e g@s g@e h@s k@e b@R"},
      {17, "region~GRA%", "n@G a@G b@G e@G"},
      {18, "region!~GRA%:cpu>=30", "k@e b@R c@U"},
      {19, "region==RBX-A", "b@R"},
      {20, "region~gra%", ""},
      {21, "provider==azure", "f@s g@s g@e k@e"},
      {24, "cost<.1", "n@G a@U a@G"},
      {25, "cpu>=10.5", kTen},
      {30, "region==eviction1", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(answer(row.filter), row.answer) << row.number << ": " << row.filter;
}

TEST(FlavorFilter, the_measured_answers_with_other_arguments) {
  FlavorQuery none_evicted;
  none_evicted.max_eviction_percent = 0;
  EXPECT_EQ(answer(none_evicted, ""), "n@G a@U a@G b@R b@G c@U e@G");
  EXPECT_EQ(answer(none_evicted, "eviction<=10"), "n@G a@U a@G f@s f@e g@s g@e k@e b@R b@G");  // 16
  EXPECT_EQ(answer(of_provider("azure"), "cpu>=16"), "k@e f@s");                               // 22
  EXPECT_EQ(answer(of_provider("ovh"), ""), "n@G a@G b@G e@G a@U b@R c@U");                    // 23
  FlavorQuery named;
  named.name_like = "b3_8";
  EXPECT_EQ(answer(named, ""), "a@U a@G");  // 31
  FlavorQuery least;
  least.min_cpus = 10;
  least.min_ram_gb = 100;
  least.min_disk_gb = 200;
  EXPECT_EQ(answer(least, ""), answer("cpu>=10:ram>=100:disk>=200"));
}

TEST(FlavorFilter, equal_costs_are_ordered_by_name_then_region) {
  FlavorQuery all;
  all.max_eviction_percent = 100;
  EXPECT_EQ(answer(all, "cost==0.30"), "h@s k@e");
}

TEST(FlavorFilter, refusals_mark_the_place) {
  struct Row {
    const char* filter;
    const char* marked;  // the line of the sign
    const char* next;
  };
  const std::vector<Row> rows = {
      {"cpu>=abc", "       ^^^", "cpu>=10"},
      {"cpu>=10abc", "       ^^^^^", "cpu>=10"},
      {"cpu>=1.2.3", "       ^^^^^", "cpu>=10"},
      {"cpu~3%", "     ^", "== !="},
      {"cpu#32", "     ^", "== !="},
      {"foo>=3", "  ^^^", "items"},
      {"cpu >= 10", "  ^^^^", "cpu?"},
      {"CPU>=10", "  ^^^", "items"},
      {"cpu>=", "       ^", "nothing stands"},
      {"cpu=>10", "     ^", "one of"},
      {"cpu>=10:", "          ^", "nothing left empty"},
      {"ram>=1:regoin==GRA", "         ^^^^^^", "region?"},
      {"region==a.b", "           ^", "no blanks"},
      {"cpu", "     ^", "one of"},
      {"cpu>=.", "       ^", "cpu>=10"},
  };
  for (const Row& row : rows) {
    const Result<FlavorFilter> parsed = parse_flavor_filter(row.filter);
    ASSERT_FALSE(parsed) << row.filter;
    EXPECT_EQ(parsed.error().code, kMalformedFilter);
    const std::string& what = parsed.error().what;
    EXPECT_EQ(what.substr(what.rfind('\n') + 1), row.marked) << what;
    EXPECT_NE(parsed.error().next.find(row.next), std::string::npos)
        << row.filter << ": " << parsed.error().next;
  }
}

TEST(FlavorFilter, what_a_worker_may_be) {
  EXPECT_EQ(parse_flavor_choice("auto"), FlavorChoice{});
  EXPECT_EQ(parse_flavor_choice("d2-2")->name, "d2-2");
  EXPECT_EQ(parse_flavor_choice("Auto:cpu>1")->name, "Auto:cpu>1");
  EXPECT_EQ(parse_flavor_choice("auto:cpu>=10:ram>=100")->filter.size(), 2U);
  for (const char* wrong : {"autofoo:cpu>1", "auto:", "auto:cpu", "auto:cpu>1:", ""})
    EXPECT_FALSE(parse_flavor_choice(wrong)) << wrong;
  EXPECT_NE(parse_flavor_choice("auto:cpu>=x").error().what.find("\n            ^"), std::string::npos);
}

TEST(FlavorFilter, why_one_is_dropped) {
  const Flavor& metal = catalogue()[5];
  const Flavor& unknown = catalogue()[13];
  FlavorQuery query;
  EXPECT_EQ(why_dropped(catalogue()[0], query), "");
  EXPECT_EQ(why_dropped(metal, query), "tags!#M (as always, unless a filter names it), it has M");
  EXPECT_EQ(why_dropped(unknown, query),
            "eviction<=5 (as always, unless a filter names it), which is not known of it");
  query.filter = *parse_flavor_filter("cpu>=100:tags#G");
  EXPECT_EQ(why_dropped(metal, query), "cpu>=100, it has 32");
  query.filter = *parse_flavor_filter("tags#G");
  EXPECT_EQ(why_dropped(catalogue()[0], query), "tags#G, it has none");
  query.provider = "azure";
  EXPECT_EQ(why_dropped(metal, query), "provider azure, it is of ovh");
}

// What the manual's expression takes, and what the decisions refuse beside it: a number's item compared as a text or with no number.
bool expected_to_parse(const std::string& text) {
  static const std::regex kTest(
      "^(cpu|ram|disk|tags|gpumem|eviction|region|cost|provider)(==|!=|>=|>|<|<=|~|#|!~|!#)([0-9\\.]+|[A-Za-"
      "z0-9_%-]+)$");
  static const std::regex kNumber("^([0-9]+\\.?[0-9]*|\\.[0-9]+)$");
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    const std::string test = text.substr(at, end - at);
    std::smatch parts;
    if (!std::regex_match(test, parts, kTest)) return false;
    const std::string item = parts[1];
    const bool number = item != "tags" && item != "region" && item != "provider";
    const bool of_texts = parts[2].str().find_first_of("~#") != std::string::npos;
    if (number && (of_texts || !std::regex_match(parts[3].str(), kNumber))) return false;
    if (end == text.size()) return true;
    at = end + 1;
  }
}

RC_GTEST_PROP(FlavorFilter, takes_what_the_manuals_expression_takes, ()) {
  const auto piece = rc::gen::element<std::string>(
      "cpu", "ram", "disk", "tags", "gpumem", "eviction", "region", "cost", "provider", "==", "!=", ">=", ">",
      "<", "<=", "~", "#", "!~", "!#", "=", "!", "10", ".1", "1.", "1.2.3", ".", "abc", "GRA%", "a-b_c", ":",
      " ", "x", "Cpu");
  std::string text;
  for (const std::string& one : *rc::gen::container<std::vector<std::string>>(piece)) text += one;
  if (text.empty()) text = "cpu";
  RC_ASSERT(parse_flavor_filter(text).has_value() == expected_to_parse(text));
}

RC_GTEST_PROP(FlavorFilter, takes_every_test_of_the_right_form, ()) {
  const auto item = *rc::gen::element<std::string>("cpu", "tags", "region", "cost", "provider", "eviction");
  const auto sign = *rc::gen::element<std::string>("==", "!=", ">=", ">", "<", "<=", "~", "#", "!~", "!#");
  const auto value =
      *rc::gen::element<std::string>("10", "0.5", ".5", "5.", "abc", "GRA%", "10abc", "1..2", "-", "_");
  const std::string text = item + sign + value + ":ram>=1";
  const Result<FlavorFilter> parsed = parse_flavor_filter(text);
  RC_ASSERT(parsed.has_value() == expected_to_parse(text));
  if (parsed) RC_ASSERT(parsed->front().text() + ":ram>=1" == text);
}

TEST(Flavor, figures_are_read_and_written) {
  EXPECT_EQ(parse_money_micro("0.42"), 420'000);
  EXPECT_EQ(parse_money_micro(".1"), 100'000);
  EXPECT_EQ(parse_money_micro("12"), 12'000'000);
  for (const char* wrong : {"", ".", "-1", "1e3", "0.0000001", "1.2.3", "9999999999999999", "one"})
    EXPECT_FALSE(parse_money_micro(wrong)) << wrong;
  EXPECT_EQ(format_money(420'000), "0.42");
  EXPECT_EQ(format_money(12'000'000), "12");
  EXPECT_EQ(format_money(-1), "-0.000001");
  EXPECT_EQ(parse_gb_as_mb("7.5"), 7680U);
  EXPECT_EQ(format_gb(7680), "7.5");
  EXPECT_EQ(format_gb(1024 * 180), "180");
  EXPECT_EQ(format_gb(1023), "0.999");
  for (const char* wrong : {"", "8G", "-1", "1000001"}) EXPECT_FALSE(parse_gb_as_mb(wrong)) << wrong;
}

TEST(Flavor, a_quota_of_cpus_lets_in_whole_machines) {
  const Flavor& small = catalogue()[0];
  EXPECT_EQ(available_machines(small, 64, 10), 27U);
  EXPECT_EQ(available_machines(small, 64, 64), 0U);
  EXPECT_EQ(available_machines(small, 0, 10), 0U);
  EXPECT_EQ(available_machines(small, std::nullopt, 10), std::nullopt);
}

}  // namespace
}  // namespace muster
