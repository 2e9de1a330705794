// What a task asks for and what a worker has; the one function that says whether they fit, used by server and agent alike.
// Amounts of zero mean "not asked for" in a request and "none" in a capacity.
#pragma once

#include <cstdint>

namespace muster {

// A task takes 1 CPU slot (--slots N), or with --gpus N it takes N GPU slots and no CPU slot.
struct Resources {
  std::uint32_t cpu_slots = 1;
  std::uint32_t gpu_slots = 0;
  std::uint32_t cpus = 0;     // --cpus, counted against the cores of the worker when asked for
  std::uint64_t mem_mb = 0;   // --mem, MiB
  std::uint64_t disk_mb = 0;  // --disk, MiB
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
  auto operator<=>(const Capacity&) const = default;
};

// The sum of what running tasks hold.
struct InUse {
  std::uint64_t cpu_slots = 0;
  std::uint64_t gpu_slots = 0;
  std::uint64_t cpus = 0;
  std::uint64_t mem_mb = 0;
  std::uint64_t disk_mb = 0;
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

}  // namespace muster
