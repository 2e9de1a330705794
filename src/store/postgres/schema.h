// The tables of the PostgreSQL store: those of store/migrations/schema.h in another dialect.
// Must hold: the one place that knows how the two differ; no table is written down twice.
#pragma once

#include <string>
#include <string_view>

namespace muster::store::postgres {

// Of `sql` as SQLite has it: types by their PostgreSQL names, without what SQLite alone has.
std::string in_postgres(std::string_view sql);

// Everything of a new schema of the current number, its row in `meta` included.
std::string create_schema();

}  // namespace muster::store::postgres
