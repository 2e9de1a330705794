// One function per question. Limits are those below which people have run into trouble, said beside each.
// Must hold: a fix is something the reader can type or do, not a wish.
#include "apps/doctor_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "blobs/file.h"
#include "core/units.h"
#include "keeper/memory_limits.h"
#include "runtime/clock.h"
#include "runtime/data_folder.h"
#include "runtime/process_meters.h"
#include "runtime/server_key.h"

namespace muster::apps {

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warning:
      return "warning";
    case Verdict::bad:
      return "bad";
    case Verdict::skipped:
      return "skipped";
  }
  return "skipped";
}

// The program runs from 4.18 on; other processes are held by a descriptor (pidfd_open) from 5.3 on.
Finding check_kernel() {
  utsname system{};
  if (uname(&system) != 0) return {"kernel", Verdict::skipped, "the system does not say", ""};
  const std::string release = system.release;
  char* rest = nullptr;
  const unsigned long major = std::strtoul(release.c_str(), &rest, 10);
  const unsigned long minor = *rest == '.' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  const auto version = std::pair(major, minor);
  if (version >= std::pair(5UL, 3UL)) return {"kernel", Verdict::ok, release, ""};
  if (version >= std::pair(4UL, 18UL)) {
    return {"kernel", Verdict::warning,
            release + " is older than 5.3: muster down cannot end a process that does not answer",
            "end such a process by its number, or run the server on a newer system"};
  }
  return {"kernel", Verdict::bad, release + " is older than 4.18", "run the server on a newer system"};
}

// A connection each for agents and clients, and a few files for each batch with logs.
Finding check_open_files() {
  constexpr rlim_t kEnough = 4096;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return {"open-files", Verdict::skipped, "the system does not say", ""};
  const std::string what = fmt::format("{} may be open at once", files.rlim_max);
  if (files.rlim_max >= kEnough) return {"open-files", Verdict::ok, what, ""};
  return {"open-files", Verdict::warning, what,
          "ulimit -Hn 65536, or LimitNOFILE=65536 in the service, for many workers"};
}

Finding check_memory_limits() {
  const keeper::MemoryHierarchy hierarchy = keeper::find_memory_hierarchy();
  switch (hierarchy.by) {
    case keeper::LimitBy::cgroup_v2:
      return {"memory-limits", Verdict::ok, "enforced by cgroup v2", ""};
    case keeper::LimitBy::cgroup_v1:
      return {"memory-limits", Verdict::ok, "enforced by cgroup v1", ""};
    case keeper::LimitBy::watching:
      break;
  }
  return {"memory-limits", Verdict::warning,
          "no cgroup is writable here: --mem is watched, a task can pass it for a moment",
          "start the worker where it may write a cgroup: as root, or in a systemd unit with Delegate=yes"};
}

Finding check_folder(const std::string& folder) {
  struct stat facts{};
  if (stat(folder.c_str(), &facts) != 0) {
    return {"data-folder", Verdict::bad, folder + ": " + std::strerror(errno),
            "muster up -d makes it; or name another one with --data"};
  }
  if (facts.st_uid != geteuid()) {
    return {"data-folder", Verdict::bad, fmt::format("{} belongs to user {}", folder, facts.st_uid),
            fmt::format("chown -R {} {}", geteuid(), folder)};
  }
  // Whom the worker's tasks run as passes through to its folder, and sees nothing here.
  const mode_t passing = runtime::read_line_file(folder + "/worker/run_as") ? 0011 : 0;
  if ((facts.st_mode & 077 & ~passing) != 0) {
    return {"data-folder", Verdict::bad,
            fmt::format("{} is open to others (mode {:o})", folder, facts.st_mode & 07777),
            "chmod 700 " + folder};
  }
  return {"data-folder", Verdict::ok, folder, ""};
}

Finding check_tokens(const std::string& folder) {
  const runtime::DataFolder names{folder};
  bool any = false;
  for (const std::string& path : {names.admin_token(), names.agent_token()}) {
    struct stat facts{};
    if (stat(path.c_str(), &facts) != 0) continue;
    any = true;
    if ((facts.st_mode & 077) == 0) continue;
    return {"tokens", Verdict::bad,
            fmt::format("{} is open to others (mode {:o})", path, facts.st_mode & 07777),
            "chmod 600 " + path + ", and revoke it if somebody may have read it"};
  }
  if (!any) return {"tokens", Verdict::skipped, "there are none in " + folder, ""};
  return {"tokens", Verdict::ok, "for their owner only", ""};
}

Finding check_secrets_key(const std::string& folder) {
  const std::string path = runtime::DataFolder{folder}.secrets_key();
  struct stat facts{};
  if (lstat(path.c_str(), &facts) != 0 && errno == ENOENT)
    return {"secrets-key", Verdict::skipped, "there is none in " + folder + "; the first secret makes it",
            ""};
  Result<std::string> key = runtime::server_key(path, front::KeyWish::read);
  if (key) {
    explicit_bzero(key->data(), key->size());
    return {"secrets-key", Verdict::ok, "for its owner only", ""};
  }
  const bool open = (facts.st_mode & 077) != 0;
  return {"secrets-key", Verdict::bad,
          key.error().what + (open ? fmt::format(" (mode {:o})", facts.st_mode & 07777) : ""),
          open ? "chmod 600 " + path + "; if others had access, set every secret anew: muster secret set"
               : key.error().next};
}

namespace {

struct FileSystem {
  unsigned long magic;
  std::string_view name;
};
// Those on which locks and syncs of a database mean less than they say.
constexpr std::array kFarFileSystems{FileSystem{0x6969, "NFS"},        FileSystem{0xff534d42, "CIFS"},
                                     FileSystem{0xfe534d42, "SMB"},    FileSystem{0x65735546, "FUSE"},
                                     FileSystem{0x0bd00bd0, "Lustre"}, FileSystem{0x19830326, "BeeGFS"}};
constexpr unsigned long kTmpfs = 0x01021994;

}  // namespace

Finding check_file_system(const std::string& folder) {
  struct statfs facts{};
  if (statfs(folder.c_str(), &facts) != 0)
    return {"file-system", Verdict::skipped, folder + ": " + std::strerror(errno), ""};
  const auto magic = static_cast<unsigned long>(facts.f_type) & 0xffffffffUL;
  for (const FileSystem& far : kFarFileSystems) {
    if (far.magic != magic) continue;
    return {"file-system", Verdict::bad, fmt::format("the data folder is on {}", far.name),
            "put it on a disk of this machine with --data; a network file system can lose what it confirmed"};
  }
  if (magic == kTmpfs) {
    return {"file-system", Verdict::warning, "the data folder is in memory (tmpfs): a reboot empties it",
            "put it on a disk with --data"};
  }
  return {"file-system", Verdict::ok, "a disk of this machine", ""};
}

// Below 1 GiB the reserve for finished work is near.
Finding check_disk_space(const std::string& folder) {
  constexpr std::uint64_t kLittle = 1ULL << 30;
  const std::uint64_t free = runtime::free_bytes_of(folder);
  const std::string what = format_memory_mb(free >> 20) + " free";
  if (free >= kLittle) return {"disk-space", Verdict::ok, what, ""};
  return {"disk-space", Verdict::warning, what, "make room on the disk of " + folder};
}

// Every answer waits for one sync of the disk.
Finding check_disk_speed(const std::string& folder) {
  constexpr int kWrites = 15;
  constexpr Micros kSlow_us = 10'000;
  const std::string path = folder + "/doctor-XXXXXX";
  std::string name = path;
  const blobs::File file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file)
    return {"disk-speed", Verdict::skipped,
            "nothing can be written in " + folder + ": " + std::strerror(errno), ""};
  ::unlink(name.c_str());
  const std::string page(4096, 'x');
  std::vector<Micros> times;
  const Micros begin_us = runtime::mono_now_us();
  for (int i = 0; i < kWrites && runtime::mono_now_us() - begin_us < 1'000'000; ++i) {
    const Micros start_us = runtime::mono_now_us();
    if (::write(file.get(), page.data(), page.size()) < 0 || ::fdatasync(file.get()) != 0)
      return {"disk-speed", Verdict::bad, std::string("a write failed: ") + std::strerror(errno),
              "look at the disk of " + folder};
    times.push_back(runtime::mono_now_us() - start_us);
  }
  std::sort(times.begin(), times.end());
  const Micros median_us = times[times.size() / 2];
  const std::string what =
      fmt::format("a synced write takes {:.1f} ms", static_cast<double>(median_us) / 1e3);
  if (median_us <= kSlow_us) return {"disk-speed", Verdict::ok, what, ""};
  return {"disk-speed", Verdict::warning, what, "a faster disk for --data makes every answer faster"};
}

Finding check_version(const client::Json& status, std::string_view own_version) {
  const std::string_view version = status["version"].text();
  if (version == own_version) return {"version", Verdict::ok, std::string(version), ""};
  return {"version", Verdict::warning,
          fmt::format("the server is {}, this command is {}", version, own_version),
          "use the server's binary here, or restart the server with this one"};
}

Finding check_store(const client::Json& status) {
  if (status["disk"].text() == "low") {
    return {"store", Verdict::bad,
            "the disk is full: new submits are refused, finished work is still recorded",
            fmt::format("make room on the disk of {}", status["data"].text())};
  }
  return {"store", Verdict::ok,
          fmt::format("{}, started {} times", status["store"].text(), status["incarnation"].number()), ""};
}

namespace {

Finding check_worker(const client::Json& worker, std::string_view own_version) {
  const std::string name(worker["name"].text());
  const std::string_view state = worker["state"].text();
  Finding finding{"worker " + name, Verdict::ok, std::string(state), ""};
  if (state == "quarantined") {
    finding.verdict = Verdict::warning;
    finding.what = "quarantined: tasks failed on it one after the other";
    finding.fix = "muster worker show " + name + "; then muster worker resume " + name;
  } else if (state == "lost") {
    finding.verdict = Verdict::warning;
    finding.fix = "start its agent again, or muster worker remove " + name;
  } else if (!worker["connected"].truth()) {
    finding.verdict = Verdict::warning;
    finding.what = std::string(state) + ", not connected";
    finding.fix = "look at agent.log in its folder on " + std::string(worker["host"].text());
  } else if (worker["version"].text() != own_version) {
    finding.verdict = Verdict::warning;
    finding.what = fmt::format("{}, agent {}", state, worker["version"].text());
    finding.fix = "start its agent again with this version";
  }
  return finding;
}

}  // namespace

Finding check_secrets(const client::Json& secrets) {
  const client::Json items = secrets["items"];
  std::size_t shut = 0;
  std::string first;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string_view problem = items.at(i)["problem"].text();
    if (problem.empty()) continue;
    if (shut++ == 0) first = fmt::format("{}: {}", items.at(i)["name"].text(), problem);
  }
  if (items.size() == 0) return {"secrets", Verdict::skipped, "there are none", ""};
  if (shut == 0)
    return {"secrets", Verdict::ok, fmt::format("the server's key opens all {}", items.size()), ""};
  return {"secrets", Verdict::bad, fmt::format("{} of {} cannot be opened; {}", shut, items.size(), first),
          "put the secrets.key with which they were sealed back into the server's data folder and start it "
          "again, or set them anew: muster secret set"};
}

std::vector<Finding> check_workers(const client::Json& workers, std::string_view own_version) {
  std::vector<Finding> findings;
  const client::Json items = workers["items"];
  bool any = false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items.at(i)["state"].text() == "removed") continue;
    any = any || items.at(i)["connected"].truth();
    findings.push_back(check_worker(items.at(i), own_version));
  }
  if (!any) {
    findings.insert(findings.begin(),
                    {"workers", Verdict::bad, "none is connected: nothing can run",
                     "muster up without --no-worker, or muster invite for another machine"});
  }
  return findings;
}

}  // namespace muster::apps
