// The file of the server's own key: what secrets are sealed with. Made when it is first needed, never replaced by us.
// Must hold: nobody but its owner may read it, or it is not used.
#pragma once

#include <string>

#include "core/error.h"
#include "front/vault.h"

namespace muster::runtime {

// kServerKeyBytes of the file, which holds them in hex. Errors: kNoSuchThing where there is none, kTokenFileOpen, kWrongState,
// kDiskFull.
Result<std::string> server_key(const std::string& path, front::KeyWish wish);

}  // namespace muster::runtime
