// `batch list`, `task list`, `attempt list`, `worker list`, `event list`.
// Each is a query, a view and the same printer.
#include <optional>
#include <utility>

#include "cli/commands/commands.h"
#include "cli/following.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"

namespace muster::cli {

namespace {

using client::Document;

std::string only_of(const std::vector<std::string>& words, std::string_view otherwise = {}) {
  return words.empty() ? std::string(otherwise) : words.front();
}

// What the five have in common: --limit and the output options.
class ListBody : public CommandBody {
 public:
  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    client::ListQuery query = this->query();
    query.where = where_;
    // One round trip shows a screen: what `last` meant is seen in the first page.
    bool open = !watch_ && is_settled_by_page(query.selector);
    if (!query.selector.empty() && !open) {
      Result<std::string> pinned = pin_selector(session, query.selector);
      if (!pinned) return std::unexpected(pinned.error());
      query.selector = std::move(*pinned);
    }
    const FetchPage fetch = [&](const std::string& after, std::uint64_t limit) -> Result<Document> {
      query.after = after;
      query.limit = limit;
      const Result<client::Api*> now = session.api();
      if (!now) return std::unexpected(now.error());
      Result<Document> page = this->page(**now, query);
      if (page && std::exchange(open, false))
        query.selector = settled_selector(query.selector, page->root()["items"]);
      return page;
    };
    const bool in_place = watch_ && session.out_terminal().is_terminal;
    const std::optional<std::uint64_t> limit = in_place && !limit_ ? watched_rows() : limit_;
    const auto print = [&]() -> Result<bool> {
      const Result<void> printed = print_list(session, view(), *choice, limit, fetch);
      if (!printed) return std::unexpected(printed.error());
      return true;
    };
    if (watch_) return watch_printed(session, wish_for(query.selector, watched()), print);
    const Result<bool> printed = print();
    if (!printed) return std::unexpected(printed.error());
    return 0;
  }

 protected:
  void declare_limit(Options& options) {
    options.text("--where", "FILTER", where_,
                 "only what matches, as in 'state=failed exit=137' (muster help filters)");
    options.number("--limit", "N", limit_,
                   "at most N, 0 for all; default: 100 in a table on a terminal, else all");
    declare_watch(options, watch_);
    declare_output(options, output_, OutputKind::list);
  }
  virtual Watched watched() const { return Watched::things; }
  virtual const View& view() const = 0;
  virtual client::ListQuery query() const = 0;
  virtual Result<Document> page(client::Api& api, const client::ListQuery& query) const = 0;

 private:
  OutputOptions output_;
  std::string where_;
  std::optional<std::uint64_t> limit_;
  bool watch_ = false;
};

class BatchList final : public ListBody {
 public:
  void declare(Options& options) override {
    options.text("--state", "A,B", states_, "only batches in these states");
    options.text("--name", "NAME", name_, "only batches of this name");
    declare_limit(options);
  }

 protected:
  const View& view() const override { return kBatchView; }
  client::ListQuery query() const override {
    client::ListQuery query;
    query.states = states_;
    query.name = name_;
    return query;
  }
  Result<Document> page(client::Api& api, const client::ListQuery& query) const override {
    return api.batches(query);
  }

 private:
  std::string states_;
  std::string name_;
};

class TaskList final : public ListBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 0, 1, "a batch or some of its tasks, or all; default: last");
    options.text("--state", "A,B", states_, "only tasks in these states");
    declare_limit(options);
  }

 protected:
  Watched watched() const override { return Watched::tasks; }
  const View& view() const override { return kTaskView; }
  client::ListQuery query() const override {
    client::ListQuery query;
    query.selector = only_of(selector_, "last");
    query.states = states_;
    return query;
  }
  Result<Document> page(client::Api& api, const client::ListQuery& query) const override {
    return api.tasks(query);
  }

 private:
  std::vector<std::string> selector_;
  std::string states_;
};

class AttemptList final : public ListBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 0, 1, "a task, or a batch; default: last");
    declare_limit(options);
  }

 protected:
  Watched watched() const override { return Watched::tasks; }
  const View& view() const override { return kAttemptView; }
  client::ListQuery query() const override {
    client::ListQuery query;
    query.selector = only_of(selector_, "last");
    return query;
  }
  Result<Document> page(client::Api& api, const client::ListQuery& query) const override {
    return api.attempts(query);
  }

 private:
  std::vector<std::string> selector_;
};

class WorkerList final : public ListBody {
 public:
  void declare(Options& options) override { declare_limit(options); }

 protected:
  const View& view() const override { return kWorkerView; }
  client::ListQuery query() const override { return {}; }
  Result<Document> page(client::Api& api, const client::ListQuery& query) const override {
    return api.workers(query);
  }
};

class EventList final : public ListBody {
 public:
  void declare(Options& options) override {
    options.positional("BATCH", selector_, 0, 1, "only events of this batch; default: all");
    declare_limit(options);
  }

 protected:
  const View& view() const override { return kEventView; }
  client::ListQuery query() const override {
    client::ListQuery query;
    query.selector = only_of(selector_);
    return query;
  }
  Result<Document> page(client::Api& api, const client::ListQuery& query) const override {
    return api.events(query);
  }

 private:
  std::vector<std::string> selector_;
};

}  // namespace

const Command kBatchListCommand = {"batch list",
                                   CommandSection::objects,
                                   CommonOptions::connection,
                                   "[options]",
                                   "list batches, newest first",
                                   "muster batch list --state running,waiting\n"
                                   "muster batch list --name align -o json\n",
                                   &make_body<BatchList>};

const Command kTaskListCommand = {"task list",
                                  CommandSection::objects,
                                  CommonOptions::connection,
                                  "[options] [SELECTOR]",
                                  "list the tasks of a batch",
                                  "muster task list 42 --state failed\n"
                                  "muster task list 42.1-500 --columns id,exit_code,message\n"
                                  "muster task list all --where 'cause=oom ended=1d+'\n"
                                  "muster task list -q --state failed     # their ids, for a script\n",
                                  &make_body<TaskList>};

const Command kAttemptListCommand = {"attempt list",
                                     CommandSection::objects,
                                     CommonOptions::connection,
                                     "[options] [SELECTOR]",
                                     "list every try of a task or of a whole batch, oldest first",
                                     "muster attempt list 42.17\n"
                                     "muster attempt list 42 -o csv > usage.csv\n",
                                     &make_body<AttemptList>};

const Command kWorkerListCommand = {"worker list",
                                    CommandSection::objects,
                                    CommonOptions::connection,
                                    "[options]",
                                    "list the machines that tasks run on",
                                    "muster worker list\n"
                                    "muster worker list -o wide\n",
                                    &make_body<WorkerList>};

const Command kEventListCommand = {"event list",
                                   CommandSection::objects,
                                   CommonOptions::connection,
                                   "[options] [BATCH]",
                                   "list what happened, newest first",
                                   "muster event list 42\n"
                                   "muster event list --limit 20 -o jsonl\n",
                                   &make_body<EventList>};

}  // namespace muster::cli
