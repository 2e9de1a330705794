// Which lines of a log are wanted: those that hold a text, or those that match a regular expression, in time that grows with the line only.
// An expression is bytes: . [a-z] [^a-z] \d \w \s ( ) | * + ? {2,5} ^ $; nothing in it can look back, so nothing can take for ever.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster {

enum class PatternKind : std::uint8_t { text, regex };
enum class LetterCase : std::uint8_t { exact, ignored };

inline constexpr std::size_t kPatternBytesMax = 1024;

class LinePattern {
 public:
  // kMalformedValue with the place marked: empty, longer than kPatternBytesMax, more than one line, or no expression.
  static Result<LinePattern> compile(std::string_view text, PatternKind kind, LetterCase letter_case);

  // Where in the line the first match is (of an expression: where the match that ends first ends). `line` begins a line and
  // ends one, or is a piece of a long one: then ^ and $ mean nothing at its inner ends.
  struct Piece {
    std::string_view bytes;
    bool begins_line = true;
    bool ends_line = true;
  };
  std::optional<std::size_t> find(const Piece& line);
  std::optional<std::size_t> find(std::string_view line) { return find(Piece{line}); }

  // How much of a piece is to be looked at again together with what follows it.
  std::size_t overlap() const { return overlap_; }
  // What the searches have cost so far, in bytes that were looked at and states that were made.
  std::uint64_t work() const { return work_; }

 private:
  enum class NodeKind : std::uint8_t { bytes, split, line_begin, line_end, match };
  struct Node {
    NodeKind kind = NodeKind::match;
    std::uint32_t set = 0;  // of bytes: which ones
    std::uint32_t next = 0, other = 0;
  };
  using ByteSet = std::bitset<256>;
  // A set of nodes that the bytes read so far lead to; what follows from a byte is found out once.
  struct State {
    std::vector<std::uint32_t> nodes;
    bool accepts = false, accepts_at_end = false;
    std::array<std::int32_t, 256> next{};
  };
  friend class PatternReader;

  LinePattern() = default;
  std::optional<std::size_t> find_text(std::string_view line) const;
  std::optional<std::size_t> find_regex(const Piece& line);
  void follow(std::uint32_t node, bool at_begin, bool at_end, std::vector<std::uint32_t>& into);
  std::int32_t state_of(std::vector<std::uint32_t> nodes);
  std::int32_t begin_state(bool begins_line);
  std::int32_t step(std::int32_t from, unsigned char byte);

  PatternKind kind_ = PatternKind::text;
  LetterCase case_ = LetterCase::exact;
  std::string text_;
  std::size_t overlap_ = 0;
  std::uint64_t work_ = 0;
  std::vector<Node> nodes_;
  std::vector<ByteSet> sets_;
  std::uint32_t first_ = 0;
  std::vector<State> states_;
  std::map<std::vector<std::uint32_t>, std::int32_t> known_;
  std::vector<std::uint32_t> marks_;  // of each node, the walk that met it last
  std::uint32_t walk_ = 0;
};

}  // namespace muster
