// One document, in one line.
// It is the very text that the server answers with.
#include "apps/openapi_command.h"

#include <array>

#include "cli/session.h"
#include "front/routes.h"

namespace muster::apps {
namespace {

class OpenApiBody final : public cli::CommandBody {
 public:
  void declare(cli::Options&) override {}
  Result<int> run(cli::Session& session) override {
    session.out().line(front::openapi_json(session.version()));
    session.out().flush();
    return 0;
  }
};

constexpr std::array<cli::Command, 1> kCommands{
    {{"openapi", cli::CommandSection::hidden, cli::CommonOptions::none, "",
      "the description of the API, as JSON", "",
      [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<OpenApiBody>(); }}}};

}  // namespace

std::span<const cli::Command> openapi_commands() { return kCommands; }

}  // namespace muster::apps
