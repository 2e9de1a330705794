// Every route of the native API as one call: arguments in, the server's document or one Error out.
// Nothing is retried here; who waits for an absent server is client/patience.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.h"
#include "client/http_connection.h"
#include "client/json.h"
#include "client/sse.h"
#include "core/error.h"

namespace muster::client {

// What a submission carries beside its items; unset numbers are left to the server's defaults.
struct Submission {
  std::vector<std::string> command;
  std::optional<std::string> shell;
  std::string name;
  std::string batch;
  std::string array;
  std::optional<std::uint64_t> slots, gpus, cpus, mem_mb, disk_mb, retries, max_running, log_max_bytes;
  std::optional<std::int64_t> time_us, grace_us, priority;
  std::vector<std::string> after, after_any, after_each;
  std::vector<std::pair<std::string, std::string>> environment, labels, on;
  std::vector<std::pair<std::string, std::string>> secrets;  // variable, name
  std::vector<std::pair<std::string, std::uint64_t>> use;
  bool exclusive = false;
  std::string cwd;
  std::string rerun;
  bool held = false;
  bool closed = false;
  bool dry_run = false;
};
// One line of JSON; every text has to be UTF-8.
std::string submission_json(const Submission& submission);

struct ListQuery {
  std::string selector;
  std::string states;  // "failed,running"; empty: all
  std::string where;   // a filter; empty: none
  std::string name;
  std::string user;
  std::uint64_t limit = 100;
  std::string after;  // the cursor of the page before
};

enum class Verb : std::uint8_t { cancel, hold, release, retry, set };
std::string_view to_text(Verb verb);

struct Change {
  std::vector<std::string> selectors;
  std::string where;  // of them, the tasks that match this; empty: all
  std::string key;    // the same key with the same change gives the same answer; empty: none
  std::string reason;
  bool dry_run = false;
  // Of retry and set only.
  std::optional<std::uint64_t> slots, gpus, cpus, mem_mb, disk_mb, retries;
  std::optional<std::int64_t> time_us;
  std::vector<std::pair<std::string, std::string>> environment;
};

// A change in the background, as it is now.
struct OperationLook {
  std::uint64_t id = 0;
  std::uint64_t tasks = 0, looked = 0, matched = 0;
  std::optional<Document> result;  // it is done
  std::optional<Error> problem;    // it was refused, or failed
};

struct BatchSettings {
  std::optional<std::int64_t> priority;
  std::optional<std::uint64_t> max_running;
  std::optional<bool> closed;
  std::string name;
  bool dry_run = false;
};

struct WorkerSettings {
  std::string name;  // the new one; empty: as it is
  std::optional<std::uint64_t> slots, gpu_slots;
  std::optional<std::vector<std::pair<std::string, std::string>>> labels;
  std::optional<std::vector<std::pair<std::string, std::uint64_t>>> offers;
  std::optional<std::string> serves;  // empty: everything
  std::optional<std::int64_t> lease_us;
  bool dry_run = false;
};

struct WorkerChange {
  std::string reason;
  bool dry_run = false;
};

// Everything is said anew.
struct LimitSettings {
  std::optional<std::uint64_t> max_running, max_cpus, weight;
  bool dry_run = false;
};

struct LogQuery {
  std::string selector;
  std::string stream;  // stdout, stderr, both
  std::string from;    // a byte number, or what the page before gave as next
  std::optional<std::uint64_t> tail_bytes;
  std::uint64_t limit_bytes = 1 << 20;
  std::uint64_t wait_s = 0;
};

struct LogPage {
  std::string bytes;
  std::uint64_t start = 0;  // the place of the first byte
  std::string next;         // pass as `from`
  std::string attempt;      // "42.17#2"; empty when there is none yet
  bool final = false;       // nothing will follow `next`
  bool cut = false;         // the middle of the log was thrown away at --log-max
};

// What to be told of; see docs/manual/events.md.
struct EventWish {
  std::string batch;                  // a selector; empty: everything in the project
  bool tasks = false;                 // of that batch: which tasks changed
  std::string after;                  // the id heard last
  std::int64_t pulse_us = 1'000'000;  // how often `take` is called when nothing comes
};

class Api {
 public:
  Api(Endpoint endpoint, int interrupt_descriptor);

  const Endpoint& endpoint() const { return endpoint_; }

  Result<Document> submit(const Submission& submission, std::string_view key);
  // The same with items of a kind ("lines", "lines0", "tsv", "csv", "jsonl"), read while they are sent.
  Result<Document> submit_items(const Submission& submission, std::string_view key, std::string_view kind,
                                BodySource items);

  Result<Document> batches(const ListQuery& query);
  Result<Document> batch(std::string_view selector);
  Result<Document> set_batch(std::string_view selector, const BatchSettings& settings);
  Result<Document> tasks(const ListQuery& query);
  Result<Document> task(std::string_view selector);
  Result<Document> task_spec(std::string_view selector);
  Result<Document> attempts(const ListQuery& query);
  Result<Document> attempt(std::string_view selector);
  Result<Document> workers(const ListQuery& query);
  Result<Document> worker(std::string_view name);
  Result<Document> set_worker(std::string_view name, const WorkerSettings& settings);
  Result<Document> create_worker(const WorkerSettings& settings);
  // `verb` is pause, resume, drain, lost or remove.
  Result<Document> change_worker(std::string_view name, std::string_view verb, const WorkerChange& change);
  Result<Document> limits();
  Result<Document> set_limit(std::string_view name, const LimitSettings& settings);
  Result<Document> events(const ListQuery& query);
  // Until `take` says false. An Error when the stream ends otherwise: the server went away, or refuses.
  Result<void> follow(const EventWish& wish, const std::function<bool(const StreamMessage&)>& take);
  Result<Document> change(Verb verb, const Change& change);
  // The same, answered at once; operation() says how far it is. kNoSuchThing of one that the server does not know any more.
  Result<OperationLook> begin_change(Verb verb, const Change& change);
  Result<OperationLook> operation(std::uint64_t id);
  // The tasks that match, as selectors that go on meaning them.
  Result<Document> select(const std::vector<std::string>& selectors, std::string_view where);
  Result<Document> status();
  // Of a selector or of a worker, whichever is not empty.
  Result<Document> explain(std::string_view selector, std::string_view worker);
  Result<Document> failures(std::string_view selector, std::string_view where);
  // Any other route below /api/v1 (users, tokens, projects, the audit log); `path` begins with '/' and is encoded.
  Result<Document> read(std::string_view path);
  Result<Document> page(std::string_view path, const ListQuery& query);
  Result<Document> write(std::string method, std::string_view path, std::string body);
  // Answers when all tasks are final, or after `timeout_us`.
  Result<Document> wait(const std::vector<std::string>& selectors, std::int64_t timeout_us);
  Result<LogPage> logs(const LogQuery& query);
  Result<Document> shut_down(bool keep_running);
  Result<Document> invite(std::int64_t ttl_us, std::string_view name);
  // A link that signs one browser in, as whoever asks.
  Result<Document> link(std::int64_t ttl_us);
  // With a join token: the credential of this worker.
  Result<Document> join(std::string_view spool_id, std::string_view name);
  // The server's own program.
  Result<std::string> program();

  // True when the last error came from the connection, not from the server's answer, or says that the server starts or stops:
  // the same call can succeed later.
  bool server_was_away() const { return away_; }
  // True when the last request may have been carried out although its answer is not known.
  bool outcome_unknown() const { return outcome_unknown_; }

 private:
  void complete(HttpRequest& request) const;
  Result<HttpResponse> exchange(HttpRequest request);
  Result<Document> document(HttpRequest request);
  Result<Document> get(std::string target);
  Result<Document> send(std::string method, std::string target, std::string body);
  Error explain(const TransportError& error);

  Endpoint endpoint_;
  HttpConnection connection_;
  bool away_ = false;
  bool outcome_unknown_ = false;
};

}  // namespace muster::client
