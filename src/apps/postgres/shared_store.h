// The PostgreSQL store as a server's parts: its database, and the disk that its logs are on.
// Must hold: asked for space once a second, it tells PostgreSQL that this leader lives.
#pragma once

#include "apps/open_store.h"

namespace muster::apps {

PostgresPart postgres_part();

}  // namespace muster::apps
