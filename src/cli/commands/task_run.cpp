// `task run --by-hand`: a shell on this machine in the folder, with the variables and the memory limit of a task.
// The shell takes the place of this process; nothing of it is known to the server.
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/commands/commands.h"
#include "cli/session.h"
#include "client/api.h"
#include "client/json.h"
#include "client/text.h"
#include "core/command.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

class TaskRun final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 1, 1, "one task");
    options.flag("--by-hand", by_hand_, "open a shell in which the task's own command can be tried");
  }

  Result<int> run(Session& session) override {
    if (!by_hand_) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "a task is run by workers; here it is only run by hand",
                    join_text("open its shell:  muster task run ", selector_.front(),
                              " --by-hand     again on a worker:  muster retry ", selector_.front()));
    }
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> spec = (*api)->task_spec(selector_.front());
    if (!spec) return std::unexpected(spec.error());
    if (const Result<void> ready = enter(session, spec->root()); !ready)
      return std::unexpected(ready.error());
    say(session, spec->root());
    session.out().flush();
    const char* const own = getenv("SHELL");
    const std::string shell = own != nullptr && *own == '/' ? own : "/bin/sh";
    char* const words[] = {const_cast<char*>(shell.c_str()), nullptr};
    execv(shell.c_str(), words);
    return refuse(ErrorKind::wrong_state, kWrongState,
                  join_text("the shell ", escape_text(shell), " cannot be started: ", strerror(errno)),
                  "name another one in SHELL");
  }

 private:
  // The folder, the variables, the limit: of this process, and so of the shell that takes its place.
  static Result<void> enter(Session& session, const Json& spec) {
    const std::string cwd(spec["cwd"].text());
    if (!cwd.empty() && chdir(cwd.c_str()) != 0) {
      return refuse(ErrorKind::wrong_state, kTaskFolderMissing,
                    join_text("the task runs in ", escape_text(cwd),
                              ", which cannot be entered here: ", strerror(errno)),
                    "call this on a machine that has the folder");
    }
    const Json variables = spec["env"];
    for (std::size_t i = 0; i < variables.size(); ++i)
      setenv(std::string(variables.key(i)).c_str(), std::string(variables.at(i).text()).c_str(), 1);
    const std::uint64_t mem_mb = spec["resources"]["mem_mb"].number();
    if (mem_mb == 0) return {};
    rlimit limit{};
    if (getrlimit(RLIMIT_DATA, &limit) == 0) {
      const rlim_t wanted = mem_mb << 20;
      if (limit.rlim_max == RLIM_INFINITY || wanted <= limit.rlim_max) limit.rlim_cur = wanted;
      if (setrlimit(RLIMIT_DATA, &limit) != 0) session.note("the memory limit could not be set");
    }
    return {};
  }

  static void say(Session& session, const Json& spec) {
    const std::string_view cwd = spec["cwd"].text();
    session.note(join_text("the shell of ", spec["id"].text(), " in ",
                           cwd.empty() ? "this folder (the task has a fresh one)" : cwd,
                           "; leave it with exit"));
    session.note(join_text("  its command:  ", spec["command"].text()));
    std::string limits;
    if (const std::uint64_t mem_mb = spec["resources"]["mem_mb"].number(); mem_mb > 0)
      limits = join_text("memory ", format_memory_mb(mem_mb), " (of data, for each process)");
    if (spec["time_limit_s"].is_number())
      limits += join_text(limits.empty() ? "" : ", ", "time ",
                          format_duration(static_cast<std::int64_t>(spec["time_limit_s"].real() * 1e6)),
                          " (not kept here)");
    if (!limits.empty()) session.note(join_text("  its limits:   ", limits));
    session.note("  not here:     secrets, GPUs and slots that a worker would give it");
  }

  std::vector<std::string> selector_;
  bool by_hand_ = false;
};

}  // namespace

const Command kTaskRunCommand = {"task run",
                                 CommandSection::objects,
                                 CommonOptions::connection,
                                 "--by-hand SELECTOR",
                                 "open a shell with a task's folder, variables and memory limit",
                                 "muster task run 42.118 --by-hand\n",
                                 &make_body<TaskRun>};

}  // namespace muster::cli
