// What may stand at the end of a command line that is being typed: made from the same declarations that are parsed.
// Pure: what only a server knows is named by its kind and asked for elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "client/endpoint.h"

namespace muster::cli {

// What a value names, as far as somebody could list it.
enum class ValueKind : std::uint8_t {
  free,   // nobody can know it
  words,  // `candidates`
  file,
  folder,
  command,   // words of another program begin at `command_from`
  selector,  // batches, tasks, attempts
  batch,     // numbers and names of batches
  batch_name,
  worker,
  user,
  token,
  project,
  limit,
  context,
  secret,
};

struct Candidate {
  std::string text;  // the whole word
  std::string description;
};

struct Completion {
  ValueKind kind = ValueKind::free;
  std::vector<Candidate> candidates;  // of kind words
  std::string start;                  // what of the word is settled: "--state=" or "failed,"
  std::string typed;                  // what follows it
  std::size_t command_from = 0;       // in the words given
  client::EndpointOptions endpoint{};
};

// `words` are those after the program's name; the last one is being typed and may be empty.
Completion complete_words(const std::vector<const Command*>& commands, std::span<const std::string> words);

// What the value of this option or positional (no option: empty long name) of a command names.
ValueKind value_kind(std::string_view path, std::string_view long_name, std::string_view value_name);

}  // namespace muster::cli
