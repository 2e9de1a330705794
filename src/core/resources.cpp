// Arithmetic of resources.
// Sums are 64 bit wide and never wrap: 2^32 tasks of 2^32 slots do not exist.
#include "core/resources.h"

#include <algorithm>

#include "core/check.h"

namespace muster {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

auto find_amount(NamedAmounts& amounts, std::string_view name) {
  return std::lower_bound(amounts.begin(), amounts.end(), name,
                          [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
}

bool covers_named(const Capacity& capacity, const Resources& wanted, const InUse& in_use) {
  return std::all_of(wanted.named.begin(), wanted.named.end(), [&](const auto& entry) {
    return amount_of(in_use.named, entry.first) + entry.second <= amount_of(capacity.named, entry.first);
  });
}

bool covers(const Capacity& capacity, const Resources& wanted, const InUse& in_use) {
  return in_use.cpu_slots + wanted.cpu_slots <= capacity.cpu_slots &&
         in_use.gpu_slots + wanted.gpu_slots <= capacity.gpu_slots &&
         (wanted.cpus == 0 || in_use.cpus + wanted.cpus <= capacity.cpus) &&
         (wanted.mem_mb == 0 || in_use.mem_mb + wanted.mem_mb <= capacity.mem_mb) &&
         (wanted.disk_mb == 0 || in_use.disk_mb + wanted.disk_mb <= capacity.disk_mb) &&
         in_use.exclusive == 0 && (wanted.sharing == Sharing::shared || in_use.tasks == 0) &&
         (wanted.named.empty() || covers_named(capacity, wanted, in_use));
}

template <class Pairs>
bool sort_by_name(Pairs& pairs) {
  std::sort(pairs.begin(), pairs.end());
  const auto twice = std::adjacent_find(pairs.begin(), pairs.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  return twice == pairs.end() && std::all_of(pairs.begin(), pairs.end(),
                                             [](const auto& pair) { return is_resource_name(pair.first); });
}

}  // namespace

void InUse::add(const Resources& wanted) {
  cpu_slots += wanted.cpu_slots;
  gpu_slots += wanted.gpu_slots;
  cpus += wanted.cpus;
  mem_mb += wanted.mem_mb;
  disk_mb += wanted.disk_mb;
  ++tasks;
  exclusive += wanted.sharing == Sharing::exclusive;
  for (const auto& [name, amount] : wanted.named) {
    if (amount == 0) continue;
    const auto found = find_amount(named, name);
    if (found != named.end() && found->first == name) {
      found->second += amount;
    } else {
      named.insert(found, {name, amount});
    }
  }
}

void InUse::remove(const Resources& wanted) {
  const std::uint64_t alone = wanted.sharing == Sharing::exclusive ? 1 : 0;
  MUSTER_CHECK(cpu_slots >= wanted.cpu_slots && gpu_slots >= wanted.gpu_slots && cpus >= wanted.cpus &&
                   mem_mb >= wanted.mem_mb && disk_mb >= wanted.disk_mb && tasks > 0 && exclusive >= alone,
               "resources are given back once, by whom they were taken");
  cpu_slots -= wanted.cpu_slots;
  gpu_slots -= wanted.gpu_slots;
  cpus -= wanted.cpus;
  mem_mb -= wanted.mem_mb;
  disk_mb -= wanted.disk_mb;
  --tasks;
  exclusive -= alone;
  for (const auto& [name, amount] : wanted.named) {
    if (amount == 0) continue;
    const auto found = find_amount(named, name);
    MUSTER_CHECK(found != named.end() && found->first == name && found->second >= amount,
                 "a named resource is given back once, by whom it was taken");
    found->second -= amount;
    if (found->second == 0) named.erase(found);
  }
}

Fit fits(const Resources& wanted, const Capacity& capacity, const InUse& in_use) {
  if (!covers(capacity, wanted, InUse{})) return Fit::too_big;
  return covers(capacity, wanted, in_use) ? Fit::fits : Fit::busy;
}

bool carries(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) {
    return std::find(labels.begin(), labels.end(), one) != labels.end();
  });
}

std::uint64_t amount_of(const NamedAmounts& amounts, std::string_view name) {
  const auto found =
      std::find_if(amounts.begin(), amounts.end(), [&](const auto& entry) { return entry.first == name; });
  return found == amounts.end() ? 0 : found->second;
}

std::uint64_t cores_of(const Resources& wanted) {
  return wanted.cpus > 0 ? wanted.cpus : std::max(1U, wanted.cpu_slots);
}

bool is_resource_name(std::string_view text) {
  return is_label_value(text) && (is_letter(text.front()) || is_digit(text.front()));
}

bool is_label_value(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '/';
  });
}

bool normalize(NamedAmounts& amounts) { return sort_by_name(amounts); }

bool normalize(Labels& labels) {
  return sort_by_name(labels) && std::all_of(labels.begin(), labels.end(),
                                             [](const auto& label) { return is_label_value(label.second); });
}

}  // namespace muster
