// The manual as files: man pages (mdoc) and the reference (Markdown), one for each command, topic and the catalogue of errors.
// Made from the same declarations and texts that the program answers with; nothing depends on the machine or the day.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace muster::cli {

struct ManualPage {
  std::string name;  // "muster-submit.1", "commands.md"
  std::string text;
};

std::vector<ManualPage> man_pages(const std::vector<const Command*>& commands);
std::vector<ManualPage> reference_pages(const std::vector<const Command*>& commands);

}  // namespace muster::cli
