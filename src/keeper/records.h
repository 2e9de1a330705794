// What a keeper notes of its tasks in the file `exits` of its folder: enough to know, when it is dead, what started and what ended.
// The records survive any kill of the keeper, not the machine; after a reboot a new boot id says that nothing runs any more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/file.h"
#include "core/error.h"
#include "core/keeper_messages.h"

namespace muster::keeper {

// Who wrote a folder: the file `identity`, complete from the moment the keeper answers.
struct KeeperIdentity {
  std::int64_t process_id = 0;
  std::uint64_t process_start_ticks = 0;
  std::string boot_id;
  bool operator==(const KeeperIdentity&) const = default;
};
// Nothing when the folder has none, so that no keeper ever answered there.
std::optional<KeeperIdentity> read_identity(const std::string& folder);
// By process id, start time and boot id together.
bool is_alive(const KeeperIdentity& identity);

struct KeeperRecords {
  // Started and not ended. process_id 0: it was about to start, and may have.
  std::vector<KeeperStarted> started;
  std::vector<KeeperEnd> ended;  // and not forgotten
};
// What the records of this folder say; damage ends the reading, what stands before it counts. No file is no records.
Result<KeeperRecords> read_records(const std::string& folder);

// ---- the keeper's side

enum class RecordKind : std::uint8_t { about_to_start = 1, started = 2, ended = 3, forgotten = 4 };

// Appends by storing into a shared mapping: no system call per record, and a killed process loses nothing it stored.
class RecordFile {
 public:
  // Gives every record that must be known from now on to `put`.
  using Put = std::function<void(RecordKind, std::string_view)>;
  using Rewrite = std::function<void(const Put&)>;

  // Makes the file in an open folder. `rewrite` is called when it is full of things that are over.
  static Result<RecordFile> make(int folder, Rewrite rewrite);
  void append(RecordKind kind, std::string_view message);
  // Records that found no room on the disk.
  std::uint64_t lost() const { return lost_; }

 private:
  // A file in memory whose whole capacity has its room on the disk, so that storing into it cannot fail.
  class Mapping {
   public:
    Mapping() = default;
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping();
    static Result<Mapping> make(int folder, const std::string& name, std::size_t capacity);
    bool grow(std::size_t capacity);
    bool has_room(std::size_t bytes) const { return used_ + bytes <= capacity_; }
    std::size_t capacity() const { return capacity_; }
    void store(RecordKind kind, std::string_view message);

   private:
    blobs::File file_;
    char* memory_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t used_ = 0;
  };

  RecordFile(int folder, Rewrite rewrite) : folder_(folder), rewrite_(std::move(rewrite)) {}
  bool renew(std::size_t bytes);

  int folder_;
  Rewrite rewrite_;
  Mapping current_;
  Mapping
      spare_;  // made in advance, so that a full disk does not stop the renewal; capacity 0: there was no room
  std::uint64_t lost_ = 0;
};

// Writes the file `identity`, complete or not at all.
Result<void> write_identity(int folder, const KeeperIdentity& identity);

}  // namespace muster::keeper
