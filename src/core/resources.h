// What a task asks for and what a worker has; the one function that says whether they fit, used by server and agent alike.
// Amounts of zero mean "not asked for" in a request and "none" in a capacity.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster {

// Sorted by name, each name once: "license" 4, "lanes" 2.
using NamedAmounts = std::vector<std::pair<std::string, std::uint64_t>>;
// Sorted by name, each name once: "storage" = "lustre".
using Labels = std::vector<std::pair<std::string, std::string>>;

enum class Sharing : std::uint8_t {
  shared,
  exclusive,  // --exclusive: nothing else runs on its worker meanwhile
};

// A task takes 1 CPU slot (--slots N), or with --gpus N it takes N GPU slots and no CPU slot.
struct Resources {
  std::uint32_t cpu_slots = 1;
  std::uint32_t gpu_slots = 0;
  std::uint32_t cpus = 0;     // --cpus, counted against the cores of the worker when asked for
  std::uint64_t mem_mb = 0;   // --mem, MiB
  std::uint64_t disk_mb = 0;  // --disk, MiB
  Sharing sharing = Sharing::shared;
  NamedAmounts named = {};  // --use NAME=N, counted against what the operator says the worker offers
  Labels labels = {};       // --on NAME=VALUE: only on workers that carry all of these
  auto operator<=>(const Resources&) const = default;
  // The ordinary task: one CPU slot and nothing that has to be counted.
  bool is_plain() const { return *this == Resources{}; }
};

struct Capacity {
  std::uint32_t cpu_slots = 0;
  std::uint32_t gpu_slots = 0;
  std::uint32_t cpus = 0;
  std::uint64_t mem_mb = 0;
  std::uint64_t disk_mb = 0;
  NamedAmounts named = {};
  auto operator<=>(const Capacity&) const = default;
};

// The sum of what running tasks hold.
struct InUse {
  std::uint64_t cpu_slots = 0;
  std::uint64_t gpu_slots = 0;
  std::uint64_t cpus = 0;
  std::uint64_t mem_mb = 0;
  std::uint64_t disk_mb = 0;
  std::uint64_t tasks = 0;
  std::uint64_t exclusive = 0;  // of the tasks
  NamedAmounts named = {};      // no amount is 0
  auto operator<=>(const InUse&) const = default;
  void add(const Resources& wanted);
  // Precondition (checked): `wanted` was added before.
  void remove(const Resources& wanted);
};

enum class Fit : std::uint8_t {
  fits,     // can start now
  busy,     // would fit on the empty worker
  too_big,  // never fits here
};

// Pure; the same answer on both sides. A worker whose slots were lowered below what runs reports busy, never a negative.
Fit fits(const Resources& wanted, const Capacity& capacity, const InUse& in_use);

// Whether a worker carries every label that is asked for.
bool carries(const Labels& labels, const Labels& wanted);
// `serves` empty: everything; else one group, which is the name of a batch.
inline bool serves_group(std::string_view serves, std::string_view group) {
  return serves.empty() || serves == group;
}
// The amount of `name`, 0 when it is not listed.
std::uint64_t amount_of(const NamedAmounts& amounts, std::string_view name);
// Cores a task counts for in quotas: what it is told in MUSTER_CPUS.
std::uint64_t cores_of(const Resources& wanted);

// Letters, digits and -_./ , a letter or digit first, at most 64.
bool is_resource_name(std::string_view text);
// The same, but anything of it first.
bool is_label_value(std::string_view text);
// Sorts by name; false when a name stands twice or is not one.
bool normalize(NamedAmounts& amounts);
bool normalize(Labels& labels);

}  // namespace muster
