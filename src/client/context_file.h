// Named servers in $XDG_CONFIG_HOME/muster/config.toml: `current = "lab"`, then [contexts.lab] with url, token_file, data, pin, ca_file.
// Only a file that exists is parsed; one that cannot be read as TOML is an error, never silently ignored.
#pragma once

#include <optional>
#include <string>

#include "client/endpoint.h"
#include "core/error.h"

namespace muster::client {

struct Context {
  std::string name;
  std::string url;
  std::string token_file;
  std::string data_folder;
  std::string pin;      // of an https server's key
  std::string ca_file;  // authorities, instead of the system's
};

// `name` empty: the file's `current`; nothing when there is none. kNoSuchThing when a named one is not in the file.
Result<std::optional<Context>> find_context(const std::string& name, const Environment& environment);

}  // namespace muster::client
