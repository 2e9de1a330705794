// Statements made from lists of columns.
// Must hold: lists are separated by a comma and a blank.
#include "store/tables/columns.h"

namespace muster::store::tables {

std::vector<std::string_view> split_columns(std::string_view columns) {
  std::vector<std::string_view> names;
  while (true) {
    const std::size_t comma = columns.find(", ");
    names.push_back(columns.substr(0, comma));
    if (comma == std::string_view::npos) return names;
    columns.remove_prefix(comma + 2);
  }
}

namespace {

template <class Each>
std::string joined(std::string_view columns, const Each& each) {
  std::string list;
  for (const std::string_view name : split_columns(columns)) {
    if (!list.empty()) list += ", ";
    list += each(std::string(name));
  }
  return list;
}

}  // namespace

std::string places_for(std::string_view columns) {
  return "(" + joined(columns, [](const std::string&) { return std::string("?"); }) + ")";
}

std::string insert_into(std::string_view table, std::string_view columns) {
  return "INSERT INTO " + std::string(table) + " (" + std::string(columns) + ") VALUES " +
         places_for(columns);
}

std::string replace_into(std::string_view table, std::string_view columns) {
  return "INSERT OR REPLACE INTO " + std::string(table) + " (" + std::string(columns) + ") VALUES " +
         places_for(columns);
}

std::string assignments(std::string_view columns) {
  return joined(columns, [](const std::string& name) { return name + " = ?"; });
}

}  // namespace muster::store::tables
