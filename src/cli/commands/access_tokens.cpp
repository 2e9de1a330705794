// `muster token …` and `muster audit …`.
// The text of a token is printed once, alone on standard output, so that it can go into a file and nowhere else.
#include "cli/access_body.h"
#include "client/text.h"
#include "core/role.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

using client::join_text;

class TokenList final : public AccessList {
 public:
  TokenList() : AccessList("/tokens", kTokenView) {}
  void declare(Options& options) override {
    options.text("--user", "NAME", user_, "only tokens of this user");
    AccessList::declare(options);
  }

 protected:
  client::ListQuery query() const override {
    client::ListQuery query;
    query.user = user_;
    return query;
  }

 private:
  std::string user_;
};

class TokenCreate final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.text("--user", "NAME", user_, "whose it is; default: yours");
    options.text("--only-in", "PROJECT", project_, "good in this project alone");
    options.choice("--role", kRolesToGive, role_, "no more than this role");
    options.text("--note", "TEXT", note_, "to know it by");
    options.duration_us("--expires", life_us_, "good for so long; default 90d, at most 366d");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object();
    for (const auto& [key, value] : {std::pair<std::string_view, const std::string*>("user", &user_),
                                     {"project", &project_},
                                     {"role", &role_},
                                     {"note", &note_}}) {
      if (!value->empty()) out.key(key).text(*value);
    }
    if (life_us_) out.key("expires_s").seconds(*life_us_);
    out.end_object();
    return AccessRequest{"POST", "/tokens", body, "made a token", {}};
  }
  void say(Session& session, const client::Json& answer, const std::string& done) override {
    if (dry_run_) return AccessChange::say(session, answer, done);
    session.out().line(answer["token"].text());
    session.out().flush();
    session.note(
        join_text("token ", answer["id"].serialize(), " of ", answer["user"].text(),
                  ", shown this once; keep it in a file of mode 600 and name that with --token-file"));
  }

 private:
  std::string user_;
  std::string project_;
  std::string role_;
  std::string note_;
  std::optional<std::int64_t> life_us_;
};

class TokenRevoke final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("ID", id_, 1, 1, "the token's number, as in muster token list");
    declare_yes(options);
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    return AccessRequest{"DELETE",
                         path_of("/tokens", id_.front()),
                         {},
                         join_text("revoked token ", id_.front()),
                         join_text("revoke token ", id_.front())};
  }

 private:
  std::vector<std::string> id_;
};

class AuditList final : public AccessList {
 public:
  AuditList() : AccessList("/audit", kAuditView) {}
};

class AuditVerify final : public CommandBody {
 public:
  void declare(Options& options) override { declare_output(options, output_, OutputKind::action); }
  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<client::Document> answer = (*api)->read("/audit/verify");
    if (!answer) return std::unexpected(answer.error());
    const client::Json root = answer->root();
    const bool holds = root["holds"].truth();
    if (!print_action(session, *choice, root, std::string(root["head"].text()))) {
      session.out().line(holds ? join_text("the chain holds: ", root["rows"].serialize(), " rows, head ",
                                           root["head"].text("none"))
                               : join_text("row ", root["first_bad"].serialize(),
                                           " does not fit: it, or one before it, was changed or taken out"));
    }
    session.out().flush();
    return holds ? 0 : 1;
  }

 private:
  OutputOptions output_;
};

// The whole log, one JSON object a line, as it is stored.
class AuditExport final : public CommandBody {
 public:
  void declare(Options&) override {}
  Result<int> run(Session& session) override {
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    client::ListQuery query;
    query.limit = 1000;
    do {
      const Result<client::Document> page = (*api)->page("/audit", query);
      if (!page) return std::unexpected(page.error());
      const client::Json items = page->root()["items"];
      for (std::size_t i = 0; i < items.size(); ++i) session.out().line(items.at(i).serialize());
      session.out().flush();
      query.after = page->root()["next"].text();
    } while (!query.after.empty());
    return 0;
  }
};

constexpr CommandSection kObjects = CommandSection::objects;
constexpr CommonOptions kConnection = CommonOptions::connection;

}  // namespace

const Command kTokenListCommand = {"token list",
                                   kObjects,
                                   kConnection,
                                   "[options]",
                                   "list tokens: your own, or everybody's for an admin",
                                   "muster token list --user ada\n",
                                   &make_body<TokenList>};
const Command kTokenCreateCommand = {"token create",
                                     kObjects,
                                     kConnection,
                                     "[options]",
                                     "make a token; it is printed once",
                                     "(umask 077; muster token create --note laptop > laptop.token)\n"
                                     "muster token create --user ada --role viewer --expires 7d\n",
                                     &make_body<TokenCreate>};
const Command kTokenRevokeCommand = {"token revoke",
                                     kObjects,
                                     kConnection,
                                     "[options] ID",
                                     "end a token at once",
                                     "muster token revoke 7 --yes\n",
                                     &make_body<TokenRevoke>};
const Command kAuditListCommand = {"audit list",
                                   kObjects,
                                   kConnection,
                                   "[options]",
                                   "list who changed what and who was denied, oldest first",
                                   "muster audit list -o wide\n",
                                   &make_body<AuditList>};
const Command kAuditVerifyCommand = {
    "audit verify",
    kObjects,
    kConnection,
    "[options]",
    "check that no row of the audit log was changed",
    "muster audit verify   # note the head down: rows cut off at the end show then\n",
    &make_body<AuditVerify>};
const Command kAuditExportCommand = {"audit export",
                                     kObjects,
                                     kConnection,
                                     "",
                                     "print the whole audit log, one JSON object a line",
                                     "muster audit export > audit.jsonl\n",
                                     &make_body<AuditExport>};

}  // namespace muster::cli
