// sqlite3_vfs and sqlite3_io_methods that pass everything on and note what was written and synced.
// Must hold: one at a time; databases opened through it are closed before it goes.
#include "faulty_disk.h"

#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace muster::store {

namespace {

FaultyDisk* disk = nullptr;
sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs faulty_vfs;
sqlite3_io_methods faulty_methods;

// The real file follows in the same memory.
struct FaultyFile {
  sqlite3_file base;
  std::string* path;
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<FaultyFile*>(file) + 1);
}
const std::string& path_of(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file)->path; }

int do_close(sqlite3_file* file) {
  delete reinterpret_cast<FaultyFile*>(file)->path;
  return real_of(file)->pMethods->xClose(real_of(file));
}
int do_read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), to, size, offset);
}
int do_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  if (disk->fails(FaultyDisk::Operation::write, path_of(file))) return SQLITE_IOERR_WRITE;
  disk->wrote(path_of(file), static_cast<std::uint64_t>(offset),
              std::string(static_cast<const char*>(from), static_cast<std::size_t>(size)));
  return real_of(file)->pMethods->xWrite(real_of(file), from, size, offset);
}
int do_truncate(sqlite3_file* file, sqlite3_int64 size) {
  disk->truncated(path_of(file), static_cast<std::uint64_t>(size));
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
int do_sync(sqlite3_file* file, int) {
  if (disk->fails(FaultyDisk::Operation::sync, path_of(file))) return SQLITE_IOERR_FSYNC;
  disk->synced(path_of(file));
  return SQLITE_OK;
}
int do_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int do_lock(sqlite3_file* file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); }
int do_unlock(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int do_check_lock(sqlite3_file* file, int* out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
int do_control(sqlite3_file* file, int what, void* value) {
  return real_of(file)->pMethods->xFileControl(real_of(file), what, value);
}
int do_sector(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int do_traits(sqlite3_file* file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); }
int do_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
int do_map_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
void do_barrier(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
int do_unmap(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

int do_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_file* real = real_of(file);
  std::memset(real, 0, static_cast<std::size_t>(real_vfs->szOsFile));
  file->pMethods = nullptr;
  const int code = real_vfs->xOpen(real_vfs, name, real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  auto* path = new std::string(name == nullptr ? "" : name);
  reinterpret_cast<FaultyFile*>(file)->path = path;
  disk->opened(*path);
  file->pMethods = &faulty_methods;
  return SQLITE_OK;
}

bool ends_with(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

FaultyDisk::FaultyDisk() {
  if (disk != nullptr) throw std::logic_error("there is one faulty disk at a time");
  disk = this;
  real_vfs = sqlite3_vfs_find(nullptr);
  faulty_methods = {2,           do_close,   do_read,       do_write,   do_truncate, do_sync,   do_size,
                    do_lock,     do_unlock,  do_check_lock, do_control, do_sector,   do_traits, do_map,
                    do_map_lock, do_barrier, do_unmap,      nullptr,    nullptr};
  faulty_vfs = *real_vfs;
  faulty_vfs.zName = "faulty";
  faulty_vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_vfs->szOsFile;
  faulty_vfs.xOpen = do_open;
  sqlite3_vfs_register(&faulty_vfs, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&faulty_vfs);
  sqlite3_vfs_register(real_vfs, 1);
  disk = nullptr;
}

void FaultyDisk::fail(Operation operation, const std::string& ending, std::uint64_t after) {
  failing_ = operation;
  failing_ending_ = ending;
  failing_after_ = after;
  armed_ = true;
}

bool FaultyDisk::fails(Operation operation, const std::string& path) {
  if (!armed_ || operation != failing_ || !ends_with(path, failing_ending_)) return false;
  if (failing_after_-- > 0) return false;
  armed_ = false;
  return true;
}

// What is there when a file is first opened was made durable by whoever put it there.
void FaultyDisk::opened(const std::string& path) {
  const auto [file, is_new] = files_.try_emplace(path);
  if (is_new) file->second.durable = content_of(path);
}

void FaultyDisk::wrote(const std::string& path, std::uint64_t offset, std::string bytes) {
  files_[path].since_sync.push_back({false, offset, std::move(bytes)});
}

void FaultyDisk::truncated(const std::string& path, std::uint64_t size) {
  files_[path].since_sync.push_back({true, size, {}});
}

void FaultyDisk::synced(const std::string& path) {
  File& file = files_[path];
  for (const Change& change : file.since_sync) apply(change, file.durable);
  file.since_sync.clear();
}

void FaultyDisk::apply(const Change& change, std::string& content) {
  if (change.is_truncation) {
    content.resize(change.offset, '\0');
    return;
  }
  if (content.size() < change.offset + change.bytes.size())
    content.resize(change.offset + change.bytes.size(), '\0');
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

void FaultyDisk::copy_after_power_loss(const std::string& from_folder, const std::string& to_folder,
                                       const Pick& pick) const {
  for (const char* name : {"muster.db", "muster.db-wal"}) {
    const std::string path = from_folder + "/" + name;
    if (!std::filesystem::exists(path)) continue;
    // A file that was never seen here is as it was before.
    const auto found = files_.find(path);
    std::string content = found == files_.end() ? content_of(path) : found->second.durable;
    if (found != files_.end()) {
      for (const Change& change : found->second.since_sync) {
        if (pick(2) == 0) apply(change, content);
      }
    }
    std::ofstream(to_folder + "/" + name, std::ios::binary) << content;
  }
}

}  // namespace muster::store
