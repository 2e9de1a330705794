// Values that a column can hold beside integers and texts, under one name for every SQL store.
// Must hold: nothing here knows a database.
#pragma once

#include <string_view>

namespace muster::store::tables {

struct Blob {
  std::string_view bytes;
};
struct Null {};

}  // namespace muster::store::tables
