// The help of one command and of all: examples first, then options, wrapped to the width.
// Made from the same declarations that are parsed, so help and program cannot differ.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/command.h"

namespace muster::cli {

std::string command_help(const Command& command, const Options& options, std::size_t width);
std::string overview_help(const std::vector<const Command*>& commands, std::size_t width);

// One `path --option` or `path -o,--option` per line, for every option of every listed command; common ones once, without a path.
std::string option_list(const std::vector<const Command*>& commands);

// Words wrapped at blanks to `width` columns, continuation lines indented by `indent`.
std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace muster::cli
