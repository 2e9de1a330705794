// The PostgreSQL store as a server's parts: its database, and the disk that its logs are on.
// Must hold: asked for space once a second, it tells PostgreSQL that this leader lives.
#pragma once

#include <memory>
#include <string>

#include "apps/open_store.h"

namespace muster::apps {

Result<std::unique_ptr<OpenStore>> open_shared_store(const std::string& url,
                                                     const runtime::DataFolder& folder);

}  // namespace muster::apps
