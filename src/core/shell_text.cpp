// A reader of shell text that only keeps what quoting depends on: quotes, substitutions, comments, here-documents, case patterns.
// It never has to be right about commands, only about where words and quotes begin and end; what it cannot know becomes doubt.
#include "core/shell_text.h"

#include <algorithm>
#include <string>

#include "core/shell_words.h"

namespace muster {
namespace {

enum class FrameKind : std::uint8_t {
  list,          // commands: the text itself, ( ), $( ), <( )
  backtick,      // commands between backticks
  case_head,     // after `case`, up to `in`
  case_pattern,  // patterns up to `)`
  case_body,     // commands up to `;;` or `esac`
  double_quote,
  parameter,   // ${ }
  arithmetic,  // $(( )) and (( ))
};

enum class Token : std::uint8_t { none, word, closer, separator, redirection, comment };

struct HereDocument {
  std::string delimiter;
  bool quoted = false;
  bool tabs_stripped = false;
};

struct Frame {
  FrameKind kind = FrameKind::list;
  std::size_t begin = 0;
  bool parenthesis = false;    // a list that `)` closes
  std::size_t depth = 0;       // arithmetic: open parentheses
  bool has_backslash = false;  // backtick: its text is unescaped before it is parsed
  bool in_word = false;
  bool word_quoted = false;
  std::string word;              // unquoted characters of the word so far
  bool command_position = true;  // reserved words are known here
  bool after_for = false;
  bool function_name = false;  // the next word is a function's name
  std::size_t words = 0;       // case_head, case_pattern: words seen; else arguments of the command at hand
  Evaluation evaluation = Evaluation::none;
  Token last = Token::none;
  std::optional<std::size_t> test_begin;  // [[ : number of braces before it
  bool test_evaluates = false;            // [[ … -eq … ]] evaluates its operands
  std::vector<HereDocument> pending;
};

// Nobody writes deeper text, and reading it would take time and memory without bound.
constexpr std::size_t kFramesMax = 200;
constexpr std::size_t kLevelsMax = 4;

class ShellReader {
 public:
  explicit ShellReader(std::string_view text, std::size_t level = 0) : text_(text), level_(level) {
    frames_.push_back(Frame{});
  }

  ShellScan read() {
    while (at_ < text_.size()) step();
    finish();
    return std::move(scan_);
  }

 private:
  Frame& top() { return frames_.back(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool next_are(std::string_view wanted) const { return text_.substr(at_).starts_with(wanted); }

  void doubt(std::size_t where) {
    if (!scan_.doubt) scan_.doubt = where;
  }
  void push(FrameKind kind, std::size_t length, bool parenthesis = false) {
    if (frames_.size() >= kFramesMax) {
      doubt(at_);
      unclosed(at_);
      mark_all(at_, text_.size(), ShellPlace::doubtful);
      at_ = text_.size();
      return;
    }
    Frame frame;
    frame.kind = kind;
    frame.begin = at_;
    frame.parenthesis = parenthesis;
    frames_.push_back(std::move(frame));
    at_ += length;
  }
  void pop() {
    if (frames_.size() > 1) frames_.pop_back();
  }

  // The innermost frame with words, and whether quotes or a substitution without words lie between.
  const Frame& enclosing() const {
    std::size_t i = frames_.size() - 1;
    while (i > 0 && frames_[i].kind == FrameKind::double_quote) --i;
    return frames_[i];
  }

  bool in_escaped_backtick() const {
    return std::any_of(frames_.begin(), frames_.end(),
                       [](const Frame& frame) { return frame.has_backslash; });
  }
  bool in_backtick() const {
    return std::any_of(frames_.begin(), frames_.end(),
                       [](const Frame& frame) { return frame.kind == FrameKind::backtick; });
  }

  ShellPlace place(ShellPlace quoting) const {
    if (scan_.doubt || in_escaped_backtick()) return ShellPlace::doubtful;
    const Frame& frame = enclosing();
    if (frame.kind == FrameKind::arithmetic) return ShellPlace::arithmetic;
    if (frame.kind == FrameKind::parameter) return ShellPlace::parameter;
    const Evaluation evaluation = frame.evaluation;
    if (evaluation == Evaluation::shell_text || evaluation == Evaluation::eval)
      return ShellPlace::nested_shell;
    if (evaluation == Evaluation::let || in_subscript(frame.word)) return ShellPlace::arithmetic;
    return quoting;
  }
  void mark(std::size_t offset, ShellPlace where) { scan_.braces.push_back({offset, where}); }

  void step() {
    const char c = text_[at_];
    if (c == '`' && in_backtick()) return close_backtick();
    switch (top().kind) {
      case FrameKind::double_quote:
        return step_double_quote(c);
      case FrameKind::parameter:
        return step_parameter(c);
      case FrameKind::arithmetic:
        return step_arithmetic(c);
      default:
        return step_words(c);
    }
  }

  // Commands, and the head and patterns of a case: everything that is made of words.
  void step_words(char c) {
    constexpr std::string_view kWordEnds = " \t\n;&|()<>";
    if (kWordEnds.find(c) != std::string_view::npos) {
      if (top().in_word) return end_word();  // the same character again, maybe in another frame
      return step_operator(c);
    }
    if (c == '#' && !top().in_word) return skip_comment();
    if (c == '\\' && peek(1) == '\n') {
      at_ += 2;
      return;
    }
    top().in_word = true;
    if (c == '\'') {
      top().word_quoted = true;
      return skip_single_quotes();
    }
    if (step_common(c)) return;
    top().word += c;
    ++at_;
  }

  // What means the same bare, in double quotes, in ${ } and in arithmetic; true when it was taken.
  bool step_common(char c) {
    switch (c) {
      case '\\':
        skip_backslash();
        return true;
      case '$':
        return step_dollar();
      case '`': {
        mark_word_quoted();
        push(FrameKind::backtick, 1);
        return true;
      }
      case '"':
        if (top().kind == FrameKind::double_quote) return false;
        mark_word_quoted();
        push(FrameKind::double_quote, 1);
        return true;
      case '{':
        mark(at_,
             place(top().kind == FrameKind::double_quote ? ShellPlace::double_quoted : ShellPlace::bare));
        top().word += c;
        ++at_;
        return true;
      default:
        return false;
    }
  }

  void mark_word_quoted() { top().word_quoted = true; }

  void skip_backslash() {
    mark_word_quoted();
    for (Frame& frame : frames_)
      frame.has_backslash = frame.has_backslash || frame.kind == FrameKind::backtick;
    const bool quoted = top().kind == FrameKind::double_quote;
    const char next = peek(1);
    if (next == '{') mark(at_ + 1, ShellPlace::escaped);
    const bool takes_two =
        !quoted || next == '{' || std::string_view("$`\"\\\n").find(next) != std::string_view::npos;
    if (at_ + 1 >= text_.size()) ends_with_backslash_ = true;
    at_ = std::min(text_.size(), at_ + (takes_two ? 2 : 1));
  }

  bool step_dollar() {
    if (next_are("$((")) {
      mark_word_quoted();
      push(FrameKind::arithmetic, 3);
      top().depth = 2;
    } else if (next_are("$(")) {
      mark_word_quoted();
      push(FrameKind::list, 2, true);
    } else if (next_are("${")) {
      mark_word_quoted();
      if (peek(2) == ' ' || peek(2) == '\n' || peek(2) == '\t' || peek(2) == '|')
        doubt(at_);  // ${ commands; }
      mark(at_ + 1, ShellPlace::after_dollar);
      push(FrameKind::parameter, 2);
    } else if (next_are("$'") && top().kind != FrameKind::double_quote) {
      skip_ansi_quotes();
    } else {
      constexpr std::string_view kOneCharacter = "$#?!*@-0123456789";
      const bool parameter = peek(1) != '\0' && kOneCharacter.find(peek(1)) != std::string_view::npos;
      if (next_are("$[")) doubt(at_);
      top().word += '$';
      at_ += parameter ? 2 : 1;
    }
    return true;
  }

  void step_double_quote(char c) {
    if (c == '"') {
      pop();
      ++at_;
    } else if (!step_common(c)) {
      ++at_;
    }
  }

  void step_parameter(char c) {
    if (c == '}') {
      pop();
      ++at_;
    } else if (c == '\'') {
      if (in_double_quotes()) doubt(at_);
      skip_single_quotes();
    } else if (!step_common(c)) {
      ++at_;
    }
  }

  // ${ } inside double quotes takes a single quote as it stands or as a quote, depending on shell and operator.
  bool in_double_quotes() const {
    for (std::size_t i = frames_.size(); i-- > 0;) {
      if (frames_[i].kind == FrameKind::double_quote) return true;
      if (frames_[i].kind != FrameKind::parameter) return false;
    }
    return false;
  }

  void step_arithmetic(char c) {
    if (c == '(') {
      ++top().depth;
      ++at_;
    } else if (c == ')') {
      ++at_;
      if (--top().depth > 0) return;
      pop();
      top().last = Token::closer;
    } else if (c == '\'') {
      doubt(at_);
      skip_single_quotes();
    } else if (!step_common(c)) {
      ++at_;
    }
  }

  void skip_single_quotes() {
    const std::size_t begin = at_;
    const std::size_t end = text_.find('\'', begin + 1);
    if (text_.substr(begin, end - begin).find('`') != std::string_view::npos && in_backtick()) doubt(begin);
    const ShellPlace where = place(ShellPlace::single_quoted);
    mark_all(begin, std::min(end, text_.size()), where);
    if (end == std::string_view::npos) unclosed(begin);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  void mark_all(std::size_t begin, std::size_t end, ShellPlace where) {
    for (std::size_t i = begin; i < end; ++i) {
      if (text_[i] == '{') mark(i, where);
    }
  }

  // $'…' ends at the same quote everywhere, unless a backslash stands before one.
  void skip_ansi_quotes() {
    const std::size_t begin = at_;
    mark_word_quoted();
    std::size_t i = begin + 2;
    for (; i < text_.size() && text_[i] != '\''; ++i) {
      if (text_[i] != '\\' || i + 1 >= text_.size()) continue;
      if (text_[i + 1] == '\'') doubt(begin);
      ++i;
    }
    const std::size_t end = std::min(i, text_.size());
    if (text_.substr(begin, end - begin).find('`') != std::string_view::npos && in_backtick()) doubt(begin);
    mark_all(begin, end, scan_.doubt ? ShellPlace::doubtful : ShellPlace::ansi_quoted);
    if (end == text_.size()) unclosed(begin);
    at_ = std::min(end + 1, text_.size());
  }

  void skip_comment() {
    std::size_t end = std::min(text_.find('\n', at_), text_.size());
    if (in_backtick()) end = std::min(end, text_.find('`', at_));
    mark_all(at_, end, ShellPlace::comment);
    if (top().kind != FrameKind::case_head && top().kind != FrameKind::case_pattern)
      top().last = Token::comment;
    at_ = end;
  }

  void close_backtick() {
    if (top().in_word && top().kind != FrameKind::backtick) end_word();
    const bool escaped = in_escaped_backtick();
    if (top().kind != FrameKind::backtick && !escaped) doubt(at_);
    while (top().kind != FrameKind::backtick) pop();
    pop();
    ++at_;
  }

  void step_operator(char c) {
    Frame& frame = top();
    if (c == ' ' || c == '\t') {
      ++at_;
      return;
    }
    if (c == '\n') return end_line();
    if (frame.kind == FrameKind::case_head) return abandon_case();
    if (frame.kind == FrameKind::case_pattern) return step_pattern(c);
    if (c == '(') return open_parenthesis();
    if (c == ')') return close_parenthesis();
    if (c == '<' || c == '>') return step_redirection();
    if (c == ';' && frame.kind == FrameKind::case_body && (peek(1) == ';' || peek(1) == '&'))
      return next_pattern();
    end_command();
    ++at_;
  }

  void end_command() {
    Frame& frame = top();
    frame.command_position = true;
    frame.after_for = false;
    frame.words = 0;
    frame.evaluation = Evaluation::none;
    frame.last = Token::separator;
  }

  void end_line() {
    ++at_;
    Frame& frame = top();
    const bool outer_pending = std::any_of(frames_.begin(), frames_.end() - 1,
                                           [](const Frame& outer) { return !outer.pending.empty(); });
    if (outer_pending) doubt(at_ - 1);
    for (const HereDocument& document : frame.pending) skip_here_document(document);
    frame.pending.clear();
    if (frame.kind == FrameKind::case_head || frame.kind == FrameKind::case_pattern) return;
    end_command();
  }

  void skip_here_document(const HereDocument& document) {
    const std::size_t begin = at_;
    bool joined = false;
    std::size_t body_end = begin;
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view line = text_.substr(at_, end - at_);
      body_end = at_;
      at_ = std::min(text_.size(), end + 1);
      if (document.tabs_stripped) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      if (!joined && line == document.delimiter) break;
      const std::size_t last = line.find_last_not_of('\\');
      const std::size_t backslashes = line.size() - (last == std::string_view::npos ? 0 : last + 1);
      joined = !document.quoted && backslashes % 2 == 1;
      body_end = end;
    }
    mark_all(begin, body_end, ShellPlace::here_document);
    if (!document.quoted && !substitutions_end_in(text_.substr(begin, body_end - begin))) doubt(begin);
    if (in_backtick() && text_.substr(begin, at_ - begin).find_first_of("`\\") != std::string_view::npos)
      doubt(begin);
  }

  // A substitution that a here-document leaves open moves the document's end for some shells.
  bool substitutions_end_in(std::string_view body) const {
    for (std::size_t i = 0; i < body.size();) {
      const char next = i + 1 < body.size() ? body[i + 1] : '\0';
      if (body[i] != '`' && (body[i] != '$' || (next != '(' && next != '{'))) {
        i += body[i] == '\\' ? 2 : 1;
        continue;
      }
      const std::size_t length = ShellReader(body.substr(i), level_ + 1).substitution_length();
      if (length == 0) return false;
      i += length;
    }
    return true;
  }

  // Of the substitution that the text begins with, as in double quotes; 0 when it does not end or shells differ.
  std::size_t substitution_length() {
    if (level_ > kLevelsMax) return 0;
    push(FrameKind::double_quote, 0);
    do {
      step();
    } while (at_ < text_.size() && frames_.size() > 2);
    return frames_.size() == 2 && !scan_.doubt && !scan_.unclosed ? at_ : 0;
  }

  void step_redirection() {
    if (next_are("<(") || next_are(">(")) {
      mark_word_quoted();
      top().in_word = true;
      return push(FrameKind::list, 2, true);
    }
    top().last = Token::redirection;
    if (next_are("<<<")) {
      at_ += 3;
    } else if (next_are("<<")) {
      read_here_delimiter();
    } else {
      ++at_;
      if (peek() == '&' || peek() == '|' || peek() == '>') ++at_;
    }
  }

  void read_here_delimiter() {
    const std::size_t begin = at_;
    HereDocument document;
    at_ += 2;
    document.tabs_stripped = peek() == '-';
    if (document.tabs_stripped) ++at_;
    while (peek() == ' ' || peek() == '\t') ++at_;
    char quote = '\0';
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote == '\0' && std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos) break;
      if (c == '{') mark(at_, ShellPlace::here_document);
      if (c == '$' || c == '`') doubt(begin);
      if (quote != '\0' ? c == quote : (c == '\'' || c == '"')) {
        quote = quote == '\0' ? c : '\0';
        document.quoted = true;
      } else if (c == '\\' && quote != '\'') {
        document.quoted = true;
        if (at_ + 1 >= text_.size()) continue;
        document.delimiter += text_[++at_];
        if (text_[at_] == '{') mark(at_, ShellPlace::here_document);
      } else {
        document.delimiter += c;
      }
    }
    if (quote != '\0') unclosed(begin);
    if (document.delimiter.empty() || document.delimiter.find('\n') != std::string::npos) doubt(begin);
    top().pending.push_back(std::move(document));
    top().last = Token::word;
  }

  void open_parenthesis() {
    Frame& frame = top();
    if (peek(1) == '(' && (frame.command_position || frame.after_for)) {
      frame.command_position = true;
      push(FrameKind::arithmetic, 2);
      top().depth = 2;
      return;
    }
    push(FrameKind::list, 1, true);
  }

  void close_parenthesis() {
    if (!top().parenthesis || top().kind != FrameKind::list) {
      doubt(at_);
      ++at_;
      return;
    }
    if (!top().pending.empty()) doubt(at_);
    pop();
    ++at_;
    if (top().in_word) return;  // a word with a substitution in it goes on
    top().command_position = true;
    top().last = Token::closer;
  }

  void abandon_case() {
    doubt(at_);
    pop();
  }

  void step_pattern(char c) {
    Frame& frame = top();
    if (c == '(' && frame.words == 0 && frame.last == Token::none) {
      frame.last = Token::separator;
      ++at_;
    } else if (c == '(') {
      push(FrameKind::list, 1, true);
    } else if (c == ')') {
      frame.kind = FrameKind::case_body;
      end_command();
      ++at_;
    } else {
      if (c != '|') doubt(at_);
      ++at_;
    }
  }

  void next_pattern() {
    at_ += next_are(";;&") ? 3 : 2;
    Frame& frame = top();
    frame.kind = FrameKind::case_pattern;
    frame.words = 0;
    frame.evaluation = Evaluation::none;
    frame.last = Token::none;
  }

  // A word is complete; it may open or close a case, so the caller looks at the next character afresh.
  void end_word() {
    Frame& frame = top();
    const std::string word = std::move(frame.word);
    const bool quoted = frame.word_quoted;
    frame.word.clear();
    frame.in_word = false;
    frame.word_quoted = false;
    if (frame.kind == FrameKind::case_head) return end_case_word(word, quoted);
    if (frame.kind == FrameKind::case_pattern) {
      ++frame.words;
      if (frame.words == 1 && frame.last == Token::none && !quoted && word == "esac") close_case();
      return;
    }
    end_command_word(word, quoted);
  }

  void end_case_word(const std::string& word, bool quoted) {
    Frame& frame = top();
    if (++frame.words == 1) return;
    if (quoted || word != "in") return abandon_case();
    frame.kind = FrameKind::case_pattern;
    frame.words = 0;
    frame.last = Token::none;
  }

  void close_case() {
    pop();
    top().command_position = true;
    top().last = Token::closer;
  }

  void end_command_word(const std::string& word, bool quoted) {
    Frame& frame = top();
    const bool descriptor = !quoted && (peek() == '<' || peek() == '>') &&
                            word.find_first_not_of("0123456789") == std::string::npos;
    if (descriptor) return;
    const bool target = frame.last == Token::redirection;
    const bool reserved_here = frame.command_position && !quoted && !target;
    frame.last = Token::word;
    if (frame.function_name) {
      frame.function_name = false;
      frame.command_position = true;
      return;
    }
    if (reserved_here && end_reserved_word(word)) return;
    frame.evaluation = evaluation_after(word, frame.evaluation);
    note_test(word, quoted);
    frame.command_position = false;
    if (!target && (frame.words > 0 || !is_assignment(word))) ++frame.words;
  }

  // True for a reserved word: it is no argument of any command.
  bool end_reserved_word(const std::string& word) {
    Frame& frame = top();
    if (word == "case") {
      push(FrameKind::case_head, 0);
      return true;
    }
    if (word == "esac" && frame.kind == FrameKind::case_body) {
      close_case();
      return true;
    }
    if (word == "for" || word == "select") {
      frame.after_for = true;
      frame.command_position = false;
      return true;
    }
    if (word == "function") {
      frame.function_name = true;
      return true;
    }
    if (word == "[[") {
      frame.test_begin = scan_.braces.size();
      frame.test_evaluates = false;
      frame.command_position = false;
      return true;
    }
    if (closes_command(word)) frame.last = Token::closer;
    return opens_command(word) || closes_command(word);
  }

  void note_test(const std::string& word, bool quoted) {
    Frame& frame = top();
    if (!frame.test_begin || quoted) return;
    frame.test_evaluates = frame.test_evaluates || evaluates_operands(word);
    if (word != "]]") return;
    if (frame.test_evaluates) {
      for (std::size_t i = *frame.test_begin; i < scan_.braces.size(); ++i) {
        ShellPlace& where = scan_.braces[i].place;
        if (where <= ShellPlace::single_quoted) where = ShellPlace::arithmetic;
      }
    }
    frame.test_begin.reset();
    frame.last = Token::closer;
  }

  void unclosed(std::size_t where) {
    if (!scan_.unclosed) scan_.unclosed = where;
  }

  void finish() {
    if (top().in_word) end_word();
    if (frames_.size() > 1) unclosed(top().begin);
    const Frame& base = frames_.front();
    scan_.takes_argument = !scan_.unclosed && !scan_.doubt && base.last == Token::word && base.words > 0 &&
                           base.pending.empty() && !base.test_begin && !base.after_for &&
                           !ends_with_backslash_;
  }

  std::string_view text_;
  std::size_t level_;  // of here-documents inside substitutions inside here-documents
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
  ShellScan scan_;
  bool ends_with_backslash_ = false;
};

}  // namespace

ShellScan scan_shell_text(std::string_view text) { return ShellReader(text).read(); }

}  // namespace muster
