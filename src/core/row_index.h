// Finds the row of a key in a vector that only grows: an index beside the rows, so that merging thousands of turns stays linear.
// Must hold: it never outlives its use for a vector whose rows were reordered; a vector that shrank is indexed anew.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace muster {

class RowIndex {
 public:
  RowIndex() = default;
  RowIndex(const RowIndex&) = default;
  RowIndex& operator=(const RowIndex&) = default;
  // What was moved from is empty, as the vector it belongs to.
  RowIndex(RowIndex&& other) noexcept
      : slots_(std::move(other.slots_)), size_(std::exchange(other.size_, 0)) {
    other.slots_.clear();
  }
  RowIndex& operator=(RowIndex&& other) noexcept {
    slots_ = std::move(other.slots_);
    size_ = std::exchange(other.size_, 0);
    other.slots_.clear();
    return *this;
  }

  // How many rows, from the first, are in the index.
  std::size_t size() const { return size_; }
  void clear() {
    slots_.clear();
    size_ = 0;
  }

  // The row for which `is_row(row number)` holds, among those added with the same hash; else adds `size()` and returns it.
  template <class IsRow>
  std::size_t find_or_add(std::uint64_t hash, const IsRow& is_row, bool& found) {
    if (slots_.size() < 2 * (size_ + 1)) grow();
    const std::size_t mask = slots_.size() - 1;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    std::size_t at = static_cast<std::size_t>(hash) & mask;
    for (; slots_[at].row != kFree; at = (at + 1) & mask) {
      if (slots_[at].tag == tag && is_row(slots_[at].row)) {
        found = true;
        return slots_[at].row;
      }
    }
    found = false;
    slots_[at] = {static_cast<std::uint32_t>(size_), tag, static_cast<std::uint32_t>(hash)};
    return size_++;
  }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;
  struct Slot {
    std::uint32_t row = kFree;
    std::uint32_t tag = 0;    // upper half of the hash
    std::uint32_t place = 0;  // lower half
  };

  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::bit_ceil(4 * (size_ + 4)), Slot{});
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.row == kFree) continue;
      std::size_t at = slot.place & mask;
      while (slots_[at].row != kFree) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

// Spreads consecutive keys over the whole range.
constexpr std::uint64_t mix_key(std::uint64_t first, std::uint64_t second = 0) {
  std::uint64_t mixed =
      first * 0x9e3779b97f4a7c15ULL ^ (second + 0x632be59bd9b4e019ULL) * 0xd6e8feb86659fd93ULL;
  mixed ^= mixed >> 32;
  mixed *= 0xd6e8feb86659fd93ULL;
  return mixed ^ (mixed >> 29);
}

}  // namespace muster
