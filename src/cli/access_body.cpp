// Sending the request and saying what became of it.
// A dry run is checked by the server like the change itself.
#include "cli/access_body.h"

#include "cli/following.h"
#include "client/query.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

using client::Document;
using client::join_text;

std::string path_of(std::string_view route, std::string_view name) {
  return join_text(route, '/', client::encode_component(name));
}

Result<int> print_or_watch(Session& session, bool watch, const std::function<Result<bool>()>& print) {
  if (watch) return watch_printed(session, {}, print, Told::some);
  const Result<bool> printed = print();
  if (!printed) return std::unexpected(printed.error());
  return 0;
}

void AccessList::declare(Options& options) {
  options.number("--limit", "N", limit_,
                 "at most N, 0 for all; default: 100 in a table on a terminal, else all");
  declare_watch(options, watch_);
  declare_output(options, output_, OutputKind::list);
}

Result<int> AccessList::run(Session& session) {
  const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
  if (!choice) return std::unexpected(choice.error());
  client::ListQuery query = this->query();
  const FetchPage fetch = [&](const std::string& after, std::uint64_t limit) -> Result<Document> {
    query.after = after;
    query.limit = limit;
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    return (*api)->page(path_, query);
  };
  const bool in_place = watch_ && session.out_terminal().is_terminal;
  const std::optional<std::uint64_t> limit = in_place && !limit_ ? watched_rows() : limit_;
  return print_or_watch(session, watch_, [&]() -> Result<bool> {
    const Result<void> printed = print_list(session, view_, *choice, limit, fetch);
    if (!printed) return std::unexpected(printed.error());
    return true;
  });
}

void AccessShow::declare_output_and_watch(Options& options) {
  declare_watch(options, watch_);
  declare_output(options, output_, OutputKind::thing);
}

Result<int> AccessShow::run(Session& session) {
  const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
  if (!choice) return std::unexpected(choice.error());
  return print_or_watch(session, watch_, [&]() -> Result<bool> {
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> answer = (*api)->read(path_of(route_, name_.empty() ? "me" : name_.front()));
    if (!answer) return std::unexpected(answer.error());
    const Result<void> printed = print_thing(session, view_, *choice, *answer, {});
    if (!printed) return std::unexpected(printed.error());
    return true;
  });
}

void AccessChange::declare_change(Options& options) {
  options.flag("--dry-run", dry_run_, "check it, and change nothing");
  declare_output(options, output_, OutputKind::action);
}

void AccessChange::declare_yes(Options& options) { options.flag("--yes", yes_, "do not ask"); }

Result<bool> AccessChange::confirmed(Session& session, const AccessRequest& request) const {
  if (yes_ || dry_run_ || request.question.empty()) return true;
  if (session.can_ask()) return session.ask(join_text(request.question, "?"));
  return refuse(ErrorKind::confirmation, kConfirmationNeeded,
                join_text("this would ", request.question, ", and there is no terminal to ask at"),
                "if that is meant, say so with --yes");
}

Result<int> AccessChange::run(Session& session) {
  const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
  if (!choice) return std::unexpected(choice.error());
  Result<AccessRequest> request = this->request(session);
  if (!request) return std::unexpected(request.error());
  const Result<bool> allowed = confirmed(session, *request);
  if (!allowed) return std::unexpected(allowed.error());
  if (!*allowed) return exit_code_of(ErrorKind::confirmation);
  const Result<client::Api*> api = session.api();
  if (!api) return std::unexpected(api.error());
  if (dry_run_) request->path += "?dry_run=true";
  const Result<Document> answer = (*api)->write(request->method, request->path, std::move(request->body));
  if (!answer) return std::unexpected(answer.error());
  const client::Json root = answer->root();
  const std::string name(root["name"].is_text() ? std::string(root["name"].text()) : root["id"].serialize());
  if (print_action(session, *choice, root, name)) return 0;
  say(session, root, join_text(dry_run_ ? "would have " : "", request->done));
  session.out().flush();
  return 0;
}

void AccessChange::say(Session& session, const client::Json&, const std::string& done) {
  session.out().line(escape_text(done));
}

}  // namespace muster::cli
