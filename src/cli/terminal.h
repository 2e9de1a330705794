// What stands at the other end of standard output and standard error: a terminal with a width, colours and signs, or a pipe.
// The two are judged separately; nothing but this file asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/endpoint.h"

namespace muster::cli {

enum class ColourChoice : std::uint8_t { automatic, never };

struct Terminal {
  bool is_terminal = false;
  bool colour = false;
  bool signs = false;     // ✓ ✗ and block characters may be printed; otherwise ASCII
  std::size_t width = 0;  // columns; 0: no limit
};

// NO_COLOR (not empty), TERM=dumb and --no-color take colours away, FORCE_COLOR gives them to a pipe too.
// Width: the terminal's own, else COLUMNS, else 80.
Terminal look_at_descriptor(int descriptor, const client::Environment& environment, ColourChoice choice);

enum class Tone : std::uint8_t { plain, good, bad, busy, warning, dim, strong };

// `text` between the escape sequences of `tone`; unchanged without colour or for a plain tone.
std::string paint(std::string_view text, Tone tone, bool colour);

}  // namespace muster::cli
