// Reading the machine: affinity, control groups of both versions, memory, disk and names.
// What cannot be read does not limit; only the boot id must be there, because recovery rests on it.
#include "runtime/agent/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

#include "runtime/process_meters.h"

namespace muster::runtime {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::optional<std::uint64_t> number_at_start(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// One mounted hierarchy: where it is, and which of its groups is at that place.
struct GroupMount {
  std::string mounted_at;
  std::string root;
};

// `controller` is empty for version 2.
std::optional<GroupMount> find_mount(const std::string& mount_info, std::string_view controller) {
  for (const std::string_view line : split(mount_info, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool wanted =
        controller.empty() ? right[0] == "cgroup2" : right[0] == "cgroup" && has_word(right[2], controller);
    if (wanted) return GroupMount{std::string(left[4]), std::string(left[3])};
  }
  return std::nullopt;
}

std::optional<std::string> own_group(const std::string& groups, std::string_view controller) {
  for (const std::string_view line : split(groups, '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const bool wanted =
        controller.empty() ? parts[0] == "0" && parts[1].empty() : has_word(parts[1], controller);
    if (wanted) return std::string(line.substr(parts[0].size() + parts[1].size() + 2));
  }
  return std::nullopt;
}

// Our group's folder and those above it, as far as they are visible here.
std::vector<std::string> group_folders(const MachineSources& sources, std::string_view controller) {
  const auto mount = find_mount(read_file(sources.root + "/proc/self/mountinfo"), controller);
  const auto group = own_group(read_file(sources.root + "/proc/self/cgroup"), controller);
  if (!mount || !group) return {};
  std::string below = *group;
  if (mount->root != "/" && below.starts_with(mount->root)) below.erase(0, mount->root.size());
  std::vector<std::string> folders;
  for (; below.size() > 1; below.erase(below.rfind('/')))
    folders.push_back(sources.root + mount->mounted_at + below);
  folders.push_back(sources.root + mount->mounted_at);
  return folders;
}

// Whole cores of a quota; nothing: none is set.
std::optional<std::uint64_t> quota_cores(std::string_view quota, std::string_view period) {
  const auto quota_us = number_at_start(quota);  // "max" and -1 are no numbers here
  const auto period_us = number_at_start(period);
  if (!quota_us || !period_us || *period_us == 0) return std::nullopt;
  return std::max<std::uint64_t>(1, *quota_us / *period_us);
}

std::uint64_t quota_limit(const MachineSources& sources) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  const auto lower = [&](std::optional<std::uint64_t> cores) {
    least = std::min(least, cores.value_or(least));
  };
  for (const std::string& folder : group_folders(sources, "")) {
    const std::string text = read_file(folder + "/cpu.max");
    const auto words = split(text, ' ');
    if (words.size() == 2) lower(quota_cores(words[0], words[1]));
  }
  for (const std::string& folder : group_folders(sources, "cpu")) {
    lower(quota_cores(read_file(folder + "/cpu.cfs_quota_us"), read_file(folder + "/cpu.cfs_period_us")));
  }
  return least;
}

std::uint64_t memory_limit_bytes(const MachineSources& sources) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  const auto lower = [&](const std::string& path) {
    if (const auto bytes = number_at_start(read_file(path))) least = std::min(least, *bytes);
  };
  for (const std::string& folder : group_folders(sources, "")) lower(folder + "/memory.max");
  for (const std::string& folder : group_folders(sources, "memory")) lower(folder + "/memory.limit_in_bytes");
  return least;
}

}  // namespace

std::uint32_t usable_cores(const MachineSources& sources) {
  std::uint64_t cores = 1;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    cores = static_cast<std::uint64_t>(CPU_COUNT(&mask));
  } else if (const long online = sysconf(_SC_NPROCESSORS_ONLN); online > 0) {
    cores = static_cast<std::uint64_t>(online);  // more processors than a cpu_set_t holds
  }
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, std::min(cores, quota_limit(sources))));
}

std::uint64_t usable_memory_mb(const MachineSources& sources) {
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
  const std::string text = read_file(sources.root + "/proc/meminfo");
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("MemTotal:")) continue;
    const std::size_t digit = line.find_first_of("0123456789");
    if (digit == std::string_view::npos) continue;
    if (const auto kib = number_at_start(line.substr(digit))) bytes = *kib << 10;
  }
  bytes = std::min(bytes, memory_limit_bytes(sources));
  return bytes == std::numeric_limits<std::uint64_t>::max() ? 0 : bytes >> 20;
}

std::uint64_t free_disk_mb(const std::string& folder) { return free_bytes_of(folder) >> 20; }

Result<std::string> read_boot_id(const MachineSources& sources) {
  std::ifstream file(sources.boot_id_file);
  std::string line;
  if (!std::getline(file, line) || line.empty()) {
    return refuse(ErrorKind::usage, kInternal, "there is no boot id in " + sources.boot_id_file,
                  "name a file that changes at each boot of this machine with --boot-id-file");
  }
  return line;
}

Result<WorkerFacts> discover_facts(const MachineSources& sources, const std::string& work_folder,
                                   const DeclaredSlots& declared, const std::vector<std::string>& gpus) {
  Result<std::string> boot_id = read_boot_id(sources);
  if (!boot_id) return std::unexpected(std::move(boot_id.error()));
  WorkerFacts facts;
  facts.boot_id = std::move(*boot_id);
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) facts.host = name;
  facts.gpus = gpus;
  facts.process_id = getpid();
  facts.capacity.cpus = usable_cores(sources);
  facts.capacity.mem_mb = usable_memory_mb(sources);
  facts.capacity.disk_mb = free_disk_mb(work_folder);
  facts.capacity.cpu_slots = declared.cpu_slots.value_or(facts.capacity.cpus);
  facts.capacity.gpu_slots = declared.gpu_slots.value_or(static_cast<std::uint32_t>(gpus.size()));
  return facts;
}

}  // namespace muster::runtime
