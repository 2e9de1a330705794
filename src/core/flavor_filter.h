// Protofilters: the filters on flavors, `cpu>=10:ram>=100:tags!#M`; one predicate for listing, deploying and recycling.
// Grammar of scitq's manual. A number is compared as a number, a text byte by byte; a refusal marks its place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/flavor.h"

namespace muster {

// In the order in which a refusal lists them.
enum class FlavorItem : std::uint8_t { cpu, ram, disk, tags, gpumem, eviction, region, cost, provider };
std::string_view to_text(FlavorItem item);

enum class FlavorComparator : std::uint8_t {
  equal,      // ==
  not_equal,  // !=
  at_least,   // >=
  at_most,    // <=
  greater,    // >
  less,       // <
  like,       // ~   the whole text; % is any run of characters, _ any one
  not_like,   // !~
  has_all,    // #   every letter, in any order
  has_none,   // !#  none of the letters
};
std::string_view to_text(FlavorComparator comparator);

struct FlavorTest {
  FlavorItem item = FlavorItem::cpu;
  FlavorComparator comparator = FlavorComparator::equal;
  std::string value;  // as written
  double number = 0;  // of a number's item: CPUs, GB, GB, GB, percent an hour, money an hour
  bool operator==(const FlavorTest&) const = default;

  std::string text() const;  // "cpu>=10"
  // What is not known (eviction, GPU memory) meets no test on it; no tags are the empty text.
  bool admits(const Flavor& flavor) const;
};

// All tests have to hold.
using FlavorFilter = std::vector<FlavorTest>;

// Tests between colons; empty: none. Errors: kMalformedFilter.
Result<FlavorFilter> parse_flavor_filter(std::string_view text);

// What a worker's flavor is to be: a name, `auto`, or `auto:` and a filter.
struct FlavorChoice {
  std::string name;     // empty: any that the filter admits
  FlavorFilter filter;  // with `auto:`
  bool operator==(const FlavorChoice&) const = default;
};
// Errors: kMalformedFilter. What begins with `auto` is `auto` or `auto:…`; everything else is a name.
Result<FlavorChoice> parse_flavor_choice(std::string_view text);

// `*` and `auto` mean any where a provider or region is asked for.
bool is_any(std::string_view provider_or_region);

// A question to the catalogue.
struct FlavorQuery {
  std::string name_like;  // as with ~; empty: any
  std::string provider;   // empty: any
  std::string region;     // empty: any
  FlavorFilter filter;
  double min_cpus = 0;
  double min_ram_gb = 0;
  double min_disk_gb = 0;
  double max_eviction_percent =
      5;  // counts while no test is on eviction; a flavor whose eviction is not known is dropped by it
  std::vector<std::string> preferred_regions;  // of the named provider, as with ~; their flavors come first
};

// Why the query drops a flavor: "cpu>=10, it has 4"; empty: it is kept. No tag M is wanted while no test is on tags.
std::string why_dropped(const Flavor& flavor, const FlavorQuery& query);

// Those that are kept: preferred regions first, then the cheapest, then by name, region and provider.
std::vector<const Flavor*> find_flavors(std::span<const Flavor> catalogue, const FlavorQuery& query);

}  // namespace muster
