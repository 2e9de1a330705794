// Tables of words, and the little machine that finds the text behind a shell's -c.
// Names the shells that the contract lists and those that quote as they do.
#include "core/shell_words.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace muster {
namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

template <std::size_t N>
bool one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::string_view base_name(std::string_view program) {
  const std::size_t slash = program.rfind('/');
  return slash == std::string_view::npos ? program : program.substr(slash + 1);
}

// A word behind a shell's name: an option, with or without an argument, or the end of the options.
Evaluation after_shell_word(std::string_view word, Evaluation before) {
  if (word.size() < 2 || (word.front() != '-' && word.front() != '+')) return Evaluation::none;
  const bool text_due = before == Evaluation::shell_text;
  if (word.starts_with("--")) {
    if (word != "--rcfile" && word != "--init-file") return before;
    return text_due ? Evaluation::shell_option_text : Evaluation::shell_option_arg;
  }
  const bool text = text_due || (word.front() == '-' && word.find('c') != std::string_view::npos);
  const bool argument = word.find_first_of("oO") != std::string_view::npos;
  if (argument) return text ? Evaluation::shell_option_text : Evaluation::shell_option_arg;
  return text ? Evaluation::shell_text : Evaluation::shell_named;
}

}  // namespace

bool is_shell_name(std::string_view program) {
  constexpr std::string_view kShells[] = {"sh",  "bash", "dash",  "zsh",  "ksh",
                                          "ash", "mksh", "ksh93", "rbash"};
  return one_of(base_name(program), kShells);
}

bool opens_command(std::string_view word) {
  constexpr std::string_view kWords[] = {"if", "then", "elif", "else", "while", "until",
                                         "do", "!",    "{",    "time", "coproc"};
  return one_of(word, kWords);
}

bool closes_command(std::string_view word) {
  constexpr std::string_view kWords[] = {"fi", "done", "esac", "}"};
  return one_of(word, kWords);
}

bool evaluates_operands(std::string_view word) {
  constexpr std::string_view kWords[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-t"};
  return one_of(word, kWords);
}

bool is_assignment(std::string_view word) {
  const std::size_t end = word.find_first_of("=[");
  if (end == std::string_view::npos || end == 0 || !is_name_start(word.front())) return false;
  const std::string_view name = word.substr(0, word[end - 1] == '+' ? end - 1 : end);
  return std::all_of(name.begin(), name.end(), is_name_char);
}

bool in_subscript(std::string_view word) {
  const std::size_t bracket = word.find('[');
  if (bracket == std::string_view::npos || bracket == 0 || !is_name_start(word.front())) return false;
  const std::string_view name = word.substr(0, bracket);
  return std::all_of(name.begin(), name.end(), is_name_char) &&
         word.find(']', bracket) == std::string_view::npos;
}

Evaluation evaluation_after(std::string_view word, Evaluation before) {
  switch (before) {
    case Evaluation::eval:
    case Evaluation::let:
      return before;
    case Evaluation::shell_option_arg:
    case Evaluation::shell_option_text: {
      const bool text = before == Evaluation::shell_option_text;
      const Evaluation options = text ? Evaluation::shell_text : Evaluation::shell_named;
      // zsh and ksh take -oNAME in one word: then it is an option that follows, which no option's name looks like.
      return word.starts_with('-') ? after_shell_word(word, options) : options;
    }
    case Evaluation::shell_text:
    case Evaluation::shell_named: {
      const Evaluation after = after_shell_word(word, before);
      if (after != Evaluation::none) return after;
      break;
    }
    case Evaluation::none:
      break;
  }
  if (word == "eval") return Evaluation::eval;
  if (word == "let") return Evaluation::let;
  return is_shell_name(word) ? Evaluation::shell_named : Evaluation::none;
}

}  // namespace muster
