// All rows of a PostgreSQL store into a database file, and of a file into an empty PostgreSQL store.
// Must hold: one snapshot is read, one transaction written; rows are counted on both sides before it is committed.
#pragma once

#include <string>

#include "core/error.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/backup.h"

namespace muster::store {

// `file` must not exist; it appears when it is complete. The leader goes on meanwhile.
Result<RowCounts> copy_from_postgres(const std::string& url, const PostgresOptions& options,
                                     const std::string& file, Incarnations incarnations);
// Refused while a server leads there, and when there are rows.
Result<RowCounts> copy_to_postgres(const std::string& file, const std::string& url,
                                   const PostgresOptions& options, Incarnations incarnations);

}  // namespace muster::store
