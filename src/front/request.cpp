// Looking up fields of a request.
// A header has few fields: a walk is faster than any index.
#include "front/request.h"

#include <algorithm>

namespace muster::front {

std::string_view RequestHead::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) return value;
  }
  return {};
}

bool RequestHead::has(std::string_view name) const { return count(name) != 0; }

std::size_t RequestHead::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [name](const auto& field) { return field.first == name; }));
}

}  // namespace muster::front
