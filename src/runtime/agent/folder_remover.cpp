// Depth first with one open folder per level; every name is resolved against a descriptor, never against a path.
// What cannot be removed (foreign owner, immutable) is skipped: its folders stay in the bin for the next process.
#include "runtime/agent/folder_remover.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "blobs/beneath.h"
#include "core/failpoint.h"

namespace muster::runtime {

struct FolderRemover::Level {
  DIR* folder;
  std::string name;  // in the level above
};

namespace {

constexpr std::size_t kLevelsMax = 32;

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

// The names in a folder; none when it cannot be read.
std::vector<std::string> names_in(int folder) {
  return blobs::list_folder(folder).value_or(std::vector<std::string>());
}

int open_folder(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

}  // namespace

FolderRemover::FolderRemover(std::string bin)
    : bin_(std::move(bin)), home_(bin_.substr(0, bin_.rfind('/') + 1)), home_folder_(open_folder(home_)) {
  mkdir(bin_.c_str(), 0700);
  bin_folder_ = open_folder(bin_);
  for (std::string& name : names_in(bin_folder_)) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    next_name_ = std::max(next_name_, number + 1);
    waiting_.push_back(std::move(name));
  }
}

FolderRemover::~FolderRemover() {
  for (const Level& level : levels_) closedir(level.folder);
  if (bin_folder_ >= 0) close(bin_folder_);
}

// What keepers and their records say of paths is not trusted: only what lies below the worker's folder, by no link, is moved.
void FolderRemover::add(const std::string& folder) {
  if (!folder.starts_with(home_)) return;
  const std::string inner = folder.substr(home_.size());
  const std::size_t slash = inner.rfind('/');
  const std::string above = slash == std::string::npos ? "." : inner.substr(0, slash);
  const auto parent = blobs::open_beneath(home_folder_.get(), above, O_PATH | O_DIRECTORY);
  if (!parent) return;
  const std::string last = slash == std::string::npos ? inner : inner.substr(slash + 1);
  if (last.empty() || is_dots(last.c_str())) return;
  std::string name = std::to_string(next_name_++);
  failpoint("agent.folder.going");
  if (renameat(parent->get(), last.c_str(), bin_folder_, name.c_str()) != 0) return;
  failpoint("agent.folder.gone");
  waiting_.push_back(std::move(name));
}

// A folder without the right to look into it. By descriptor: its name may have become a link to something else meanwhile.
static void allow_entry(int parent, const std::string& name) {
  const auto folder = blobs::open_beneath(parent, name, O_PATH | O_DIRECTORY);
  if (folder) chmod(("/proc/self/fd/" + std::to_string(folder->get())).c_str(), 0700);
}

bool FolderRemover::open_level(int parent, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  auto folder = blobs::open_beneath(parent, name, kFlags);
  if (!folder && folder.error() == EACCES) {
    allow_entry(parent, name);
    folder = blobs::open_beneath(parent, name, kFlags);
  }
  if (!folder) return false;
  fchmod(folder->get(), 0700);  // a task may have taken the right to remove from its own folder
  DIR* stream = fdopendir(folder->get());
  if (stream == nullptr) return false;
  folder->release();
  levels_.push_back({stream, name});
  return true;
}

// One step: removes a file, or goes down into a folder, or comes up out of one that was read to its end.
bool FolderRemover::remove_one() {
  if (levels_.empty()) {
    if (waiting_.empty()) return false;
    const std::string name = std::move(waiting_.back());
    waiting_.pop_back();
    if (!open_level(bin_folder_, name)) unlinkat(bin_folder_, name.c_str(), 0);
    return true;
  }
  const int folder = dirfd(levels_.back().folder);
  const dirent* entry = readdir(levels_.back().folder);
  if (entry == nullptr) {
    const Level done = std::move(levels_.back());
    levels_.pop_back();
    closedir(done.folder);
    unlinkat(levels_.empty() ? bin_folder_ : dirfd(levels_.back().folder), done.name.c_str(), AT_REMOVEDIR);
    return true;
  }
  if (is_dots(entry->d_name)) return true;
  const std::string name = entry->d_name;
  if (levels_.size() >= kLevelsMax) {
    // Too deep for one descriptor per level: what is here goes back to the top of the bin.
    const std::string moved = std::to_string(next_name_++);
    if (renameat(folder, name.c_str(), bin_folder_, moved.c_str()) == 0) waiting_.push_back(moved);
    return true;
  }
  // A folder that cannot be opened may still be an empty one.
  if (unlinkat(folder, name.c_str(), 0) != 0 && !open_level(folder, name))
    unlinkat(folder, name.c_str(), AT_REMOVEDIR);
  return true;
}

bool FolderRemover::step(std::size_t entries) {
  for (std::size_t k = 0; k < entries; ++k) {
    if (!remove_one()) return false;
  }
  return has_work();
}

bool FolderRemover::has_work() const { return !levels_.empty() || !waiting_.empty(); }

namespace {

template <class Number>
std::optional<Number> whole_number(const std::string& text) {
  Number value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<BatchId> list_batch_folders(const std::string& work) {
  std::vector<BatchId> found;
  const blobs::File folder(open_folder(work));
  if (!folder) return found;
  for (const std::string& name : names_in(folder.get())) {
    if (const auto batch = whole_number<BatchId>(name)) found.push_back(*batch);
  }
  return found;
}

std::vector<AttemptFolder> list_attempt_folders(const std::string& work, BatchId batch) {
  std::vector<AttemptFolder> found;
  const blobs::File base(open_folder(work));
  if (!base) return found;
  const auto tasks = blobs::open_beneath(base.get(), std::to_string(batch), O_RDONLY | O_DIRECTORY);
  if (!tasks) return found;
  for (const std::string& index_name : names_in(tasks->get())) {
    const auto index = whole_number<TaskIndex>(index_name);
    if (!index) continue;
    const auto task = blobs::open_beneath(tasks->get(), index_name, O_RDONLY | O_DIRECTORY);
    if (!task) continue;
    for (const std::string& number_name : names_in(task->get())) {
      const auto number = whole_number<std::uint32_t>(number_name);
      struct stat status{};
      if (!number || fstatat(task->get(), number_name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISDIR(status.st_mode)) {
        continue;
      }
      const Micros changed_us = status.st_mtim.tv_sec * 1'000'000 + status.st_mtim.tv_nsec / 1000;
      found.push_back({batch, *index, *number, changed_us,
                       work + "/" + std::to_string(batch) + "/" + index_name + "/" + number_name});
    }
  }
  return found;
}

}  // namespace muster::runtime
