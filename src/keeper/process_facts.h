// What /proc says of processes. A process is named by its id and start time; with the boot id, for ever.
// Anything may be gone by the time it is read: absence is an ordinary answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace muster::keeper {

struct ProcessStat {
  pid_t process = 0;
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  // since boot, 100 a second
  std::uint64_t resident_bytes = 0;
};

// The id of this boot of the kernel; empty when /proc does not tell.
std::string boot_id();
std::optional<ProcessStat> process_stat(pid_t process);
// Every process that can be seen.
std::vector<ProcessStat> all_processes();
// Children of the calling process, threads' children included.
std::vector<pid_t> own_children();
// NAME=VALUE strings of its environment as it was at exec; empty when it may not be read.
std::vector<std::string> environment_of(pid_t process);
// Proportional memory; nothing when it may not be read.
std::optional<std::uint64_t> proportional_bytes(pid_t process);

// The whole of a small file, at most 1 MiB; empty when it cannot be read.
std::string read_small_file(const std::string& path);
// False with errno on failure.
bool write_small_file(const std::string& path, std::string_view text);

// Microseconds.
Micros mono_now_us();  // CLOCK_BOOTTIME
Micros wall_now_us();
// The start ticks of a process that was made between these two times; nothing when a tick lies between them.
std::uint64_t boot_now_ns();
std::optional<std::uint64_t> start_ticks_between(std::uint64_t before_ns, std::uint64_t after_ns);

}  // namespace muster::keeper
