// From getrusage, /proc/self and statvfs.
// Must hold: no allocation that grows with what is read.
#include "runtime/process_meters.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

namespace muster::runtime {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages_all = 0;
  std::uint64_t pages_resident = 0;
  if (!(statm >> pages_all >> pages_resident)) return 0;
  return pages_resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] == '.' ? 0 : 1;
  closedir(folder);
  return count - (count > 0 ? 1 : 0);  // the folder itself was open
}

}  // namespace

front::ProcessMeters process_meters() {
  front::ProcessMeters meters;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) meters.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) meters.open_files_max = files.rlim_cur;
  meters.resident_bytes = resident_bytes();
  meters.open_files = open_files();
  return meters;
}

std::uint64_t free_bytes_of(const std::string& path) {
  struct statvfs space{};
  if (statvfs(path.c_str(), &space) != 0) return 0;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace muster::runtime
