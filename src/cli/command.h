// What a command is to the tree: its words, its help, and a body that declares options and runs.
// The tree knows bodies only through this table, so that commands of other rooms are passed in by main.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "cli/options.h"
#include "core/error.h"

namespace muster::cli {

class Session;

// One call of one command; its fields are the targets of the options it declares.
class CommandBody {
 public:
  virtual ~CommandBody() = default;
  virtual void declare(Options& options) = 0;
  // The exit code; an Error is printed by the caller in the form the user asked for, and its kind gives the exit code.
  virtual Result<int> run(Session& session) = 0;
};

enum class CommandSection : std::uint8_t {
  start,    // up, down
  work,     // submit, status, wait, …
  objects,  // batch list, …
  other,    // help, selftest
  hidden,   // server, agent, keeper: they run, and are not listed
};

// Options that every command of one kind has, declared by the tree after the command's own.
enum class CommonOptions : std::uint8_t {
  none,        // only --help
  connection,  // --url --context --token-file --data
};

struct Command {
  std::string_view path;  // "submit", "batch list"
  CommandSection section;
  CommonOptions common;
  std::string_view usage;     // what follows the path: "[options] -- COMMAND…"
  std::string_view summary;   // one line without a full stop
  std::string_view examples;  // lines "command   # what it does", each ended by a newline
  std::unique_ptr<CommandBody> (*make)();
};

}  // namespace muster::cli
