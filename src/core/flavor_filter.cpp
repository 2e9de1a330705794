// Reading protofilters by hand, the longest comparator first, and asking flavors.
// The predicate is called for every flavor of the catalogue, so nothing is made into text unless somebody wants the reason.
#include "core/flavor_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "core/escape.h"
#include "core/nearest_word.h"

namespace muster {
namespace {

using enum FlavorComparator;

constexpr std::array<std::string_view, 9> kItems = {"cpu",      "ram",    "disk", "tags",    "gpumem",
                                                    "eviction", "region", "cost", "provider"};
constexpr std::array<std::string_view, 10> kComparators = {"==", "!=", ">=", "<=", ">",
                                                           "<",  "~",  "!~", "#",  "!#"};
constexpr std::array kLongestFirst = {equal,    not_equal, at_least, at_most, not_like,
                                      has_none, greater,   less,     like,    has_all};
constexpr std::string_view kMetal = "M";

bool is_number(FlavorItem item) {
  return item != FlavorItem::tags && item != FlavorItem::region && item != FlavorItem::provider;
}

bool is_for_texts(FlavorComparator comparator) {
  return comparator == like || comparator == not_like || comparator == has_all || comparator == has_none;
}

bool is_digit_or_dot(char c) { return (c >= '0' && c <= '9') || c == '.'; }
bool is_word_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '%' ||
         c == '-';
}

// `%` is any run, `_` any one byte; the whole text. Backs up to the last % only, so the time is at most the product of both.
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t after_run = std::string_view::npos;
  std::size_t run_end = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
      after_run = ++in_pattern;
      run_end = at;
    } else if (in_pattern < pattern.size() &&
               (pattern[in_pattern] == '_' || pattern[in_pattern] == text[at])) {
      ++in_pattern;
      ++at;
    } else if (after_run != std::string_view::npos) {
      in_pattern = after_run;
      at = ++run_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', in_pattern) == std::string_view::npos;
}

bool has_letter(std::string_view text, char letter) { return text.find(letter) != std::string_view::npos; }

std::optional<double> number_of(const Flavor& flavor, FlavorItem item) {
  constexpr double kMbInGb = 1024;
  switch (item) {
    case FlavorItem::cpu:
      return flavor.cpus;
    case FlavorItem::ram:
      return static_cast<double>(flavor.ram_mb) / kMbInGb;
    case FlavorItem::disk:
      return static_cast<double>(flavor.disk_mb) / kMbInGb;
    case FlavorItem::gpumem:
      if (!flavor.gpu_mem_mb) return std::nullopt;
      return static_cast<double>(*flavor.gpu_mem_mb) / kMbInGb;
    case FlavorItem::eviction:
      if (!flavor.eviction_percent) return std::nullopt;
      return *flavor.eviction_percent;
    case FlavorItem::cost:
      return static_cast<double>(flavor.cost_micro) / 1e6;
    default:
      return std::nullopt;
  }
}

std::string_view text_of(const Flavor& flavor, FlavorItem item) {
  if (item == FlavorItem::tags) return flavor.tags;
  return item == FlavorItem::region ? flavor.key.region : flavor.key.provider;
}

template <class Value>
bool holds(FlavorComparator comparator, const Value& left, const Value& right) {
  switch (comparator) {
    case equal:
      return left == right;
    case not_equal:
      return left != right;
    case at_least:
      return left >= right;
    case at_most:
      return left <= right;
    case greater:
      return left > right;
    case less:
      return left < right;
    default:
      return false;
  }
}

bool admits_text(const FlavorTest& test, std::string_view text) {
  switch (test.comparator) {
    case like:
      return is_like(text, test.value);
    case not_like:
      return !is_like(text, test.value);
    case has_all:
      return std::all_of(test.value.begin(), test.value.end(),
                         [text](char c) { return has_letter(text, c); });
    case has_none:
      return std::none_of(test.value.begin(), test.value.end(),
                          [text](char c) { return has_letter(text, c); });
    default:
      return holds(test.comparator, text, std::string_view(test.value));
  }
}

class FilterReader {
 public:
  // `begin`: where the first test stands in what the person wrote.
  FilterReader(std::string_view text, std::size_t begin) : text_(text), at_(begin) {}

  Result<FlavorFilter> read() {
    FlavorFilter filter;
    while (true) {
      const std::size_t end = std::min(text_.find(':', at_), text_.size());
      Result<FlavorTest> test = read_test(end);
      if (!test) return std::unexpected(std::move(test.error()));
      filter.push_back(std::move(*test));
      if (end == text_.size()) return filter;
      at_ = end + 1;
    }
  }

 private:
  std::unexpected<Error> fail(const std::string& why, std::size_t at, std::size_t length,
                              std::string next) const {
    return refuse(ErrorKind::usage, kMalformedFilter,
                  "malformed filter: " + why + mark_place(text_, at, std::max<std::size_t>(1, length)),
                  std::move(next));
  }

  Result<FlavorTest> read_test(std::size_t end) {
    const std::string_view whole = text_.substr(at_, end - at_);
    if (whole.empty())
      return fail("a test is missing", at_, 1,
                  "write tests between colons, with nothing left empty: cpu>=10:ram>=64");
    FlavorTest test;
    const std::size_t sign = whole.find_first_of("=!<>~#");
    const std::string_view word = whole.substr(0, sign);
    const auto item = std::find(kItems.begin(), kItems.end(), word);
    if (item == kItems.end()) return unknown_item(word);
    test.item = static_cast<FlavorItem>(item - kItems.begin());
    const std::string_view rest = sign == std::string_view::npos ? std::string_view() : whole.substr(sign);
    const auto comparator =
        std::find_if(kLongestFirst.begin(), kLongestFirst.end(),
                     [rest](FlavorComparator one) { return rest.starts_with(to_text(one)); });
    if (comparator == kLongestFirst.end())
      return fail("a comparator is missing", at_ + word.size(), 1, "one of == != >= <= > < ~ !~ # !#");
    test.comparator = *comparator;
    test.value = rest.substr(to_text(*comparator).size());
    const std::size_t value_at = end - test.value.size();
    return check_value(std::move(test), value_at, at_ + word.size());
  }

  std::unexpected<Error> unknown_item(std::string_view word) const {
    const std::string near = nearest_word(word, kItems);
    return fail(
        word.empty() ? "an item is missing" : "\"" + escape_text(truncate_text(word, 40)) + "\" is no item",
        at_, word.size(),
        near.empty() ? "items: cpu ram disk tags gpumem eviction region cost provider"
                     : "did you mean " + near + "?");
  }

  Result<FlavorTest> check_value(FlavorTest test, std::size_t at, std::size_t comparator_at) const {
    const std::string& value = test.value;
    if (value.empty()) return fail("a value is missing", at, 1, "nothing stands behind the comparator");
    const bool digits = std::all_of(value.begin(), value.end(), is_digit_or_dot);
    const auto odd = std::find_if_not(value.begin(), value.end(), is_word_character);
    if (!digits && odd != value.end()) {
      return fail("a value has letters, digits, _, % and -, or is a number",
                  at + static_cast<std::size_t>(odd - value.begin()), 1, "no blanks, and no quotes: cpu>=10");
    }
    if (!is_number(test.item)) return test;
    const std::string name(to_text(test.item));
    if (is_for_texts(test.comparator)) {
      return fail(name + " is a number, and " + std::string(to_text(test.comparator)) + " compares texts",
                  comparator_at, to_text(test.comparator).size(), "one of == != >= <= > <");
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), test.number);
    if (!digits || error != std::errc() || end != value.data() + value.size())
      return fail(name + " is compared with a number", at, value.size(), "for instance " + name + ">=10");
    return test;
  }

  std::string_view text_;
  std::size_t at_;
};

bool names(const FlavorFilter& filter, FlavorItem item) {
  return std::any_of(filter.begin(), filter.end(),
                     [item](const FlavorTest& test) { return test.item == item; });
}

std::string shown(double number) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), result.ptr};
}

std::string shown_value(const Flavor& flavor, FlavorItem item) {
  if (!is_number(item)) {
    const std::string_view text = text_of(flavor, item);
    return text.empty() ? "it has none" : "it has " + escape_text(text);
  }
  const std::optional<double> number = number_of(flavor, item);
  return number ? "it has " + shown(*number) : "which is not known of it";
}

// What the query asks for beside its filter, as tests, so that there is one predicate.
std::vector<FlavorTest> all_tests(const FlavorQuery& query) {
  std::vector<FlavorTest> tests = query.filter;
  const auto number = [&](FlavorItem item, FlavorComparator comparator, double value) {
    tests.push_back({item, comparator, shown(value), value});
  };
  if (query.min_cpus > 0) number(FlavorItem::cpu, at_least, query.min_cpus);
  if (query.min_ram_gb > 0) number(FlavorItem::ram, at_least, query.min_ram_gb);
  if (query.min_disk_gb > 0) number(FlavorItem::disk, at_least, query.min_disk_gb);
  if (!names(query.filter, FlavorItem::eviction))
    number(FlavorItem::eviction, at_most, query.max_eviction_percent);
  if (!names(query.filter, FlavorItem::tags))
    tests.push_back({FlavorItem::tags, has_none, std::string(kMetal), 0});
  return tests;
}

enum class Place : std::uint8_t { right, wrong_name, wrong_provider, wrong_region };

Place place_of(const Flavor& flavor, const FlavorQuery& query) {
  if (!query.provider.empty() && flavor.key.provider != query.provider) return Place::wrong_provider;
  if (!query.region.empty() && flavor.key.region != query.region) return Place::wrong_region;
  if (!query.name_like.empty() && !is_like(flavor.key.name, query.name_like)) return Place::wrong_name;
  return Place::right;
}

}  // namespace

std::string_view to_text(FlavorItem item) { return kItems[static_cast<std::size_t>(item)]; }
std::string_view to_text(FlavorComparator comparator) {
  return kComparators[static_cast<std::size_t>(comparator)];
}

std::string FlavorTest::text() const {
  return std::string(to_text(item)) + std::string(to_text(comparator)) + value;
}

bool FlavorTest::admits(const Flavor& flavor) const {
  if (!is_number(item)) return admits_text(*this, text_of(flavor, item));
  const std::optional<double> known = number_of(flavor, item);
  return known && holds(comparator, *known, number);
}

Result<FlavorFilter> parse_flavor_filter(std::string_view text) {
  if (text.empty()) return FlavorFilter{};
  return FilterReader(text, 0).read();
}

Result<FlavorChoice> parse_flavor_choice(std::string_view text) {
  constexpr std::string_view kAuto = "auto";
  FlavorChoice choice;
  if (text.empty())
    return refuse(ErrorKind::usage, kMalformedFilter, "a flavor is missing",
                  "a name, auto, or auto:cpu>=10:ram>=64");
  if (!text.starts_with(kAuto)) {
    choice.name = text;
    return choice;
  }
  if (text == kAuto) return choice;
  if (text[kAuto.size()] != ':') {
    return refuse(
        ErrorKind::usage, kMalformedFilter,
        "what begins with auto is auto itself, or auto: and a filter" + mark_place(text, kAuto.size()),
        "for instance auto:cpu>=10");
  }
  Result<FlavorFilter> filter = FilterReader(text, kAuto.size() + 1).read();
  if (!filter) return std::unexpected(std::move(filter.error()));
  choice.filter = std::move(*filter);
  return choice;
}

bool is_any(std::string_view provider_or_region) {
  return provider_or_region.empty() || provider_or_region == "auto" || provider_or_region == "*";
}

std::string why_dropped(const Flavor& flavor, const FlavorQuery& query) {
  switch (place_of(flavor, query)) {
    case Place::wrong_provider:
      return "provider " + escape_text(query.provider) + ", it is of " + escape_text(flavor.key.provider);
    case Place::wrong_region:
      return "region " + escape_text(query.region) + ", it is in " + escape_text(flavor.key.region);
    case Place::wrong_name:
      return "flavor " + escape_text(query.name_like) + ", it is called otherwise";
    case Place::right:
      break;
  }
  const std::vector<FlavorTest> tests = all_tests(query);
  for (std::size_t i = 0; i < tests.size(); ++i) {
    if (tests[i].admits(flavor)) continue;
    const bool unasked = i >= query.filter.size() &&
                         (tests[i].item == FlavorItem::eviction || tests[i].item == FlavorItem::tags);
    return tests[i].text() + (unasked ? " (as always, unless a filter names it)" : "") + ", " +
           shown_value(flavor, tests[i].item);
  }
  return {};
}

std::vector<const Flavor*> find_flavors(std::span<const Flavor> catalogue, const FlavorQuery& query) {
  struct Found {
    const Flavor* flavor;
    bool preferred;
  };
  const std::vector<FlavorTest> tests = all_tests(query);
  const bool prefers = !query.provider.empty() && !query.preferred_regions.empty();
  std::vector<Found> found;
  for (const Flavor& flavor : catalogue) {
    if (place_of(flavor, query) != Place::right) continue;
    if (!std::all_of(tests.begin(), tests.end(), [&](const FlavorTest& test) { return test.admits(flavor); }))
      continue;
    const bool preferred =
        prefers &&
        std::any_of(query.preferred_regions.begin(), query.preferred_regions.end(),
                    [&](const std::string& pattern) { return is_like(flavor.key.region, pattern); });
    found.push_back({&flavor, preferred});
  }
  const auto place = [](const Found& one) {
    return std::tuple<bool, std::int64_t, const std::string&, const std::string&, const std::string&>(
        !one.preferred, one.flavor->cost_micro, one.flavor->key.name, one.flavor->key.region,
        one.flavor->key.provider);
  };
  std::sort(found.begin(), found.end(),
            [&place](const Found& left, const Found& right) { return place(left) < place(right); });
  std::vector<const Flavor*> ordered;
  ordered.reserve(found.size());
  for (const Found& one : found) ordered.push_back(one.flavor);
  return ordered;
}

}  // namespace muster
