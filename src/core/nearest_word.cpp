// Damerau-Levenshtein distance over bytes.
// Words are short: the whole matrix is kept.
#include "core/nearest_word.h"

#include <algorithm>
#include <vector>

namespace muster {

unsigned edit_distance(std::string_view a, std::string_view b) {
  const std::size_t columns = b.size() + 1;
  std::vector<unsigned> steps((a.size() + 1) * columns);
  const auto at = [&](std::size_t i, std::size_t j) -> unsigned& { return steps[i * columns + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = static_cast<unsigned>(i);
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const unsigned change = a[i - 1] == b[j - 1] ? 0 : 1;
      unsigned best = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) best = std::min(best, at(i - 2, j - 2) + 1);
      at(i, j) = best;
    }
  }
  return at(a.size(), b.size());
}

std::string nearest_word(std::string_view typed, std::span<const std::string_view> words) {
  if (typed.size() > 64) return {};
  std::string_view best;
  unsigned best_steps = 0;
  for (const std::string_view word : words) {
    unsigned steps = edit_distance(typed, word);
    if (typed.size() >= 2 && word.starts_with(typed)) steps = 1;
    if (best.empty() || steps < best_steps) {
      best = word;
      best_steps = steps;
    }
  }
  const std::size_t allowed = std::max<std::size_t>(1, std::max(typed.size(), best.size()) / 3);
  return best_steps <= allowed ? std::string(best) : std::string();
}

}  // namespace muster
