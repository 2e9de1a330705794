// What happened in a run: always as a hash, by which two runs of one seed are compared; as text only when somebody reads it.
// Must hold: what is noted does not depend on whether the text is kept.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace muster::sim {

enum class TraceText : std::uint8_t { dropped, kept };

// A promise of the system that a run broke; caught at the end of the run.
struct Broken {
  std::string what;
};

class Trace {
 public:
  explicit Trace(TraceText text) : text_(text) {}

  void note(Micros now_us, std::string_view what, std::initializer_list<std::uint64_t> numbers = {}) {
    std::uint64_t hash = hash_ ^ static_cast<std::uint64_t>(now_us);
    for (const char letter : what) hash = (hash ^ static_cast<unsigned char>(letter)) * kPrime;
    for (const std::uint64_t number : numbers) hash = (hash ^ number ^ (number >> 29)) * kPrime;
    hash_ = hash;
    if (text_ == TraceText::kept) add_line(now_us, what, numbers);
  }
  // Free words for the reader; not part of the hash.
  void say(Micros now_us, const std::string& words) {
    if (text_ == TraceText::kept) add_line(now_us, words, {});
  }
  bool is_kept() const { return text_ == TraceText::kept; }
  std::uint64_t hash() const { return hash_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  static constexpr std::uint64_t kPrime = 0x100000001b3ULL;
  void add_line(Micros now_us, std::string_view what, std::initializer_list<std::uint64_t> numbers) {
    std::string line = std::to_string(now_us / 1'000'000) + ".";
    const std::string fraction = std::to_string(now_us % 1'000'000);
    line += std::string(6 - fraction.size(), '0') + fraction + "  " + std::string(what);
    for (const std::uint64_t number : numbers) line += " " + std::to_string(number);
    lines_.push_back(std::move(line));
  }

  TraceText text_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::vector<std::string> lines_;
};

}  // namespace muster::sim
