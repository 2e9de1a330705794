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

template <class Take>
void each_name(const std::string& path, Take take) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    if (!is_dots(entry->d_name)) take(std::string(entry->d_name));
  }
  closedir(folder);
}

}  // namespace

FolderRemover::FolderRemover(std::string bin) : bin_(std::move(bin)) {
  mkdir(bin_.c_str(), 0700);
  bin_folder_ = open(bin_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  each_name(bin_, [&](std::string name) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    next_name_ = std::max(next_name_, number + 1);
    waiting_.push_back(std::move(name));
  });
}

FolderRemover::~FolderRemover() {
  for (const Level& level : levels_) closedir(level.folder);
  if (bin_folder_ >= 0) close(bin_folder_);
}

void FolderRemover::add(const std::string& folder) {
  std::string name = std::to_string(next_name_++);
  if (renameat(AT_FDCWD, folder.c_str(), bin_folder_, name.c_str()) != 0) return;
  waiting_.push_back(std::move(name));
}

bool FolderRemover::open_level(int parent, const std::string& name) {
  int folder = openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0 && errno == EACCES && fchmodat(parent, name.c_str(), 0700, 0) == 0) {
    folder = openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (folder < 0) return false;
  DIR* stream = fdopendir(folder);
  if (stream == nullptr) {
    close(folder);
    return false;
  }
  fchmod(folder, 0700);  // a task may have taken the right to remove from its own folder
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
  each_name(work, [&](const std::string& name) {
    if (const auto batch = whole_number<BatchId>(name)) found.push_back(*batch);
  });
  return found;
}

std::vector<AttemptFolder> list_attempt_folders(const std::string& work, BatchId batch) {
  std::vector<AttemptFolder> found;
  const std::string batch_path = work + "/" + std::to_string(batch);
  each_name(batch_path, [&](const std::string& index_name) {
    const auto index = whole_number<TaskIndex>(index_name);
    if (!index) return;
    const std::string task = batch_path + "/" + index_name;
    each_name(task, [&](const std::string& number_name) {
      const auto number = whole_number<std::uint32_t>(number_name);
      const std::string path = task + "/" + number_name;
      struct stat status{};
      if (!number || lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
      const Micros changed_us = status.st_mtim.tv_sec * 1'000'000 + status.st_mtim.tv_nsec / 1000;
      found.push_back({batch, *index, *number, changed_us, path});
    });
  });
  return found;
}

}  // namespace muster::runtime
