// All commands there are, in the order of the help, and how the words of a command line find one.
// Plurals are accepted (`muster batches list`); a word that is nearly right is offered, never run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "core/error.h"

namespace muster::cli {

// The commands of this room, then those passed in; sorted into the sections of the help.
std::vector<const Command*> all_commands(std::span<const Command> passed_in);

struct FoundCommand {
  const Command* command = nullptr;
  std::size_t words = 0;  // how many it took
};
// kUnknownWord with the nearest right word, or with the verbs of an object.
Result<FoundCommand> find_command(const std::vector<const Command*>& commands,
                                  std::span<const std::string> words);

}  // namespace muster::cli
