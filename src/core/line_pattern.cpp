// Patterns of log lines.
// An expression becomes nodes (Thompson), and sets of nodes become states while lines are read; a full table of states begins anew.
#include "core/line_pattern.h"

#include <algorithm>
#include <utility>

#include "core/escape.h"

namespace muster {
namespace {

constexpr std::size_t kNodesMax = 4000;
constexpr std::size_t kStatesMax = 500;
constexpr std::size_t kRegexOverlap = 4096;
constexpr std::uint32_t kRepeatsMax = 1000;
constexpr std::size_t kDepthMax = 100;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

// Recursive descent over the expression. A part is the node it begins with and the ends that are still open.
class PatternReader {
 public:
  PatternReader(std::string_view text, LinePattern& out) : text_(text), out_(out) {}

  Result<void> read() {
    Part whole = alternatives(0);
    if (error_.empty() && at_ < text_.size()) fail(at_, "')' has no '('");
    if (!error_.empty())
      return refuse(ErrorKind::usage, kMalformedValue,
                    "malformed expression: " + error_ + mark_place(text_, error_at_),
                    R"(write . * + ? | ( ) [ ] { } ^ $ with a backslash to mean the sign itself)");
    close(whole, add({LinePattern::NodeKind::match}));
    out_.first_ = whole.first;
    return {};
  }

 private:
  using Kind = LinePattern::NodeKind;
  using ByteSet = LinePattern::ByteSet;
  struct Open {
    std::uint32_t node;
    bool other;
  };
  struct Part {
    std::uint32_t first = 0;
    std::vector<Open> open;
  };

  void fail(std::size_t at, std::string_view why) {
    if (!error_.empty()) return;
    error_at_ = std::min(at, text_.empty() ? 0 : text_.size() - 1);
    error_ = why;
  }
  bool done() const { return !error_.empty() || at_ >= text_.size(); }
  char peek() const { return text_[at_]; }

  std::uint32_t add(LinePattern::Node node) {
    if (out_.nodes_.size() >= kNodesMax) {
      fail(at_, "it is too large");
      return 0;
    }
    out_.nodes_.push_back(node);
    return static_cast<std::uint32_t>(out_.nodes_.size() - 1);
  }
  void close(const Part& part, std::uint32_t target) {
    for (const Open& end : part.open)
      (end.other ? out_.nodes_[end.node].other : out_.nodes_[end.node].next) = target;
  }
  Part one(Kind kind, std::uint32_t set = 0) {
    const std::uint32_t node = add({kind, set});
    return {node, {{node, false}}};
  }
  // Matches nothing, and goes on.
  Part nothing() {
    const std::uint32_t node = add({Kind::split});
    return {node, {{node, false}, {node, true}}};
  }

  Part alternatives(std::size_t depth) {
    if (depth > kDepthMax) fail(at_, "it is nested too deeply");
    Part left = sequence(depth);
    while (!done() && peek() == '|') {
      ++at_;
      Part right = sequence(depth);
      const std::uint32_t node = add({Kind::split, 0, left.first, right.first});
      left.first = node;
      left.open.insert(left.open.end(), right.open.begin(), right.open.end());
    }
    return left;
  }

  Part sequence(std::size_t depth) {
    Part all = nothing();
    while (!done() && peek() != '|' && peek() != ')') {
      const std::size_t begin = at_;
      Part part = atom(depth);
      part = repeated(std::move(part), begin, depth);
      close(all, part.first);
      all.open = std::move(part.open);
    }
    return all;
  }

  // A part that is read again from the text, so that a repetition has nodes of its own.
  Part again(std::size_t begin, std::size_t depth) {
    const std::size_t behind = std::exchange(at_, begin);
    Part part = atom(depth);
    at_ = behind;
    return part;
  }

  Part star(const Part& part) {
    const std::uint32_t node = add({Kind::split, 0, part.first, 0});
    close(part, node);
    return {node, {{node, true}}};
  }
  Part maybe(Part part) {
    const std::uint32_t node = add({Kind::split, 0, part.first, 0});
    part.open.push_back({node, true});
    part.first = node;
    return part;
  }

  Part repeated(Part part, std::size_t begin, std::size_t depth) {
    if (done()) return part;
    const std::size_t sign = at_;
    std::uint32_t least = 0, most = 0;
    bool endless = false;
    switch (peek()) {
      case '*':
        endless = true;
        break;
      case '+':
        least = 1;
        endless = true;
        break;
      case '?':
        most = 1;
        break;
      case '{':
        if (!counts(least, most, endless)) return part;
        break;
      default:
        return part;
    }
    ++at_;
    Part all = times(std::move(part), begin, depth, {least, most, endless});
    if (!done() && (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{'))
      fail(sign + 1, "a repetition of a repetition");
    return all;
  }

  struct Counts {
    std::uint32_t least, most;
    bool endless;
  };
  // More than one copy is read from the text again; the nodes of the first reading are then left alone.
  Part times(Part part, std::size_t begin, std::size_t depth, const Counts& counts) {
    if (counts.endless && counts.least == 0) return star(part);
    if (!counts.endless && counts.least == 0 && counts.most == 1) return maybe(std::move(part));
    const std::size_t sign = at_;
    Part all = nothing();
    const auto append = [&](Part next) {
      close(all, next.first);
      all.open = std::move(next.open);
    };
    const std::uint32_t copies = counts.endless ? counts.least + 1 : counts.most;
    for (std::uint32_t i = 0; i < copies && error_.empty(); ++i) {
      Part copy = again(begin, depth);
      if (i < counts.least)
        append(std::move(copy));
      else
        append(counts.endless ? star(copy) : maybe(std::move(copy)));
    }
    at_ = sign;
    return all;
  }

  // "{2}", "{2,}", "{2,5}"; at_ is then at the closing brace. What is none of them is a brace, as grep -E has it.
  bool counts(std::uint32_t& least, std::uint32_t& most, bool& endless) {
    std::size_t at = at_ + 1;
    const auto number = [&](std::uint32_t& value) {
      const std::size_t begin = at;
      for (value = 0; at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; ++at)
        value = std::min(value * 10 + static_cast<std::uint32_t>(text_[at] - '0'), kRepeatsMax + 1);
      return at > begin;
    };
    if (!number(least)) return false;
    most = least;
    if (at < text_.size() && text_[at] == ',') {
      ++at;
      endless = !number(most);
    }
    if (at >= text_.size() || text_[at] != '}') return false;
    if (least > kRepeatsMax || most > kRepeatsMax) fail(at_, "it is repeated more than 1000 times");
    if (!endless && most < least) fail(at_, "the second count is less than the first");
    at_ = at;
    return true;
  }

  Part atom(std::size_t depth) {
    const char c = text_[at_];
    const std::size_t begin = at_++;
    switch (c) {
      case '(': {
        if (text_.substr(at_).starts_with("?:")) at_ += 2;
        if (!done() && peek() == '?') fail(at_, "there is only (?: with a question mark");
        Part inner = alternatives(depth + 1);
        if (at_ >= text_.size())
          fail(begin, "'(' is not closed");
        else
          ++at_;
        return inner;
      }
      case '[':
        return one(Kind::bytes, class_at(begin));
      case '.':
        return one(Kind::bytes, set_of(~ByteSet()));
      case '^':
        return one(Kind::line_begin);
      case '$':
        return one(Kind::line_end);
      case '*':
      case '+':
      case '?':
        fail(begin, "this repeats nothing");
        return nothing();
      case '\\':
        return one(Kind::bytes, set_of(escaped(begin)));
      default: {
        ByteSet only;
        only.set(static_cast<unsigned char>(c));
        return one(Kind::bytes, set_of(only));
      }
    }
  }

  std::uint32_t set_of(ByteSet set) {
    if (out_.case_ == LetterCase::ignored) {
      for (std::size_t c = 'a'; c <= 'z'; ++c) {
        if (set[c] || set[c - 32]) set.set(c).set(c - 32);
      }
    }
    const auto known = std::find(out_.sets_.begin(), out_.sets_.end(), set);
    const auto index = static_cast<std::uint32_t>(known - out_.sets_.begin());
    if (index == out_.sets_.size()) out_.sets_.push_back(set);
    return index;
  }

  static void add_range(ByteSet& set, char first, char last) {
    for (int c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c)
      set.set(static_cast<std::size_t>(c));
  }

  // Behind a backslash; `at_` is at the letter.
  ByteSet escaped(std::size_t begin) {
    ByteSet set;
    if (at_ >= text_.size()) {
      fail(begin, "a backslash at the end");
      return set;
    }
    const char c = text_[at_++];
    switch (lower(c)) {
      case 'd':
        add_range(set, '0', '9');
        break;
      case 'w':
        add_range(set, '0', '9');
        add_range(set, 'a', 'z');
        add_range(set, 'A', 'Z');
        set.set('_');
        break;
      case 's':
        for (const char blank : {' ', '\t', '\r', '\f', '\v'}) set.set(static_cast<unsigned char>(blank));
        break;
      case 't':
        set.set(c == 't' ? '\t' : 'T');
        if (c == 'T') fail(begin, "this escape is not known");
        return set;
      default:
        if ((lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'))
          fail(begin, "this escape is not known");
        set.set(static_cast<unsigned char>(c));
        return set;
    }
    return c >= 'A' && c <= 'Z' ? ~set : set;
  }

  // The set of [...]; `at_` is behind the bracket.
  std::uint32_t class_at(std::size_t begin) {
    ByteSet set;
    const bool inverted = at_ < text_.size() && text_[at_] == '^';
    if (inverted) ++at_;
    for (bool first = true;; first = false) {
      if (done()) {
        fail(begin, "'[' is not closed");
        return 0;
      }
      if (peek() == ']' && !first) break;
      class_item(set);
    }
    ++at_;
    return set_of(inverted ? ~set : set);
  }

  void class_item(ByteSet& set) {
    const std::size_t begin = at_;
    const char c = text_[at_++];
    if ((c & 0x80) != 0) return fail(begin, "only ASCII can stand in [ ]; write (ä|ö)");
    if (c == '\\') {
      set |= escaped(begin);
      return;
    }
    const bool is_range = at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']';
    if (!is_range) {
      set.set(static_cast<unsigned char>(c));
      return;
    }
    const char last = text_[at_ + 1];
    if (last < c || last == '\\') return fail(begin, "this range is none");
    at_ += 2;
    add_range(set, c, last);
  }

  std::string_view text_;
  LinePattern& out_;
  std::size_t at_ = 0;
  std::string error_;
  std::size_t error_at_ = 0;
};

Result<LinePattern> LinePattern::compile(std::string_view text, PatternKind kind, LetterCase letter_case) {
  if (text.empty() || text.size() > kPatternBytesMax || text.find('\n') != std::string_view::npos)
    return refuse(ErrorKind::usage, kMalformedValue,
                  "a pattern of lines has to be a text of one line, at most 1024 bytes");
  LinePattern out;
  out.kind_ = kind;
  out.case_ = letter_case;
  out.text_ = text;
  out.overlap_ = text.size() - 1;
  if (kind == PatternKind::text) {
    if (letter_case == LetterCase::ignored)
      std::transform(out.text_.begin(), out.text_.end(), out.text_.begin(), &lower);
    return out;
  }
  out.overlap_ = kRegexOverlap;
  if (const Result<void> read = PatternReader(text, out).read(); !read) return std::unexpected(read.error());
  out.marks_.assign(out.nodes_.size(), 0);
  return out;
}

std::optional<std::size_t> LinePattern::find(const Piece& line) {
  work_ += line.bytes.size();
  return kind_ == PatternKind::text ? find_text(line.bytes) : find_regex(line);
}

std::optional<std::size_t> LinePattern::find_text(std::string_view line) const {
  if (case_ == LetterCase::exact) {
    const std::size_t found = line.find(text_);
    return found == std::string_view::npos ? std::nullopt : std::optional(found);
  }
  const auto found = std::search(line.begin(), line.end(), text_.begin(), text_.end(),
                                 [](char a, char b) { return lower(a) == b; });
  return found == line.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - line.begin()));
}

// Nodes that take a byte, wait for the end of the line, or match; through splits and, at the begin of a line, through ^.
void LinePattern::follow(std::uint32_t node, bool at_begin, bool at_end, std::vector<std::uint32_t>& into) {
  std::vector<std::uint32_t> left{node};
  while (!left.empty()) {
    const std::uint32_t at = left.back();
    left.pop_back();
    if (marks_[at] == walk_) continue;
    marks_[at] = walk_;
    ++work_;
    const Node& found = nodes_[at];
    if (found.kind == NodeKind::split) {
      left.push_back(found.other);
      left.push_back(found.next);
    } else if (found.kind == NodeKind::line_begin) {
      if (at_begin) left.push_back(found.next);
    } else {
      if (found.kind == NodeKind::line_end && at_end) left.push_back(found.next);
      into.push_back(at);
    }
  }
}

std::int32_t LinePattern::state_of(std::vector<std::uint32_t> nodes) {
  std::sort(nodes.begin(), nodes.end());
  const auto known = known_.find(nodes);
  if (known != known_.end()) return known->second;
  if (states_.size() >= kStatesMax) {
    states_.clear();
    known_.clear();
  }
  State state;
  state.next.fill(-1);
  std::vector<std::uint32_t> at_end;
  ++walk_;
  for (const std::uint32_t node : nodes) follow(node, false, true, at_end);
  const auto matches = [&](std::uint32_t node) { return nodes_[node].kind == NodeKind::match; };
  state.accepts = std::any_of(nodes.begin(), nodes.end(), matches);
  state.accepts_at_end = std::any_of(at_end.begin(), at_end.end(), matches);
  const auto id = static_cast<std::int32_t>(states_.size());
  state.nodes = nodes;
  states_.push_back(std::move(state));
  known_.emplace(std::move(nodes), id);
  return id;
}

std::int32_t LinePattern::begin_state(bool begins_line) {
  std::vector<std::uint32_t> nodes;
  ++walk_;
  follow(first_, begins_line, false, nodes);
  return state_of(std::move(nodes));
}

std::int32_t LinePattern::step(std::int32_t from, unsigned char byte) {
  const std::int32_t known = states_[static_cast<std::size_t>(from)].next[byte];
  if (known >= 0) return known;
  std::vector<std::uint32_t> nodes;
  ++walk_;
  for (const std::uint32_t node : states_[static_cast<std::size_t>(from)].nodes) {
    if (nodes_[node].kind == NodeKind::bytes && sets_[nodes_[node].set][byte])
      follow(nodes_[node].next, false, false, nodes);
  }
  follow(first_, false, false, nodes);  // a match may begin at any byte
  const std::size_t before = states_.size();
  const std::int32_t to = state_of(std::move(nodes));
  // When the table began anew, `from` is no longer in it.
  if (states_.size() >= before) states_[static_cast<std::size_t>(from)].next[byte] = to;
  return to;
}

std::optional<std::size_t> LinePattern::find_regex(const Piece& line) {
  std::int32_t state = begin_state(line.begins_line);
  for (std::size_t i = 0; i < line.bytes.size(); ++i) {
    if (states_[static_cast<std::size_t>(state)].accepts) return i;
    state = step(state, static_cast<unsigned char>(line.bytes[i]));
  }
  const State& last = states_[static_cast<std::size_t>(state)];
  if (last.accepts || (line.ends_line && last.accepts_at_end)) return line.bytes.size();
  return std::nullopt;
}

}  // namespace muster
