// What the commands about users, tokens and projects have in common: one list, one thing, one change.
// A change that takes something away asks first, unless it is told not to.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/commands.h"
#include "cli/output_options.h"
#include "cli/printer.h"
#include "client/api.h"

namespace muster::cli {

// `muster OBJECT list`: all rows of a route.
class AccessList : public CommandBody {
 public:
  AccessList(std::string_view path, const View& view) : path_(path), view_(view) {}
  void declare(Options& options) override;
  Result<int> run(Session& session) override;

 protected:
  virtual client::ListQuery query() const { return {}; }

 private:
  std::string path_;
  const View& view_;
  OutputOptions output_;
  std::optional<std::uint64_t> limit_;
  bool watch_ = false;
};

// `muster OBJECT show`: one thing, read from its route by name.
class AccessShow : public CommandBody {
 public:
  AccessShow(std::string_view route, const View& view) : route_(route), view_(view) {}
  Result<int> run(Session& session) override;

 protected:
  void declare_output_and_watch(Options& options);
  std::vector<std::string> name_;

 private:
  OutputOptions output_;
  bool watch_ = false;
  std::string route_;
  const View& view_;
};

// A change: the request, what is said afterwards, and what is asked before.
struct AccessRequest {
  std::string method;
  std::string path;
  std::string body;
  std::string done;      // "made user ada"
  std::string question;  // empty: nothing is asked
};

class AccessChange : public CommandBody {
 public:
  Result<int> run(Session& session) override;

 protected:
  void declare_change(Options& options);
  void declare_yes(Options& options);
  virtual Result<AccessRequest> request(Session& session) = 0;
  // The answer, for people; `done` is the sentence.
  virtual void say(Session& session, const client::Json& answer, const std::string& done);

  bool dry_run_ = false;

 private:
  Result<bool> confirmed(Session& session, const AccessRequest& request) const;
  OutputOptions output_;
  bool yes_ = false;
};

// What the event stream says nothing of: printed once, or again whenever it has changed.
Result<int> print_or_watch(Session& session, bool watch, const std::function<Result<bool>()>& print);

// A path of the API with one name in it.
std::string path_of(std::string_view route, std::string_view name);

}  // namespace muster::cli
