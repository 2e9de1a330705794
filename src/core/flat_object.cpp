// A strict reader of flat JSON objects, fast enough for millions of lines: one pass, strings without escapes are copied whole.
// Never reads past the text, never recurses.
#include "core/flat_object.h"

#include <algorithm>
#include <cstdint>

#include "core/escape.h"

namespace muster {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class FlatReader {
 public:
  FlatReader(std::string_view text, std::vector<FlatField>& fields) : text_(text), fields_(fields) {}

  std::expected<std::size_t, FlatError> read() {
    if (!read_object()) return std::unexpected(FlatError{at_, std::move(why_)});
    return count_;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n'))
      ++at_;
  }

  bool read_object() {
    skip_blanks();
    if (peek() != '{') return fail("an object { } is expected");
    ++at_;
    skip_blanks();
    if (peek() == '}') {
      ++at_;
    } else if (!read_fields()) {
      return false;
    }
    skip_blanks();
    return at_ == text_.size() || fail("nothing is expected behind the object");
  }

  bool read_fields() {
    for (;;) {
      if (count_ == fields_.size()) fields_.emplace_back();
      FlatField& field = fields_[count_];
      if (peek() != '"') return fail("a name in quotes is expected");
      if (!read_string(field.name)) return false;
      skip_blanks();
      if (peek() != ':') return fail("a colon is expected");
      ++at_;
      skip_blanks();
      if (!read_value(field)) return false;
      ++count_;
      skip_blanks();
      const char c = peek();
      if (c != ',' && c != '}') return fail("a comma or } is expected");
      ++at_;
      if (c == '}') return true;
      skip_blanks();
    }
  }

  bool read_value(FlatField& field) {
    const char c = peek();
    if (c == '"') return read_string(field.value);
    if (c == '-' || is_digit(c)) return read_number(field.value);
    if (c == '{' || c == '[')
      return fail("the value of '" + escape_text(field.name) +
                  "' is nested; only text, numbers and booleans fit");
    for (const std::string_view word : {"true", "false"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      field.value = word;
      at_ += word.size();
      return true;
    }
    if (text_.substr(at_).starts_with("null")) {
      return fail("the value of '" + escape_text(field.name) +
                  "' is null, which has no text; write \"\" for an empty one");
    }
    return fail("the value of '" + escape_text(field.name) + "' is no text, number or boolean");
  }

  bool read_digits() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ > begin || fail("a digit is expected");
  }

  bool read_number(std::string& out) {
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    if (zero) {
      ++at_;
    } else if (!read_digits()) {
      return false;
    }
    if (zero && is_digit(peek())) return fail("a number does not begin with 0");
    if (peek() == '.') {
      ++at_;
      if (!read_digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!read_digits()) return false;
    }
    out.assign(text_.substr(begin, at_ - begin));
    return true;
  }

  // From the opening to behind the closing quote.
  bool read_string(std::string& out) {
    out.clear();
    ++at_;
    for (;;) {
      std::size_t end = at_;
      while (end < text_.size() && text_[end] != '"' && text_[end] != '\\' &&
             static_cast<unsigned char>(text_[end]) >= 0x20)
        ++end;
      out.append(text_.substr(at_, end - at_));
      at_ = end;
      if (at_ == text_.size()) return fail("a quote is never closed");
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (text_[at_] != '\\') return fail("a control character in a text is written as an escape");
      if (!read_escape(out)) return false;
    }
  }

  bool read_escape(std::string& out) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    const std::size_t known = kEscapes.find(c);
    if (c != '\0' && known != std::string_view::npos) {
      out += kMeanings[known];
      at_ += 2;
      return true;
    }
    if (c != 'u') return fail("the escape is not known");
    return read_code_point(out);
  }

  bool read_code_point(std::string& out) {
    const std::size_t begin = at_;
    std::uint32_t code = 0;
    if (!read_unit(code)) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
      std::uint32_t low = 0;
      const bool paired =
          text_.substr(at_).starts_with("\\u") && read_unit(low) && low >= 0xDC00 && low <= 0xDFFF;
      if (!paired) {
        at_ = begin;
        return fail("half of a surrogate pair");
      }
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      at_ = begin;
      return fail("half of a surrogate pair");
    }
    if (code == 0) {
      at_ = begin;
      return fail("a NUL cannot be part of a value");
    }
    append_utf8(out, static_cast<char32_t>(code));
    return true;
  }

  // \uXXXX
  bool read_unit(std::uint32_t& code) {
    code = 0;
    for (std::size_t i = at_ + 2; i < at_ + 6; ++i) {
      const char c = i < text_.size() ? text_[i] : '\0';
      const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!is_digit(c) && !letter) return fail("four hexadecimal digits are expected");
      code = code * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    at_ += 6;
    return true;
  }

  std::string_view text_;
  std::vector<FlatField>& fields_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::string why_;
};

}  // namespace

std::expected<std::size_t, FlatError> read_flat_object(std::string_view text,
                                                       std::vector<FlatField>& fields) {
  return FlatReader(text, fields).read();
}

}  // namespace muster
