// The one source of chance in a simulated run: xoshiro256** from one seed, so that a run can be repeated from its number.
// Must hold: whole numbers only, and nothing else in the simulator is random, or the same seed would not give the same run.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "core/check.h"
#include "core/ids.h"

namespace muster::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : words_) {  // splitmix64 spreads even seeds 1, 2, 3 over the whole state
      seed += 0x9e3779b97f4a7c15ULL;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(words_[1] * 5, 7) * 9;
    const std::uint64_t shifted = words_[1] << 17;
    words_[2] ^= words_[0];
    words_[3] ^= words_[1];
    words_[1] ^= words_[2];
    words_[0] ^= words_[3];
    words_[2] ^= shifted;
    words_[3] = std::rotl(words_[3], 45);
    return result;
  }

  // 0 .. bound-1. The tiny bias of the remainder does not matter here.
  std::uint64_t below(std::uint64_t bound) {
    MUSTER_CHECK(bound > 0, "a choice needs something to choose from");
    return next() % bound;
  }
  // Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  bool chance(std::uint64_t permille) { return below(1000) < permille; }

  // Each power of two of the range is as likely as the others: small values are as frequent as large ones.
  std::int64_t spread(std::int64_t low, std::int64_t high) {
    const auto offset = static_cast<std::uint64_t>(high - low) + 1;
    const auto widest = static_cast<std::uint64_t>(std::bit_width(offset));
    const std::uint64_t bound = std::uint64_t{1} << below(widest + 1);
    return low + static_cast<std::int64_t>(below(bound < offset ? bound : offset));
  }

  template <class Value>
  const Value& pick(const std::vector<Value>& values) {
    return values[below(values.size())];
  }

 private:
  std::uint64_t words_[4];
};

}  // namespace muster::sim
