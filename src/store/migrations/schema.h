// The tables of the SQLite store: the text that makes a new database, and the steps that bring an older one forward.
// Must hold: the text of a number that was released never changes; a change is a new number with a step (docs/decisions/0003).
#pragma once

#include <string>
#include <vector>

namespace muster::store {

// One step of the schema; applied in one transaction together with its number.
struct Migration {
  int to = 0;  // from to-1
  std::string sql;
};

struct SchemaPlan {
  int number = 0;                // of a new database
  std::string create;            // everything of a new database, its row in `meta` included
  std::vector<Migration> steps;  // ascending, without a gap, up to `number`
};

// In the header of every database of ours, so that file(1) and we know it: "MSTR".
inline constexpr int kApplicationId = 0x4d535452;

// The plan of this version.
const SchemaPlan& current_schema();

// "tasks_waiting, tasks_held, …": a column for each state of the task's life cycle, in its order.
std::string task_count_columns();

}  // namespace muster::store
