// Copies of a database file: of one that a server writes meanwhile, and back into a new folder.
// Must hold: a copy is one committed state, and appears under its name only when it is complete; nothing is ever overwritten.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/error.h"

namespace muster::store {

// How many rows each table has.
using RowCounts = std::map<std::string, std::uint64_t>;

// Added to the incarnation of a restored database: what the lost server granted after the backup stays below it.
inline constexpr std::uint64_t kRestoredIncarnations = 1ULL << 20;
enum class Incarnations : std::uint8_t {
  kept,    // the same server, in another place
  jumped,  // from a backup: older epochs are fenced
};

// Errors: kWrongState (`to` exists), kDatabaseNewer, kDatabaseDamaged, kDiskFull. Readers and the writer of `from` go on.
Result<RowCounts> copy_database(const std::string& from, const std::string& to, Incarnations incarnations);

// Names of the tables of a database of ours, but `names`, which every new one has.
RowCounts count_rows(const std::string& path);

}  // namespace muster::store
