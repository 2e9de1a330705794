// Declaring the common options.
// A token is never an option's value: command lines are seen by everybody on the machine.
#include "cli/common_options.h"

namespace muster::cli {

void declare_common(Options& options, CommonOptions which, CommonTargets& target) {
  if (which == CommonOptions::connection) {
    options.section("Connection");
    options.text("--url", "URL", target.endpoint.url,
                 "the server's address, as http://127.0.0.1:7420 or https://HOST:7420");
    options.text("-c,--context", "NAME", target.endpoint.context, "a server named in the config file");
    options.text("--pin", "PIN", target.endpoint.pin, "fingerprint of an https server's key, sha256//…");
    options.text("--ca-file", "FILE", target.endpoint.ca_file,
                 "certificate authorities, instead of the system's (for https without a pin)");
    options.text("--token-file", "FILE", target.endpoint.token_file,
                 "the token is its first line; - reads it from standard input");
    options.text("--data", "DIR", target.endpoint.data_folder, "the data folder of a server on this machine");
    options.text("--project", "NAME", target.endpoint.project,
                 "the project, where you have several; else MUSTER_PROJECT");
  }
  options.section("General");
  options.flag("--no-color", target.no_color, "no colours");
  options.flag("-h,--help", target.help, "show this help");
}

}  // namespace muster::cli
