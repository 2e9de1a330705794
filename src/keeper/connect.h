// The agent's way to a keeper: start one in a new folder, connect to it, see whether it lives.
// A keeper's folder holds socket, identity, exits and logs/; it is the agent's to make, and to remove when the keeper is gone.
#pragma once

#include <sys/un.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "core/error.h"
#include "core/ids.h"
#include "keeper/records.h"

namespace muster::keeper {

inline constexpr const char* kSocketName = "socket";
inline constexpr const char* kLogsName = "logs";

// The socket in an open folder, as a path that is always short enough.
sockaddr_un socket_address(int folder);

// Makes the folder (parents must exist), starts `program` `arguments`… --folder FOLDER --ready-fd N --detach, and returns when the
// keeper answers; it is nobody's child then. `program` is an absolute path, such as /proc/self/exe.
Result<KeeperIdentity> start_keeper(const std::string& program, const std::vector<std::string>& arguments,
                                    const std::string& folder, Micros patience_us);

// A connected stream socket, closed on exec, not blocking. The caller sends wire::kKeeperProtocol first and then requests; the
// first request should ask for an inventory (list). E101 when nobody listens.
Result<blobs::File> connect_keeper(const std::string& folder);

}  // namespace muster::keeper
