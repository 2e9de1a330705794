// What this machine offers to tasks, read from the kernel: cores, memory, disk, GPUs, its name and its boot.
// Limits that a container or a service manager put on us count as the machine's size: they are what tasks can really use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/agent_messages.h"
#include "core/error.h"

namespace muster::runtime {

inline constexpr const char* kBootIdFile = "/proc/sys/kernel/random/boot_id";

// Where to look; tests give a folder with files of their own.
struct MachineSources {
  std::string root;  // put before /proc and /sys; empty: the real ones
  std::string boot_id_file =
      kBootIdFile;  // for containers without /proc/sys: any file that changes at each boot
};

// What an operator declared; nothing: as discovered.
struct DeclaredSlots {
  std::optional<std::uint32_t> cpu_slots;
  std::optional<std::uint32_t> gpu_slots;
};

// Cores we may run on: the affinity mask, lowered by a CPU quota (whole cores of it, at least 1).
std::uint32_t usable_cores(const MachineSources& sources);
// MiB of memory, lowered by the limits of our control groups.
std::uint64_t usable_memory_mb(const MachineSources& sources);
// MiB that we may still write below this folder; 0 when that cannot be read.
std::uint64_t free_disk_mb(const std::string& folder);
// The first line of the file. Error E501 when there is none.
Result<std::string> read_boot_id(const MachineSources& sources);

// Names of the GPUs that nvidia-smi lists, in its order (the order of CUDA_VISIBLE_DEVICES); empty without one.
// Waits up to `patience_us` for the program; one that does not answer counts as none.
std::vector<std::string> discover_gpus(Micros patience_us);
std::vector<std::string> parse_gpu_names(std::string_view output);

// Everything but the version, which is the caller's. `gpus` are as discovered: that is slow and done once.
Result<WorkerFacts> discover_facts(const MachineSources& sources, const std::string& work_folder,
                                   const DeclaredSlots& declared, const std::vector<std::string>& gpus);

}  // namespace muster::runtime
