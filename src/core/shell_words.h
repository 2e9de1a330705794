// What single words mean to a shell: reserved words, assignments, and commands that parse or evaluate their arguments again.
// Only for the reader of shell text and the COMMAND rule; a word is given without its quotes.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster {

// sh bash dash zsh ksh and their kin, also by path: programs that take shell text after -c.
bool is_shell_name(std::string_view program);

bool opens_command(std::string_view word);   // then do { ! …: a command follows
bool closes_command(std::string_view word);  // fi done } esac

// Operators of [[ ]] that evaluate their operands as arithmetic or as subscripts.
bool evaluates_operands(std::string_view word);

// name=…, name+=…, name[…
bool is_assignment(std::string_view word);

// name[… without its ]: bash and ksh evaluate a subscript.
bool in_subscript(std::string_view word);

// What the words of a command so far mean for the word that comes next.
enum class Evaluation : std::uint8_t {
  none,
  shell_named,        // sh, bash …: a -c may follow
  shell_option_arg,   // the argument of an option is next, then as before
  shell_text,         // the next word that is no option is parsed by another shell
  shell_option_text,  // the argument of an option is next, then the text
  eval,               // all further words are parsed again
  let,                // all further words are arithmetic
};
Evaluation evaluation_after(std::string_view word, Evaluation before);

}  // namespace muster
