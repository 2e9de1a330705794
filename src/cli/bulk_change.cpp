// Watching a change that the server makes in the background.
// Nothing is said of one that is quick.
#include "cli/bulk_change.h"

#include <algorithm>

#include "client/submission_key.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

using client::Document;
using client::join_text;
using client::OperationLook;

namespace {

constexpr std::int64_t kFirstPause_us = 10'000;
constexpr std::int64_t kLongestPause_us = 250'000;
constexpr std::int64_t kQuiet_us = 300'000;
constexpr std::int64_t kPlainEvery_us = 10'000'000;

class BulkChange {
 public:
  BulkChange(Session& session, client::Verb verb, client::Change change, ProgressShow show)
      : session_(session), verb_(verb), change_(std::move(change)), show_(show) {
    if (change_.key.empty() && !change_.dry_run) change_.key = client::new_submission_key();
  }

  Result<Document> run() {
    session_.connector().set_report({[this](const Error& error) {
                                       end_live_line();
                                       session_.note(join_text("the server is away (",
                                                               error.what.substr(0, error.what.find('\n')),
                                                               "); waiting for it"));
                                     },
                                     {}});
    Result<Document> done = watch();
    end_live_line();
    session_.connector().set_report({});
    return done;
  }

 private:
  Result<Document> watch() {
    const Result<client::Api*> api = session_.api();
    if (!api) return std::unexpected(api.error());
    Result<OperationLook> look = (*api)->begin_change(verb_, change_);
    // Whether the first call arrived is not known: under its key it is done once.
    if (!look && (*api)->server_was_away() && (*api)->outcome_unknown()) look = begin_again();
    for (std::int64_t pause_us = kFirstPause_us;; pause_us = std::min(2 * pause_us, kLongestPause_us)) {
      if (!look) return std::unexpected(look.error());
      if (look->problem) return std::unexpected(*look->problem);
      if (look->result) return std::move(*look->result);
      show(*look);
      client::pause_unless(-1, pause_us);
      const std::uint64_t id = look->id;
      look = session_.connector().patient([&](client::Api& again) { return again.operation(id); });
      // A server that was started anew knows nothing of it.
      if (!look && look.error().kind == ErrorKind::not_found) look = begin_again();
    }
  }

  Result<OperationLook> begin_again() {
    return session_.connector().patient([&](client::Api& api) { return api.begin_change(verb_, change_); });
  }

  void show(const OperationLook& look) {
    const std::int64_t now_us = client::mono_now_us();
    if (show_ == ProgressShow::none || now_us - begin_us_ < kQuiet_us) return;
    const std::uint64_t percent = look.tasks == 0 ? 0 : look.looked * 100 / look.tasks;
    const std::string line =
        join_text(client::to_text(verb_), ": looked at ", look.looked, " of ", look.tasks, " tasks (",
                  percent, " %), ", look.matched, look.matched == 1 ? " matches" : " match");
    if (show_ == ProgressShow::live) {
      const std::size_t width = session_.err_terminal().width;
      session_.err().write(join_text('\r', truncate_text(line, width > 1 ? width - 1 : 79), "\x1b[K"));
      live_line_open_ = true;
    } else if (said_us_ == 0 || now_us - said_us_ >= kPlainEvery_us) {
      session_.err().line(line);
      said_us_ = now_us;
    }
    session_.err().flush();
  }

  void end_live_line() {
    if (!std::exchange(live_line_open_, false)) return;
    session_.err().write("\r\x1b[K");
    session_.err().flush();
  }

  Session& session_;
  client::Verb verb_;
  client::Change change_;
  ProgressShow show_;
  std::int64_t begin_us_ = client::mono_now_us();
  std::int64_t said_us_ = 0;
  bool live_line_open_ = false;
};

}  // namespace

Result<Document> change_tasks(Session& session, client::Verb verb, const client::Change& change,
                              ProgressShow show) {
  if (!change.where.empty()) return BulkChange(session, verb, change, show).run();
  const Result<client::Api*> api = session.api();
  if (!api) return std::unexpected(api.error());
  return (*api)->change(verb, change);
}

}  // namespace muster::cli
