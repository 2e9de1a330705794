// Named servers in $XDG_CONFIG_HOME/muster/config.toml: `current = "lab"`, then [contexts.lab] with the keys of kContextKeys.
// Only a file that exists is parsed; one that cannot be read as TOML is an error, never silently ignored.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  std::string project{};
};
inline constexpr std::array<std::string_view, 6> kContextKeys = {"url", "data",    "token_file",
                                                                 "pin", "ca_file", "project"};

// `name` empty: the file's `current`; nothing when there is none. kNoSuchThing when a named one is not in the file.
Result<std::optional<Context>> find_context(const std::string& name, const Environment& environment);

// Everything in the file, as it stands there; a file that is missing holds nothing.
struct ContextList {
  std::string file;
  std::string current;
  std::vector<Context> contexts;
};
Result<ContextList> list_contexts(const Environment& environment);

// A change of the file; comments and what is not named stay as they are, and the result is read back before it is kept.
struct ContextChange {
  std::string name;
  // Keys and their new values; an empty one takes the key away.
  std::vector<std::pair<std::string, std::string>> settings;
  bool remove = false;  // the whole context
  bool make_current = false;
};
Result<void> change_context(const ContextChange& change, const Environment& environment);

}  // namespace muster::client
