// Looking at file descriptors.
// A locale that names another encoding than UTF-8 takes the signs away; no locale at all does not.
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>

#include "client/text.h"

namespace muster::cli {

namespace {

std::size_t width_of(int descriptor, const client::Environment& environment) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  std::size_t width = 0;
  if (const auto columns = environment("COLUMNS")) {
    std::from_chars(columns->data(), columns->data() + columns->size(), width);
  }
  return width > 0 ? width : 80;
}

bool speaks_utf8(const client::Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto locale = environment(name);
    if (!locale) continue;
    return locale->find("UTF-8") != std::string::npos || locale->find("utf8") != std::string::npos ||
           locale->find("UTF8") != std::string::npos || locale->find("utf-8") != std::string::npos;
  }
  return true;
}

std::string_view sequence_of(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "32";
    case Tone::bad:
      return "31";
    case Tone::busy:
      return "36";
    case Tone::warning:
      return "33";
    case Tone::dim:
      return "2";
    case Tone::strong:
      return "1";
  }
  return "";
}

}  // namespace

Terminal look_at_descriptor(int descriptor, const client::Environment& environment, ColourChoice choice) {
  Terminal terminal;
  terminal.is_terminal = isatty(descriptor) == 1;
  const bool dumb = environment("TERM").value_or("") == "dumb";
  if (terminal.is_terminal) {
    terminal.width = width_of(descriptor, environment);
    terminal.signs = !dumb && speaks_utf8(environment);
  }
  const bool unwanted = choice == ColourChoice::never || environment("NO_COLOR").has_value();
  const bool forced = environment("FORCE_COLOR").has_value();
  terminal.colour = !unwanted && (forced || (terminal.is_terminal && !dumb));
  return terminal;
}

std::string paint(std::string_view text, Tone tone, bool colour) {
  const std::string_view sequence = sequence_of(tone);
  if (!colour || sequence.empty() || text.empty()) return std::string(text);
  return client::join_text("\x1b[", sequence, "m", text, "\x1b[0m");
}

}  // namespace muster::cli
