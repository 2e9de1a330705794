// A flavor: a kind of machine that a provider offers in a region, with what it has, what it costs and how often it is taken back.
// The catalogue is a list of them in which provider, region and name stand together once. Shapes from scitq (see docs/decisions).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace muster {

// Where a flavor stands in the catalogue.
struct FlavorKey {
  std::string provider;
  std::string region;
  std::string name;
  auto operator<=>(const FlavorKey&) const = default;
};

struct Flavor {
  FlavorKey key;
  std::uint32_t cpus = 0;
  std::uint64_t ram_mb = 0;          // MiB, as all memory here; people write GB and mean 1024 of them
  std::uint64_t disk_mb = 0;         // MiB
  std::uint64_t bandwidth_mbps = 0;  // megabits a second; 0: not known
  std::string gpu;                   // its model; empty: none
  std::optional<std::uint64_t>
      gpu_mem_mb;                // MiB, of all its GPUs together; nothing: it has none, or it is not known
  std::string tags;              // letters: G GPU, M metal (no virtual machine), N NVMe
  std::int64_t price_micro = 0;  // for one hour, in millionths of `currency`, as the provider says it
  std::string currency = "EUR";  // ISO 4217
  std::int64_t cost_micro = 0;   // the same in the server's currency; what is compared and ordered by
  std::optional<std::uint32_t>
      eviction_percent;  // chance in an hour that the provider takes it back; nothing: not known
  bool operator==(const Flavor&) const = default;
};

// How many more of these machines a quota of CPUs lets in, when machines of the provider and region have `used_cpus`.
// Nothing: there is no quota, so it is not known.
std::optional<std::uint64_t> available_machines(const Flavor& flavor, std::optional<std::uint64_t> quota_cpus,
                                                std::uint64_t used_cpus);

// "0.42", "12", "0.000001": no more decimals than there are. For tables and files.
std::string format_money(std::int64_t micro);
// Not negative, at most six decimals; nothing when it is not that.
std::optional<std::int64_t> parse_money_micro(std::string_view text);

// "8", "7.5", "0.25": MiB as GB of 1024 MiB.
std::string format_gb(std::uint64_t mb);
// Rounded to a MiB; nothing when it is no number that is not negative, or larger than a million GB.
std::optional<std::uint64_t> parse_gb_as_mb(std::string_view text);

}  // namespace muster
