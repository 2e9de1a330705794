// What one call of the command line has at hand: the two outputs, the environment, the connection.
// Made once by run_command_line; commands get it by reference and keep nothing of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "client/connector.h"
#include "client/endpoint.h"

namespace muster::cli {

class Session {
 public:
  Session(client::Environment environment, std::string_view version, std::vector<const Command*> commands);

  // Options that every command with a connection has; the endpoint is looked up after they are parsed.
  client::EndpointOptions endpoint_options;
  // Judges both outputs anew: colours may have been forbidden by an option.
  void set_colour(ColourChoice choice);

  Output& out() { return out_; }
  Output& err() { return err_; }
  const Terminal& out_terminal() const { return out_terminal_; }
  const Terminal& err_terminal() const { return err_terminal_; }
  const client::Environment& environment() const { return environment_; }
  std::string_view version() const { return version_; }
  const std::vector<const Command*>& commands() const { return commands_; }

  client::Connector& connector();
  Result<client::Api*> api() { return connector().api(); }

  // One line for people on standard error; control characters are escaped.
  void note(std::string_view text);
  // A question on the terminal: true for y or yes. Only where can_ask().
  bool can_ask() const;
  bool ask(std::string_view question);

 private:
  client::Environment environment_;
  std::string_view version_;
  std::vector<const Command*> commands_;
  Output out_;
  Output err_;
  Terminal out_terminal_;
  Terminal err_terminal_;
  std::unique_ptr<client::Connector> connector_;
};

}  // namespace muster::cli
