// Makes a new database, and brings an older one forward one number at a time.
// Must hold: a file is copied before its first step; a step and its number are one transaction; nothing else changes a schema.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/error.h"
#include "store/migrations/schema.h"

namespace muster::store {

// The file appears under its name only when it is complete. Leftovers of an attempt that was cut off are replaced.
void create_database(const std::string& path, const SchemaPlan& plan);

// The number of the file's schema, without changing the file. kDatabaseNewer above plan.number; kDatabaseDamaged when it is
// truncated, is no database, or is none of ours.
Result<int> schema_number_of(const std::string& path, const SchemaPlan& plan);

// From `number` to plan.number; the copy stays beside the file as PATH.schema-NUMBER. kDiskFull when it has no room.
Result<void> migrate_database(const std::string& path, int number, const SchemaPlan& plan);

// What the numbers of states mean in this program, by life cycle: the content of `names`.
using StateNames = std::map<std::pair<std::string, std::int64_t>, std::string>;
StateNames state_names();

// Whether the numbers of states mean in the file what they mean in this program.
bool names_match(const std::string& path);

// Durable under its name, or not there. Throws std::system_error.
void rename_durably(const std::string& from, const std::string& to);

// kDatabaseDamaged for the file, with what was seen and the next step.
Error damaged_database(const std::string& path, const std::string& what);

}  // namespace muster::store
