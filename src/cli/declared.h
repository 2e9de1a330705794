// A command with its options declared, for everything that describes the tree: help, man pages, reference, JSON.
// The body is kept alive, because options point into it.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/common_options.h"

namespace muster::cli {

struct Declared {
  explicit Declared(const Command& which) : command(which), body(which.make()) {
    body->declare(options);
    own = options.options().size();
    declare_common(options, which.common, targets);
  }

  const Command& command;
  std::unique_ptr<CommandBody> body;
  Options options;
  std::size_t own = 0;  // how many of the options are not common ones
  CommonTargets targets;
};

// Headings of the options in order; the first, unnamed one is empty.
inline std::vector<std::string_view> option_sections(const Options& options) {
  std::vector<std::string_view> sections;
  for (const OptionSpec& option : options.options()) {
    bool known = false;
    for (const std::string_view section : sections) known = known || section == option.section;
    if (!known) sections.push_back(option.section);
  }
  return sections;
}

// "-n, --name NAME", "--shell[=SHELL]", "--each GLOB…"
std::string option_names(const OptionSpec& option);

}  // namespace muster::cli
