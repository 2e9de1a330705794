// Memory by cgroup: finding a usable place, one group per attempt, and what the kernel says of it afterwards.
// Group folders of a keeper lie in one named after its process, so that another keeper can tell whether it still lives.
#include "keeper/memory_limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <sstream>

namespace muster::keeper {
namespace {

constexpr std::string_view kOwnPrefix = "muster-keeper-";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool has_word(const std::string& list, std::string_view word, char separator) {
  std::istringstream stream(list);
  for (std::string one; std::getline(stream, one, separator);) {
    while (!one.empty() && one.back() == '\n') one.pop_back();
    if (one == word) return true;
  }
  return false;
}

struct Mount {
  std::string root;  // of the hierarchy, as seen there
  std::string folder;
};

// The mount of cgroup2, or of the version 1 hierarchy with this controller.
std::optional<Mount> find_mount(std::string_view kind, std::string_view controller) {
  for (const std::string& line : lines_of(read_small_file("/proc/self/mountinfo"))) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> before = words_of(line.substr(0, dash));
    const std::vector<std::string> after = words_of(line.substr(dash + 3));
    if (before.size() < 5 || after.size() < 3 || after[0] != kind) continue;
    if (!controller.empty() && !has_word(after[2], controller, ',')) continue;
    return Mount{before[3], before[4]};
  }
  return std::nullopt;
}

// This process's place in a hierarchy: the third field of its line in /proc/self/cgroup.
std::optional<std::string> own_place(std::string_view controller) {
  for (const std::string& line : lines_of(read_small_file("/proc/self/cgroup"))) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : has_word(controllers, controller, ',')) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

std::string folder_of(const Mount& mount, std::string place) {
  if (mount.root != "/" && place.starts_with(mount.root)) place.erase(0, mount.root.size());
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  return place == "/" || place.empty() ? mount.folder : mount.folder + place;
}

bool may_make_groups(const std::string& folder) {
  return ::access(folder.c_str(), W_OK) == 0 && ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
}

// Version 2 gives a controller to the children of a group that lists it; a group with processes may not begin to.
bool gives_memory(const std::string& folder) {
  const std::string control = folder + "/cgroup.subtree_control";
  if (has_word(read_small_file(control), "memory", ' ')) return true;
  if (!has_word(read_small_file(folder + "/cgroup.controllers"), "memory", ' ')) return false;
  return write_small_file(control, "+memory") && has_word(read_small_file(control), "memory", ' ');
}

std::optional<std::uint64_t> number_after(const std::string& text, std::string_view name) {
  for (const std::string& line : lines_of(text)) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() != 2 || words[0] != name) continue;
    std::uint64_t value = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), value);
    return value;
  }
  return std::nullopt;
}

void kill_group_processes(const std::string& folder) {
  for (const std::string& line : lines_of(read_small_file(folder + "/cgroup.procs"))) {
    pid_t process = 0;
    std::from_chars(line.data(), line.data() + line.size(), process);
    if (process > 1) ::kill(process, SIGKILL);
  }
}

}  // namespace

MemoryHierarchy find_memory_hierarchy() {
  const auto mount2 = find_mount("cgroup2", "");
  const auto place2 = own_place("");
  if (mount2 && place2) {
    const std::string own = folder_of(*mount2, *place2);
    // Beside the keeper's own group when that may not have children with limits.
    for (const std::string& folder : {own, own.substr(0, own.rfind('/'))}) {
      if (folder.size() < mount2->folder.size()) continue;
      if (may_make_groups(folder) && gives_memory(folder)) return {LimitBy::cgroup_v2, folder};
    }
  }
  const auto mount1 = find_mount("cgroup", "memory");
  const auto place1 = own_place("memory");
  if (mount1 && place1) {
    const std::string own = folder_of(*mount1, *place1);
    if (may_make_groups(own)) return {LimitBy::cgroup_v1, own};
  }
  return {LimitBy::watching, {}};
}

// ---- one group

Result<std::unique_ptr<MemoryGroup>> MemoryGroup::make(LimitBy by, const std::string& folder,
                                                       std::uint64_t bytes) {
  if (::mkdir(folder.c_str(), 0755) < 0) return blobs::file_error(errno, "make " + folder);
  std::unique_ptr<MemoryGroup> group(new MemoryGroup(by, folder));
  const std::string limit = std::to_string(bytes);
  const bool is_v2 = by == LimitBy::cgroup_v2;
  bool set = write_small_file(folder + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"), limit);
  int error = errno;
  if (set) {
    // Swap would only make it slow; where it is not counted these files are not there.
    write_small_file(folder + (is_v2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"),
                     is_v2 ? "0" : limit);
    if (is_v2) write_small_file(folder + "/memory.oom.group", "1");
    group->entrance_ = blobs::File(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    set = static_cast<bool>(group->entrance_);
    error = errno;
  }
  if (!set) {
    ::rmdir(folder.c_str());
    return blobs::file_error(error, "limit memory in " + folder);
  }
  return group;
}

bool MemoryGroup::was_exhausted() const {
  const char* file = by_ == LimitBy::cgroup_v2 ? "/memory.events" : "/memory.oom_control";
  return number_after(read_small_file(folder_ + file), "oom_kill").value_or(0) > 0;
}

std::uint64_t MemoryGroup::peak_bytes() const {
  const char* file = by_ == LimitBy::cgroup_v2 ? "/memory.peak" : "/memory.max_usage_in_bytes";
  const std::string text = read_small_file(folder_ + file);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void MemoryGroup::kill_all() const { kill_group_processes(folder_); }

bool MemoryGroup::remove() const { return ::rmdir(folder_.c_str()) == 0 || errno == ENOENT; }

// ---- all of a keeper's

MemoryLimits::MemoryLimits(MemoryHierarchy hierarchy) : hierarchy_(std::move(hierarchy)) {
  if (hierarchy_.by == LimitBy::watching) return;
  const auto self = process_stat(::getpid());
  own_folder_ = hierarchy_.folder + "/" + std::string(kOwnPrefix) + std::to_string(::getpid()) + "-" +
                std::to_string(self ? self->start_ticks : 0);
}

MemoryLimits::~MemoryLimits() {
  remove_discarded();
  if (own_made_) ::rmdir(own_folder_.c_str());
}

Result<std::unique_ptr<MemoryGroup>> MemoryLimits::make_group(std::uint64_t mem_mb) {
  if (!own_made_) {
    if (::mkdir(own_folder_.c_str(), 0755) < 0 && errno != EEXIST) {
      return blobs::file_error(errno, "make " + own_folder_);
    }
    if (hierarchy_.by == LimitBy::cgroup_v2 && !gives_memory(own_folder_)) {
      ::rmdir(own_folder_.c_str());
      return blobs::file_error(EPERM, "limit memory in " + own_folder_);
    }
    own_made_ = true;
  }
  return MemoryGroup::make(hierarchy_.by, own_folder_ + "/" + std::to_string(next_++), mem_mb << 20);
}

void MemoryLimits::discard(std::unique_ptr<MemoryGroup> group) {
  if (!group->remove()) discarded_.push_back(std::move(group));
}

void MemoryLimits::remove_discarded() {
  std::erase_if(discarded_, [](const std::unique_ptr<MemoryGroup>& group) {
    group->kill_all();
    return group->remove();
  });
}

void MemoryLimits::sweep_leftovers() const {
  if (hierarchy_.by == LimitBy::watching) return;
  const blobs::File folder(::open(hierarchy_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return;
  const auto names = blobs::list_folder(folder.get());
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kOwnPrefix)) continue;
    std::string_view rest = std::string_view(name).substr(kOwnPrefix.size());
    pid_t process = 0;
    std::uint64_t ticks = 0;
    const auto [dash, error] = std::from_chars(rest.data(), rest.data() + rest.size(), process);
    if (error != std::errc() || dash == rest.data() + rest.size()) continue;
    std::from_chars(dash + 1, rest.data() + rest.size(), ticks);
    const auto stat = process_stat(process);
    if (stat && stat->start_ticks == ticks) continue;
    const std::string own = hierarchy_.folder + "/" + name;
    const blobs::File own_file(::open(own.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto groups = own_file ? blobs::list_folder(own_file.get()) : Result<std::vector<std::string>>();
    for (const std::string& group : groups ? *groups : std::vector<std::string>()) {
      const std::string one = own + "/" + group;
      kill_group_processes(one);
      ::rmdir(one.c_str());
    }
    ::rmdir(own.c_str());
  }
}

// ---- watching

void measure_watched(std::vector<WatchedTask>& tasks) {
  std::map<pid_t, ProcessStat> processes;
  for (const ProcessStat& stat : all_processes()) processes.emplace(stat.process, stat);
  const auto belongs = [&](ProcessStat stat, pid_t leader) {
    // Ids only come from one look at /proc, so a chain of parents ends.
    for (std::size_t depth = 0; depth < processes.size(); ++depth) {
      if (stat.process == leader || stat.session == leader) return true;
      const auto parent = processes.find(stat.parent);
      if (parent == processes.end()) return false;
      stat = parent->second;
    }
    return false;
  };
  for (WatchedTask& task : tasks) {
    std::vector<pid_t> own;
    task.bytes = 0;
    for (const auto& [process, stat] : processes) {
      if (!belongs(stat, task.process)) continue;
      own.push_back(process);
      task.bytes += stat.resident_bytes;
    }
    if (task.bytes <= task.limit_bytes) continue;
    std::uint64_t exact = 0;
    for (const pid_t process : own) {
      exact += proportional_bytes(process).value_or(processes[process].resident_bytes);
    }
    task.bytes = exact;
  }
}

}  // namespace muster::keeper
