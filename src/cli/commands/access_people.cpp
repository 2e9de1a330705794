// `muster user …` and `muster project …`: who may come in, and where their work is kept apart.
// A role is always held in a project; '*' means every one.
#include "cli/access_body.h"
#include "client/text.h"
#include "core/role.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

using client::join_text;

class UserList final : public AccessList {
 public:
  UserList() : AccessList("/users", kUserView) {}
};

class ProjectList final : public AccessList {
 public:
  ProjectList() : AccessList("/projects", kProjectView) {}
};

class UserShow final : public AccessShow {
 public:
  UserShow() : AccessShow("/users", kUserView) {}
  void declare(Options& options) override {
    options.positional("NAME", name_, 0, 1, "the user; default: yourself");
    declare_output_and_watch(options);
  }
};

class ProjectShow final : public AccessShow {
 public:
  ProjectShow() : AccessShow("/projects", kProjectView) {}
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the project");
    declare_output_and_watch(options);
  }
};

void write_roles(wire::JsonWriter& out, const std::vector<std::string>& projects, std::string_view role,
                 const std::vector<std::string>& taken) {
  if (role.empty() && taken.empty()) return;
  out.key("roles").begin_object();
  if (!role.empty()) {
    for (const std::string& project : projects) out.key(project).text(role);
  }
  for (const std::string& project : taken) out.key(project).text("none");
  out.end_object();
}

class UserCreate final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "letters, digits and . _ @ -");
    options.choice("--role", kRolesToGive, role_, "what they may do; default: submitter");
    options.texts("--in", "PROJECT", projects_, "where; '*' is every project; default: default");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    if (projects_.empty()) projects_ = {"default"};
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object().key("name").text(name_.front());
    write_roles(out, projects_, role_, {});
    out.end_object();
    return AccessRequest{"POST", "/users", body, join_text("made user ", name_.front()), {}};
  }
  void say(Session& session, const client::Json& answer, const std::string& done) override {
    AccessChange::say(session, answer, done);
    if (!dry_run_) session.note(join_text("  next:  muster token create --user ", name_.front()));
  }

 private:
  std::vector<std::string> name_;
  std::string role_ = "submitter";
  std::vector<std::string> projects_;
};

class UserSet final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the user");
    options.choice("--role", kRolesToGive, role_, "what they may do in the projects of --in");
    options.texts("--in", "PROJECT", projects_,
                  "where the role holds; '*' is every project; default: default");
    options.texts("--not-in", "PROJECT", taken_, "they have no role there any more");
    options.flag("--disable", disable_, "they may not come in, whatever their tokens say");
    options.flag("--enable", enable_, "they may come in again");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    if (disable_ && enable_) {
      return refuse(ErrorKind::usage, kMalformedValue, "--disable and --enable contradict each other");
    }
    if (!projects_.empty() && role_.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "--in says where, but not what they may do there",
                    "add --role viewer, submitter, operator or admin");
    }
    if (role_.empty() && taken_.empty() && !disable_ && !enable_) {
      return refuse(ErrorKind::usage, kMalformedValue, "nothing to set",
                    "one of --role, --not-in, --disable, --enable");
    }
    if (projects_.empty()) projects_ = {"default"};
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object();
    write_roles(out, projects_, role_, taken_);
    if (disable_ || enable_) out.key("disabled").flag(disable_);
    out.end_object();
    return AccessRequest{
        "PATCH", path_of("/users", name_.front()), body, join_text("set user ", name_.front()), {}};
  }

 private:
  std::vector<std::string> name_;
  std::string role_;
  std::vector<std::string> projects_;
  std::vector<std::string> taken_;
  bool disable_ = false;
  bool enable_ = false;
};

class UserDelete final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the user");
    declare_yes(options);
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    return AccessRequest{"DELETE",
                         path_of("/users", name_.front()),
                         {},
                         join_text("removed user ", name_.front()),
                         join_text("remove user ", name_.front(), " and revoke all their tokens")};
  }

 private:
  std::vector<std::string> name_;
};

class ProjectCreate final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "letters, digits and . _ @ -");
    options.text("--note", "TEXT", note_, "what it is for");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object().key("name").text(name_.front()).key("note").text(note_).end_object();
    return AccessRequest{"POST", "/projects", body, join_text("made project ", name_.front()), {}};
  }
  void say(Session& session, const client::Json& answer, const std::string& done) override {
    AccessChange::say(session, answer, done);
    if (!dry_run_)
      session.note(join_text("  next:  muster user create NAME --role submitter --in ", name_.front()));
  }

 private:
  std::vector<std::string> name_;
  std::string note_;
};

class ProjectSet final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the project");
    options.text("--note", "TEXT", note_, "what it is for");
    options.flag("--close", close_, "it takes no new work");
    options.flag("--open", open_, "it takes work again");
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    if (close_ && open_) {
      return refuse(ErrorKind::usage, kMalformedValue, "--close and --open contradict each other");
    }
    if (!note_ && !close_ && !open_) {
      return refuse(ErrorKind::usage, kMalformedValue, "nothing to set", "one of --note, --close, --open");
    }
    std::string body;
    wire::JsonWriter out(body);
    out.begin_object();
    if (note_) out.key("note").text(*note_);
    if (close_ || open_) out.key("closed").flag(close_);
    out.end_object();
    return AccessRequest{
        "PATCH", path_of("/projects", name_.front()), body, join_text("set project ", name_.front()), {}};
  }

 private:
  std::vector<std::string> name_;
  std::optional<std::string> note_;
  bool close_ = false;
  bool open_ = false;
};

class ProjectDelete final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the project; it holds no batches");
    declare_yes(options);
    declare_change(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    return AccessRequest{"DELETE",
                         path_of("/projects", name_.front()),
                         {},
                         join_text("removed project ", name_.front()),
                         join_text("remove project ", name_.front())};
  }

 private:
  std::vector<std::string> name_;
};

constexpr CommandSection kObjects = CommandSection::objects;
constexpr CommonOptions kConnection = CommonOptions::connection;

}  // namespace

const Command kUserListCommand = {
    "user list",         kObjects, kConnection, "[options]", "list who may come in", "muster user list\n",
    &make_body<UserList>};
const Command kUserShowCommand = {"user show",
                                  kObjects,
                                  kConnection,
                                  "[options] [NAME]",
                                  "show a user and their roles, or yourself",
                                  "muster user show          # what may I do?\n",
                                  &make_body<UserShow>};
const Command kUserCreateCommand = {"user create",
                                    kObjects,
                                    kConnection,
                                    "[options] NAME",
                                    "let a person in",
                                    "muster user create ada --role submitter --in atlas\n"
                                    "muster user create mel --role admin --in '*'\n",
                                    &make_body<UserCreate>};
const Command kUserSetCommand = {"user set",
                                 kObjects,
                                 kConnection,
                                 "[options] NAME",
                                 "change a user's roles, or shut them out",
                                 "muster user set ada --role operator --in atlas\n"
                                 "muster user set ada --disable\n",
                                 &make_body<UserSet>};
const Command kUserDeleteCommand = {"user delete",
                                    kObjects,
                                    kConnection,
                                    "[options] NAME",
                                    "remove a user and revoke their tokens",
                                    "muster user delete ada --yes\n",
                                    &make_body<UserDelete>};
const Command kProjectListCommand = {"project list",
                                     kObjects,
                                     kConnection,
                                     "[options]",
                                     "list the projects that you may look into",
                                     "muster project list\n",
                                     &make_body<ProjectList>};
const Command kProjectShowCommand = {"project show",         kObjects,         kConnection,
                                     "[options] NAME",       "show a project", "muster project show atlas\n",
                                     &make_body<ProjectShow>};
const Command kProjectCreateCommand = {
    "project create",         kObjects,         kConnection,
    "[options] NAME",         "make a project", "muster project create atlas --note 'the big one'\n",
    &make_body<ProjectCreate>};
const Command kProjectSetCommand = {"project set",
                                    kObjects,
                                    kConnection,
                                    "[options] NAME",
                                    "change a project's note, or close it",
                                    "muster project set atlas --close\n",
                                    &make_body<ProjectSet>};
const Command kProjectDeleteCommand = {"project delete",
                                       kObjects,
                                       kConnection,
                                       "[options] NAME",
                                       "remove a project that holds nothing",
                                       "muster project delete atlas --yes\n",
                                       &make_body<ProjectDelete>};

}  // namespace muster::cli
