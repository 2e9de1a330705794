// Reading /proc.
// /proc/PID/stat is parsed from its last parenthesis on: the name before it may hold anything.
#include "keeper/process_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <charconv>
#include <ctime>

#include "blobs/file.h"

namespace muster::keeper {
namespace {

constexpr std::size_t kSmallFileBytes = 1 << 20;
constexpr std::uint64_t kTickNs = 10'000'000;  // the kernel's interface counts 100 a second everywhere

std::string proc_path(pid_t process, std::string_view name) {
  return "/proc/" + std::to_string(process) + "/" + std::string(name);
}

// The next blank-separated word.
std::string_view take_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

template <class T>
T number_of(std::string_view word) {
  T value{};
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

std::vector<pid_t> all_process_ids() {
  std::vector<pid_t> ids;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return ids;
  while (const dirent* entry = ::readdir(folder)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0)
      ids.push_back(number_of<pid_t>(entry->d_name));
  }
  ::closedir(folder);
  return ids;
}

}  // namespace

std::string read_small_file(const std::string& path) {
  const blobs::File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return text;
  std::array<char, 8192> part;
  while (text.size() < kSmallFileBytes) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

bool write_small_file(const std::string& path, std::string_view text) {
  const blobs::File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string boot_id() {
  std::string id = read_small_file("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::optional<ProcessStat> process_stat(pid_t process) {
  const std::string text = read_small_file(proc_path(process, "stat"));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(name_end + 1);
  std::array<std::string_view, 22> words;  // fields 3 to 24
  for (std::string_view& word : words) word = take_word(rest);
  if (words.back().empty()) return std::nullopt;
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return ProcessStat{process,
                     words[0][0],
                     number_of<pid_t>(words[1]),
                     number_of<pid_t>(words[2]),
                     number_of<pid_t>(words[3]),
                     number_of<std::uint64_t>(words[19]),
                     number_of<std::uint64_t>(words[21]) * page_bytes};
}

std::vector<ProcessStat> all_processes() {
  std::vector<ProcessStat> found;
  for (const pid_t process : all_process_ids()) {
    if (const auto stat = process_stat(process)) found.push_back(*stat);
  }
  return found;
}

std::vector<pid_t> own_children() {
  const pid_t self = ::getpid();
  const std::string path = "/proc/self/task/" + std::to_string(self) + "/children";
  std::vector<pid_t> children;
  const std::string text = read_small_file(path);
  std::string_view rest = text;
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    children.push_back(number_of<pid_t>(word));
  }
  if (!children.empty() || ::access(path.c_str(), R_OK) == 0) return children;
  // A kernel that does not list children.
  for (const ProcessStat& stat : all_processes()) {
    if (stat.parent == self) children.push_back(stat.process);
  }
  return children;
}

std::vector<std::string> environment_of(pid_t process) {
  std::vector<std::string> variables;
  const std::string text = read_small_file(proc_path(process, "environ"));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    variables.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return variables;
}

std::optional<std::uint64_t> proportional_bytes(pid_t process) {
  const std::string text = read_small_file(proc_path(process, "smaps_rollup"));
  const std::size_t at = text.find("\nPss:");
  if (at == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(at + 5);
  return number_of<std::uint64_t>(take_word(rest)) * 1024;
}

Micros mono_now_us() { return static_cast<Micros>(clock_ns(CLOCK_BOOTTIME) / 1000); }
Micros wall_now_us() { return static_cast<Micros>(clock_ns(CLOCK_REALTIME) / 1000); }
std::uint64_t boot_now_ns() { return clock_ns(CLOCK_BOOTTIME); }

std::optional<std::uint64_t> start_ticks_between(std::uint64_t before_ns, std::uint64_t after_ns) {
  const std::uint64_t first = before_ns / kTickNs;
  if (first != after_ns / kTickNs) return std::nullopt;
  return first;
}

}  // namespace muster::keeper
