// The form of the records, their writer and their reader.
// 16 bytes "MKX1" and zeros, then records: length (4), CRC-32C of kind and message (4), kind (1), message; a length of 0 ends them.
#include "keeper/records.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>

#include "blobs/crc32c.h"
#include "keeper/process_facts.h"
#include "wire/keeper/keeper_codec.h"

namespace muster::keeper {
namespace {

constexpr const char* kName = "exits";
constexpr const char* kNextName = "exits.next";
constexpr std::string_view kMagic = "MKX1";
constexpr std::size_t kFileHeaderBytes = 16;
constexpr std::size_t kRecordHeaderBytes = 9;
constexpr std::size_t kCapacity = 1ULL << 20;

std::size_t record_bytes(std::string_view message) { return kRecordHeaderBytes + message.size(); }

std::uint32_t checksum(char kind, std::string_view message) {
  return blobs::crc32c(message, blobs::crc32c({&kind, 1}));
}

}  // namespace

// ---- identity

std::optional<KeeperIdentity> read_identity(const std::string& folder) {
  const std::string text = read_small_file(folder + "/identity");
  KeeperIdentity identity;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const std::size_t blank = line.find(' ');
    at = end + 1;
    if (blank == std::string_view::npos) continue;
    const std::string_view value = line.substr(blank + 1);
    if (line.starts_with("pid "))
      std::from_chars(value.data(), value.data() + value.size(), identity.process_id);
    if (line.starts_with("start_ticks ")) {
      std::from_chars(value.data(), value.data() + value.size(), identity.process_start_ticks);
    }
    if (line.starts_with("boot_id ")) identity.boot_id = value;
  }
  if (identity.process_id <= 0) return std::nullopt;
  return identity;
}

Result<void> write_identity(int folder, const KeeperIdentity& identity) {
  const std::string text = "pid " + std::to_string(identity.process_id) + "\nstart_ticks " +
                           std::to_string(identity.process_start_ticks) + "\nboot_id " + identity.boot_id +
                           "\n";
  Result<blobs::File> file = blobs::open_at(folder, "identity.next", O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(std::move(file.error()));
  if (auto done = blobs::append_all(file->get(), 0, text, "identity"); !done) return done;
  if (::renameat(folder, "identity.next", folder, "identity") < 0)
    return blobs::file_error(errno, "write identity");
  return {};
}

bool is_alive(const KeeperIdentity& identity) {
  if (identity.boot_id != boot_id()) return false;
  const auto stat = process_stat(static_cast<pid_t>(identity.process_id));
  return stat && stat->start_ticks == identity.process_start_ticks && stat->state != 'Z' &&
         stat->state != 'X';
}

// ---- writing

RecordFile::Mapping::Mapping(Mapping&& other) noexcept
    : file_(std::move(other.file_)),
      memory_(std::exchange(other.memory_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      used_(std::exchange(other.used_, 0)) {}

RecordFile::Mapping& RecordFile::Mapping::operator=(Mapping&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(memory_, other.memory_);
  std::swap(capacity_, other.capacity_);
  std::swap(used_, other.used_);
  return *this;
}

RecordFile::Mapping::~Mapping() {
  if (memory_ != nullptr) ::munmap(memory_, capacity_);
}

Result<RecordFile::Mapping> RecordFile::Mapping::make(int folder, const std::string& name,
                                                      std::size_t capacity) {
  Result<blobs::File> file = blobs::open_at(folder, name, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(std::move(file.error()));
  const int error = ::posix_fallocate(file->get(), 0, static_cast<off_t>(capacity));
  void* memory = MAP_FAILED;
  if (error == 0) memory = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
  if (memory == MAP_FAILED) {
    const int number = error != 0 ? error : errno;
    ::unlinkat(folder, name.c_str(), 0);
    return blobs::file_error(number, "make room for " + name);
  }
  Mapping mapping;
  mapping.file_ = std::move(*file);
  mapping.memory_ = static_cast<char*>(memory);
  mapping.capacity_ = capacity;
  std::memcpy(mapping.memory_, kMagic.data(), kMagic.size());
  mapping.used_ = kFileHeaderBytes;
  return mapping;
}

bool RecordFile::Mapping::grow(std::size_t capacity) {
  if (::posix_fallocate(file_.get(), 0, static_cast<off_t>(capacity)) != 0) return false;
  void* memory = ::mremap(memory_, capacity_, capacity, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<char*>(memory);
  capacity_ = capacity;
  return true;
}

void RecordFile::Mapping::store(RecordKind kind, std::string_view message) {
  char* at = memory_ + used_;
  const auto length = static_cast<std::uint32_t>(message.size());
  const auto kind_byte = static_cast<char>(kind);
  const std::uint32_t sum = checksum(kind_byte, message);
  at[8] = kind_byte;
  std::memcpy(at + kRecordHeaderBytes, message.data(), message.size());
  std::memcpy(at + 4, &sum, sizeof sum);
  std::memcpy(at, &length, sizeof length);
  used_ += record_bytes(message);
}

Result<RecordFile> RecordFile::make(int folder, Rewrite rewrite) {
  RecordFile file(folder, std::move(rewrite));
  Result<Mapping> current = Mapping::make(folder, kName, kCapacity);
  if (!current) return std::unexpected(std::move(current.error()));
  file.current_ = std::move(*current);
  if (auto spare = Mapping::make(folder, kNextName, kCapacity)) file.spare_ = std::move(*spare);
  return file;
}

// A file with only what still matters takes the place of the old one.
bool RecordFile::renew(std::size_t bytes) {
  std::size_t wanted = kFileHeaderBytes + bytes;
  rewrite_([&](RecordKind, std::string_view message) { wanted += record_bytes(message); });
  if (2 * wanted > spare_.capacity()) {
    Result<Mapping> larger = Mapping::make(folder_, kNextName, std::max(kCapacity, 2 * wanted));
    spare_ = larger ? std::move(*larger) : Mapping();
    if (!larger) return false;
  }
  rewrite_([&](RecordKind kind, std::string_view message) { spare_.store(kind, message); });
  if (::renameat(folder_, kNextName, folder_, kName) < 0) {
    spare_ = Mapping();
    return false;
  }
  current_ = std::move(spare_);
  spare_ = Mapping();
  if (auto spare = Mapping::make(folder_, kNextName, kCapacity)) spare_ = std::move(*spare);
  return true;
}

void RecordFile::append(RecordKind kind, std::string_view message) {
  const std::size_t bytes = record_bytes(message);
  if (!current_.has_room(bytes) && !renew(bytes) && !current_.grow(current_.capacity() + kCapacity + bytes)) {
    ++lost_;
    return;
  }
  current_.store(kind, message);
}

// ---- reading

namespace {

class Replay {
 public:
  void take(RecordKind kind, std::string_view message) {
    if (kind == RecordKind::ended) {
      if (auto end = wire::decode_keeper_end(message)) {
        started_.erase(end->attempt);
        const AttemptRef attempt = end->attempt;
        ended_.insert_or_assign(attempt, std::move(*end));
      }
      return;
    }
    auto started = wire::decode_keeper_started(message);
    if (!started) return;
    const AttemptRef attempt = started->attempt;
    if (kind == RecordKind::forgotten) {
      ended_.erase(attempt);
    } else {
      started_.insert_or_assign(attempt, std::move(*started));
    }
  }
  KeeperRecords result() {
    KeeperRecords records;
    for (auto& [attempt, started] : started_) records.started.push_back(std::move(started));
    for (auto& [attempt, end] : ended_) records.ended.push_back(std::move(end));
    return records;
  }

 private:
  std::map<AttemptRef, KeeperStarted> started_;
  std::map<AttemptRef, KeeperEnd> ended_;
};

}  // namespace

Result<KeeperRecords> read_records(const std::string& folder) {
  Result<blobs::File> file =
      blobs::open_at(AT_FDCWD, folder + "/" + kName, O_RDONLY, 0, blobs::Missing::gives_none);
  if (!file) return std::unexpected(std::move(file.error()));
  if (!*file) return KeeperRecords();
  Result<std::uint64_t> size = blobs::file_size(file->get());
  if (!size) return std::unexpected(std::move(size.error()));
  std::string bytes(*size, '\0');
  Result<std::size_t> got = blobs::read_at(file->get(), 0, bytes.data(), bytes.size());
  if (!got) return std::unexpected(std::move(got.error()));
  std::string_view rest = std::string_view(bytes).substr(0, *got);
  Replay replay;
  if (!rest.starts_with(kMagic) || rest.size() < kFileHeaderBytes) return replay.result();
  rest.remove_prefix(kFileHeaderBytes);
  while (rest.size() >= kRecordHeaderBytes) {
    std::uint32_t length = 0;
    std::uint32_t sum = 0;
    std::memcpy(&length, rest.data(), sizeof length);
    std::memcpy(&sum, rest.data() + 4, sizeof sum);
    if (length == 0 || rest.size() - kRecordHeaderBytes < length) break;
    const std::string_view message = rest.substr(kRecordHeaderBytes, length);
    if (checksum(rest[8], message) != sum) break;
    replay.take(static_cast<RecordKind>(rest[8]), message);
    rest.remove_prefix(kRecordHeaderBytes + length);
  }
  return replay.result();
}

}  // namespace muster::keeper
