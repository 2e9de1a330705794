// Where the server is and which token opens it, found in the contract's order: option, environment, context, data folder.
// A token never leaves this machine in the clear: http is for loopback addresses, https carries a proof of who answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "net/server_url.h"

namespace muster::client {

// As typed; empty: not given.
struct EndpointOptions {
  std::string url;
  std::string context;
  std::string token_file;  // "-" reads the first line of standard input
  std::string data_folder;
  std::string project;  // empty: MUSTER_PROJECT, or the server's choice
  std::string token;    // known already: nothing is looked up for it
  std::string pin;      // of an https server's key
  std::string ca_file;
};

// The value of an environment variable; nothing when it is not set or empty.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
std::optional<std::string> process_environment(std::string_view name);

using Address = net::ServerUrl;

struct Endpoint {
  std::string url;     // as it was found, for messages
  std::string source;  // "--url", "MUSTER_URL", "context \"lab\"", "data folder /…"
  Address address;
  std::string token;
  std::string project;  // empty: the server chooses
  std::string ca_file;  // authorities that answer for a server without a pin; empty: the system's
};

using net::parse_url;

// Errors: kNoServer when nothing names a server, kTokenMissing, kTokenFileOpen, kMalformedValue.
Result<Endpoint> find_endpoint(const EndpointOptions& options, const Environment& environment);

// --data, $MUSTER_DATA, $XDG_DATA_HOME/muster, $HOME/.local/share/muster; empty when nothing is set.
std::string find_data_folder(const EndpointOptions& options, const Environment& environment);

// The token in a file: its first line. A regular file that group or others may read is refused.
Result<std::string> read_token_file(const std::string& path);

}  // namespace muster::client
