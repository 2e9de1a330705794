// A disk below SQLite that fails when told to, and that can lose its power: a VFS in front of the real one.
// Must hold: what a file held at its last sync survives a power loss; of what was written since, any part may.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store_samples.h"

namespace muster::store {

// While one exists, every database that is opened goes through it.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  enum class Operation : std::uint8_t { write, sync };
  // The operation number `after` (0: the next one) on a file whose name ends so fails; those after it work again.
  void fail(Operation operation, const std::string& ending, std::uint64_t after);
  void heal() { armed_ = false; }

  // Files as the disk has them after a power loss: the last sync, and of the later writes those that `pick` takes.
  void copy_after_power_loss(const std::string& from_folder, const std::string& to_folder,
                             const Pick& pick) const;

  // ---- for the functions that SQLite calls
  void opened(const std::string& path);
  bool fails(Operation operation, const std::string& path);
  void wrote(const std::string& path, std::uint64_t offset, std::string bytes);
  void truncated(const std::string& path, std::uint64_t size);
  void synced(const std::string& path);

 private:
  // One write, or a truncation when `is_truncation`.
  struct Change {
    bool is_truncation = false;
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct File {
    std::string durable;
    std::vector<Change> since_sync;
  };
  static void apply(const Change& change, std::string& content);

  std::map<std::string, File> files_;
  Operation failing_ = Operation::write;
  std::string failing_ending_;
  std::uint64_t failing_after_ = 0;
  bool armed_ = false;
};

}  // namespace muster::store
