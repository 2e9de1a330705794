// The outputs, the connection, and questions.
// Answers are read from standard input only when it is a terminal: items may be waiting in it otherwise.
#include "cli/session.h"

#include <unistd.h>

#include "core/escape.h"

namespace muster::cli {

Session::Session(client::Environment environment, std::string_view version,
                 std::vector<const Command*> commands)
    : environment_(std::move(environment)),
      version_(version),
      commands_(std::move(commands)),
      out_(STDOUT_FILENO),
      err_(STDERR_FILENO) {
  set_colour(ColourChoice::automatic);
}

void Session::set_colour(ColourChoice choice) {
  out_terminal_ = look_at_descriptor(STDOUT_FILENO, environment_, choice);
  err_terminal_ = look_at_descriptor(STDERR_FILENO, environment_, choice);
}

client::Connector& Session::connector() {
  if (!connector_) connector_ = std::make_unique<client::Connector>(endpoint_options, environment_);
  return *connector_;
}

void Session::note(std::string_view text) {
  out_.flush();
  err_.line(escape_text(text));
  err_.flush();
}

bool Session::can_ask() const { return isatty(STDIN_FILENO) == 1 && err_terminal_.is_terminal; }

bool Session::ask(std::string_view question) {
  out_.flush();
  err_.write(escape_text(question));
  err_.write(" [y/N] ");
  err_.flush();
  std::string answer;
  char c = 0;
  while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer.push_back(c);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes" || answer == "YES";
}

}  // namespace muster::cli
