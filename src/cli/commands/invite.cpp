// `invite`: a key for another machine, and the lines to type there.
// The key is a secret for as long as it lives: it is printed once, and nowhere else.
#include "cli/commands/commands.h"
#include "cli/printer.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"
#include "net/server_url.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

class Invite final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.duration_us("--ttl", ttl_us_, "how long the key is good (default 10m)");
    options.text("--name", "NAME", name_,
                 "the worker is called so; one that was created by that name is taken over");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    if (!client::is_utf8(name_)) return refuse(ErrorKind::usage, kMalformedValue, "--name is not UTF-8 text");
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const auto made = (*api)->invite(ttl_us_.value_or(600'000'000), name_);
    if (!made) return std::unexpected(made.error());
    const Json invite = made->root();
    const std::string url = url_for_others((*api)->endpoint().address, invite);
    const std::string join = join_text("muster join ", url, " --key ", invite["key"].text());
    if (print_action(session, *choice, invite, join)) return 0;
    tell(session, invite, url);
    return 0;
  }

 private:
  // The address by which this command came is one by which others may come, unless it is this machine's own.
  static std::string url_for_others(const client::Address& address, const Json& invite) {
    if (net::is_loopback(address.host)) return std::string(invite["url"].text());
    return address.text();
  }

  static void tell(Session& session, const Json& invite, const std::string& url) {
    const std::string_view pin = invite["pin"].text();
    const std::string join = join_text("join ", url, " --key ", invite["key"].text());
    if (pin.empty()) {
      session.out().line("on this machine (its server listens on loopback only):");
    } else {
      session.out().line("on the other machine, with nothing installed:");
      session.out().line(join_text("  curl -fsSk --pinnedpubkey ", pin, " -o muster ", url,
                                   "/dl/muster && chmod +x muster"));
      session.out().line(join_text("  ./muster ", join));
      session.out().line("or, where muster is there already:");
    }
    session.out().line(join_text("  muster ", join));
    session.out().flush();
    session.note(join_text("the key lets one worker in, once, until ", invite["expires"].text(),
                           pin.empty() ? "; other machines need a server with --listen *:7420" : ""));
  }

  std::optional<std::int64_t> ttl_us_;
  std::string name_;
  OutputOptions output_;
};

}  // namespace

const Command kInviteCommand = {
    "invite",
    CommandSection::start,
    CommonOptions::connection,
    "[options]",
    "a key that lets another machine join as a worker",
    "muster invite                     # prints the lines to type on the other machine\n"
    "muster invite --ttl 1h --name lab2\n",
    &make_body<Invite>};

}  // namespace muster::cli
