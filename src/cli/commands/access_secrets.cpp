// `muster secret …`: values that tasks get and nobody can read back.
// A value is read from a file, a pipe or the keyboard, so that it stands in no list of processes and no history of a shell.
#include "cli/access_body.h"
#include "cli/secret_input.h"
#include "client/text.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

using client::join_text;

constexpr std::string_view kFromHelp = "read the value from this file; default: standard input";

class SecretList final : public AccessList {
 public:
  SecretList() : AccessList("/secrets", kSecretView) {}
};

class SecretShow final : public AccessShow {
 public:
  SecretShow() : AccessShow("/secrets", kSecretView) {}
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the secret");
    declare_output_and_watch(options);
  }
};

class SecretCreate final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "letters, digits and . _ @ -");
    options.text("--from", "FILE", from_, kFromHelp);
    options.text("--note", "TEXT", note_, "what it opens");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session& session) override {
    const Result<std::string> value = read_secret_value(session, from_);
    if (!value) return std::unexpected(value.error());
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object().key("name").text(name_.front()).key("value").text(*value);
    if (!note_.empty()) out.key("note").text(note_);
    out.end_object();
    return AccessRequest{"POST", "/secrets", body, join_text("made secret ", name_.front()), {}};
  }
  void say(Session& session, const client::Json& answer, const std::string& done) override {
    AccessChange::say(session, answer, done);
    if (!dry_run_) session.note(join_text("  next:  muster submit --secret ", name_.front(), " -- COMMAND"));
  }

 private:
  std::vector<std::string> name_;
  std::optional<std::string> from_;
  std::string note_;
};

class SecretSet final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the secret");
    options.text("--from", "FILE", from_, kFromHelp);
    options.text("--note", "TEXT", note_, "what it opens; alone, the value stays as it is");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session& session) override {
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object();
    if (from_ || !note_) {
      const Result<std::string> value = read_secret_value(session, from_);
      if (!value) return std::unexpected(value.error());
      out.key("value").text(*value);
    }
    if (note_) out.key("note").text(*note_);
    out.end_object();
    return AccessRequest{
        "PATCH", path_of("/secrets", name_.front()), body, join_text("set secret ", name_.front()), {}};
  }

 private:
  std::vector<std::string> name_;
  std::optional<std::string> from_;
  std::optional<std::string> note_;
};

class SecretDelete final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the secret");
    declare_yes(options);
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    return AccessRequest{
        "DELETE",
        path_of("/secrets", name_.front()),
        {},
        join_text("deleted secret ", name_.front()),
        join_text("delete secret ", name_.front(), "; tasks that want it will fail to start")};
  }

 private:
  std::vector<std::string> name_;
};

constexpr CommandSection kObjects = CommandSection::objects;
constexpr CommonOptions kConnection = CommonOptions::connection;

}  // namespace

const Command kSecretListCommand = {"secret list",
                                    kObjects,
                                    kConnection,
                                    "[options]",
                                    "list the project's secrets, without their values",
                                    "muster secret list\n",
                                    &make_body<SecretList>};
const Command kSecretShowCommand = {"secret show",
                                    kObjects,
                                    kConnection,
                                    "[options] NAME",
                                    "show a secret, without its value",
                                    "muster secret show archive-password\n",
                                    &make_body<SecretShow>};
const Command kSecretCreateCommand = {"secret create",
                                      kObjects,
                                      kConnection,
                                      "[options] NAME",
                                      "keep a value that tasks may have and nobody can read",
                                      "muster secret create archive-password < password.txt\n"
                                      "muster secret create aws --from key.json --note 'read only'\n"
                                      "muster submit --secret archive-password=PASSWORD -- ./fetch.sh\n",
                                      &make_body<SecretCreate>};
const Command kSecretSetCommand = {"secret set",
                                   kObjects,
                                   kConnection,
                                   "[options] NAME",
                                   "change a secret's value or note",
                                   "muster secret set archive-password < password.txt\n"
                                   "muster secret set aws --note 'until May'\n",
                                   &make_body<SecretSet>};
const Command kSecretDeleteCommand = {"secret delete",
                                      kObjects,
                                      kConnection,
                                      "[options] NAME",
                                      "delete a secret; tasks that want it fail to start",
                                      "muster secret delete archive-password --yes\n",
                                      &make_body<SecretDelete>};

}  // namespace muster::cli
