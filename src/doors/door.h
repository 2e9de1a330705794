// Doors: commands of other systems that this binary answers to when it is called by their names, so that people keep them.
// A door speaks the native API as the caller; what it cannot do it refuses by name, and never takes in silence.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/endpoint.h"

namespace muster::doors {

// One call of one program of a door.
struct Words {
  std::string_view program;         // as called, without its folder
  std::vector<std::string> values;  // what follows it
};

struct DoorProgram {
  std::string_view name;
  int (*run)(const Words& words, const client::Environment& environment);  // its exit code
};

struct Door {
  std::string_view name;
  std::string_view summary;
  std::span<const DoorProgram> programs;
};

// In the order in which people see them.
std::span<const Door> all_doors();
const Door* find_door(std::string_view name);
// Null when no door has a program of that name.
const DoorProgram* find_program(std::string_view name);

}  // namespace muster::doors
