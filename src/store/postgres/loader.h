// Reads batches whole, as the engine wants them: many in one pass over each table.
// Must hold: used by the leader, between transactions.
#pragma once

#include <optional>
#include <vector>

#include "core/rows.h"
#include "store/postgres/connection.h"

namespace muster::store::postgres {

// Sequences, workers, and every batch that is not final or is revivable, and those that these depend on. `incarnation` is left as
// it is.
StoreSnapshot load_snapshot(Connection& connection);
std::optional<BatchSnapshot> load_batch(Connection& connection, BatchId id);

}  // namespace muster::store::postgres
