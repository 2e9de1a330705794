// The loop: everything that is ready, then a turn for what it brought, then wait.
// Front, agents and time post inputs; only the turn touches engine and store.
#include "runtime/server.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "core/failpoint.h"
#include "core/version.h"
#include "front/front.h"
#include "front/tokens.h"
#include "net/server_url.h"
#include "runtime/agent_credentials.h"
#include "runtime/agent_hub.h"
#include "runtime/byte_stream.h"
#include "runtime/clock.h"
#include "runtime/core_dumps.h"
#include "runtime/log_sealer.h"
#include "runtime/own_program.h"
#include "runtime/process_meters.h"
#include "runtime/server_tokens.h"
#include "runtime/turns.h"

namespace muster::runtime {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kHandlersPerTurn = 4096;
constexpr Micros kSecond_us = 1'000'000;
constexpr Micros kFlush_us = 2'000'000;
constexpr Micros kTokenUse_us = 60 * kSecond_us;
constexpr Micros kTokenLook_us = 3600 * kSecond_us;

class Server final : public front::Backend, public TurnEffects, public AgentEvents {
 public:
  Server(const ServerParts& parts, const ServerOptions& options);

  Result<ServerEnd> run();

  // ---- front::Backend
  Now now() const override { return clock_now(); }
  const engine::Engine& engine() const override { return turns_.engine(); }
  History& history() override { return parts_.history; }
  AccessStore& access() override { return parts_.tokens; }
  blobs::LogStore& logs() override { return parts_.logs; }
  const front::ServerFacts& facts() const override { return facts_; }
  front::ServerMeters meters() override;
  void post(Input input, front::ReplyHandler then) override;
  void post_audited(Input input, AuditRow audit, front::ReplyHandler then) override {
    turns_.post(std::move(input), std::move(audit), std::move(then));
  }
  void shut_down(const Principal& who, StopTasks tasks) override;
  std::shared_ptr<const std::string> own_program() override { return own_program_.bytes(); }
  bool load(BatchId batch) override { return turns_.load_batch(batch); }

  // ---- TurnEffects
  void welcome(SessionId session, WorkerId worker) override;
  void send(SessionId session, const ServerMessage& message) override;
  void close(SessionId session, const std::string& why) override;
  void close_all(const std::string& why) override;
  void committed(const Changes& changes) override { front_->committed(changes); }
  void touched(std::span<const BatchId> batches) override;
  void reloaded() override { tokens_->reload(); }
  void seal(std::vector<AuditRow>& rows) override { tokens_->audit().seal(rows); }
  void commit_failed(const std::string& why, bool full) override;

  // ---- AgentEvents
  void agent_hello(SessionId session, const front::Identity& who, AgentHello hello) override;
  void agent_said(AgentMessage message) override;
  bool agent_logs(SessionId session, const wire::LogRecords& records) override;
  void agent_kept_credential(SessionId session) override { credentials_->kept(session, wall_now_us()); }
  void agent_gone(SessionId session) override;

 private:
  Result<void> start();
  AgentCredentials::Doors credential_doors();
  void offer_program(SessionId session, const AgentHello& hello);
  void seal_old_batches();
  void watch_signals();
  void loop();
  void wait(Micros now_us);
  void take_due(Micros now_us);
  void every_second(Micros now_us);
  void look_at_disk();
  bool may_write_log(SessionId session, const AttemptRef& attempt);
  std::uint64_t log_max_of(const AttemptRef& attempt);
  void post_shut_down();
  void end();

  ServerParts parts_;
  const ServerOptions& options_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::signal_set signals_{io_};
  front::ServerFacts facts_;
  Turns turns_;
  std::unique_ptr<ServerTokens> tokens_;
  std::unique_ptr<front::Front> front_;
  std::unique_ptr<AgentCredentials> credentials_;
  OwnProgram own_program_;
  AgentHub hub_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<LogSealer> sealer_;
  WorkerSupervisor supervisor_;

  Micros engine_due_us_ = 0;
  Micros next_second_us_ = 0;
  Micros next_token_look_us_ = 0;
  Micros next_token_use_us_ = 0;
  std::map<TemplateId, std::uint64_t> log_max_;  // of templates seen in logs
  std::map<SessionId, bool> logs_refused_;       // sessions with records that could not be kept
  std::uint64_t log_bytes_ = 0;
  std::uint64_t commits_failed_ = 0;
  std::set<SessionId> lies_told_;  // sessions whose foreign records are in the log once
  std::set<BatchId> logged_;       // batches that wrote something and were not given to the sealer since

  bool ending_ = false;  // somebody wants the end
  bool ended_ = false;   // the wish is fulfilled
  Principal ending_for_;
  StopTasks ending_tasks_ = StopTasks::keep_running;
  std::uint32_t ending_wish_ = 0;  // counts wishes: the answer to an older one means nothing
};

front::FrontOptions front_options(const ServerOptions& options) {
  front::FrontOptions front;
  front.hosts.push_back(options.listen.url_host());
  front.web_files = options.web_files;
  front.any_address = !options.listen.is_loopback();
  front.hosts.insert(front.hosts.end(), options.host_names.begin(), options.host_names.end());
  return front;
}

// How clients on this machine reach it.
net::ServerUrl local_url(const ServerOptions& options, std::uint16_t port) {
  net::ServerUrl url;
  url.host = options.listen.host == "0.0.0.0" ? "127.0.0.1"
             : options.listen.is_any()        ? "::1"
                                              : options.listen.host;
  url.port = port;
  if (options.tls != nullptr) {
    url.scheme = net::Scheme::https;
    url.pin = options.tls->pin();
  }
  return url;
}

// How workers on other machines reach it: by a number, because a name may mean nothing over there.
std::string join_url(const ServerOptions& options, net::ServerUrl url) {
  if (!options.listen.is_any() || options.outer_address.empty()) return url.text();
  url.host = options.outer_address;
  return url.text();
}

Server::Server(const ServerParts& parts, const ServerOptions& options)
    : parts_(parts),
      options_(options),
      turns_(parts.store, options.engine, *this),
      own_program_(options.program, options.version),
      hub_(io_, *this),
      supervisor_(options.folder, options.worker, parts.log) {}

Result<void> Server::start() {
  turns_.load(now());
  facts_.version = options_.version;
  facts_.data_folder = options_.folder.path;
  facts_.store = options_.store_name;
  facts_.started_wall_us = wall_now_us();
  facts_.incarnation = turns_.incarnation();
  tokens_ = std::make_unique<ServerTokens>(parts_.store, parts_.tokens, options_.folder, options_.owner);
  tokens_->keep_first_rows(wall_now_us());
  if (Result<void> kept = tokens_->keep_fresh(wall_now_us()); !kept) return kept;
  credentials_ =
      std::make_unique<AgentCredentials>(tokens_->tokens(), credential_doors(), options_.renew_agents_us);
  front_ = std::make_unique<front::Front>(*this, tokens_->tokens(), tokens_->directory(), tokens_->vault(),
                                          front_options(options_));
  http_ = std::make_unique<HttpServer>(
      io_, *front_,
      [this](ByteStream stream, const front::RequestHead& head, const front::Identity& who) {
        hub_.adopt(std::move(stream), head, who);
      },
      options_.http, options_.tls);
  const Result<std::uint16_t> port = http_->listen(options_.listen);
  if (!port) return std::unexpected(port.error());
  const net::ServerUrl url = local_url(options_, *port);
  facts_.url = url.text();
  facts_.pin = url.pin;
  facts_.join_url = join_url(options_, url);
  sealer_ = std::make_unique<LogSealer>(parts_.logs);
  seal_old_batches();
  look_at_disk();
  failpoint("server.listens");
  // Tokens first: who finds the address finds what opens it.
  return write_file_atomically(options_.folder.url(), url.pinned() + "\n", 0644);
}

// What ended shortly before the last server did may not be compressed yet.
void Server::seal_old_batches() {
  for (const BatchRow& row : parts_.history.batches(Page{0, 1000})) {
    if (is_final(row.state)) sealer_->add(row.id, mono_now_us());
  }
}

AgentCredentials::Doors Server::credential_doors() {
  AgentCredentials::Doors doors;
  doors.write = [this](std::vector<TokenRow> rows, std::function<void()> done) {
    WriteRows input;
    input.rows.tokens = std::move(rows);
    turns_.post(std::move(input), [done = std::move(done)](const ReplyBody& reply) {
      if (!std::holds_alternative<Error>(reply)) done();
    });
  };
  doors.offer = [this](SessionId session, const std::string& token) {
    hub_.offer_credential(session, token);
  };
  return doors;
}

// An older agent is told of this version before it is welcomed or refused: one that speaks no common protocol needs it most.
void Server::offer_program(SessionId session, const AgentHello& hello) {
  if (!options_.upgrade_agents || !is_older_version(hello.facts.version, options_.version)) return;
  const std::optional<wire::Program> program = own_program_.facts();
  if (!program) {
    return parts_.log.warning("no program for agents",
                              {{"file", options_.program}, {"version", hello.facts.version}});
  }
  hub_.offer_program(session, *program);
}

void Server::watch_signals() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.add(SIGHUP);
  const auto next = [this](const auto& again) -> void {
    signals_.async_wait([this, again](const boost::system::error_code& error, int signal) {
      if (error) return;
      const bool everything =
          signal == SIGINT && options_.interrupt == ServerOptions::Interrupt::stops_everything && !ending_;
      parts_.log.info("signal", {{"signal", std::to_string(signal)}});
      shut_down({options_.owner, "default"}, everything ? StopTasks::stop : StopTasks::keep_running);
      again(again);
    });
  };
  next(next);
}

Result<ServerEnd> Server::run() {
  if (Result<void> started = start(); !started) return std::unexpected(started.error());
  watch_signals();
  parts_.log.info("server started", {{"url", facts_.url},
                                     {"data", facts_.data_folder},
                                     {"version", facts_.version},
                                     {"incarnation", std::to_string(facts_.incarnation)}});
  if (options_.ready) options_.ready(facts_.url);
  loop();
  end();
  parts_.log.info("server ended", {{"tasks", ending_tasks_ == StopTasks::stop ? "stopped" : "left running"},
                                   {"requests", std::to_string(http_->requests())},
                                   {"inputs", std::to_string(turns_.handled())},
                                   {"commits", std::to_string(turns_.groups())}});
  return ending_tasks_ == StopTasks::stop ? ServerEnd::everything : ServerEnd::server_alone;
}

void Server::loop() {
  while (!ended_) {
    std::size_t handlers = 0;
    while (handlers < kHandlersPerTurn && io_.poll_one() != 0) ++handlers;
    const Micros now_us = mono_now_us();
    take_due(now_us);
    if (turns_.has_inputs()) {
      turns_.run(now());
      engine_due_us_ = turns_.engine().next_due_us();
    } else if (handlers < kHandlersPerTurn && !hub_.holds_back()) {
      wait(now_us);
    }
    if (!turns_.has_inputs()) hub_.go_on();
  }
}

void Server::wait(Micros now_us) {
  const Micros due_us = std::min({engine_due_us_, front_->next_due_us(), next_second_us_});
  if (due_us > now_us) io_.run_one_for(std::chrono::microseconds(due_us - now_us));
}

void Server::take_due(Micros now_us) {
  if (engine_due_us_ <= now_us) {
    engine_due_us_ = std::numeric_limits<Micros>::max();
    turns_.post(Tick{}, {});
  }
  if (front_->next_due_us() <= now_us) front_->tick();
  if (next_second_us_ <= now_us) {
    next_second_us_ = now_us + kSecond_us;
    every_second(now_us);
  }
}

void Server::every_second(Micros now_us) {
  http_->sweep(now_us);
  front_->every_second();
  hub_.sweep(now_us);
  look_at_disk();
  credentials_->look(wall_now_us());
  if (!ending_) supervisor_.check(now_us);
  if (next_token_use_us_ <= now_us) {
    next_token_use_us_ = now_us + kTokenUse_us;
    WriteRows used;
    used.rows.tokens = tokens_->tokens().take_used();
    if (!used.rows.empty()) turns_.post(std::move(used), {});
  }
  if (next_token_look_us_ <= now_us) {
    next_token_look_us_ = now_us + kTokenLook_us;
    const Result<void> kept = tokens_->keep_fresh(wall_now_us());
    if (!kept) parts_.log.error("tokens not renewed", {{"why", kept.error().what}});
  }
}

void Server::look_at_disk() {
  const SpaceState space = parts_.disk.space();
  if (space == facts_.space) return;
  facts_.space = space;
  turns_.post(DiskSpace{space}, {});
  parts_.log.warning(space == SpaceState::low ? "disk full" : "disk has space");
  if (space == SpaceState::low) return;
  // Agents send again from the last place they were told of.
  for (const auto& [session, refused] : std::exchange(logs_refused_, {})) {
    close(session, "there is room for logs again");
    turns_.post(AgentGone{session}, {});
  }
}

// ---- front::Backend

front::ServerMeters Server::meters() {
  front::ServerMeters meters;
  meters.commit = turns_.commit_times();
  meters.commits_failed = commits_failed_;
  meters.inputs = turns_.handled();
  meters.log_bytes = log_bytes_;
  meters.agents = hub_.sessions();
  meters.clients = http_->connections();
  meters.disk_free_bytes = free_bytes_of(facts_.data_folder);
  meters.process = process_meters();
  return meters;
}

void Server::post(Input input, front::ReplyHandler then) { turns_.post(std::move(input), std::move(then)); }

// The later wish wins only when it hastens the end.
void Server::shut_down(const Principal& who, StopTasks tasks) {
  if (ending_ && tasks == StopTasks::stop) return;
  ending_ = true;
  facts_.ready = false;
  ending_for_ = who;
  ending_tasks_ = tasks;
  ++ending_wish_;
  post_shut_down();
}

void Server::post_shut_down() {
  ShutDown input;
  input.principal = ending_for_;
  input.tasks = ending_tasks_;
  turns_.post(input, [this, wish = ending_wish_](const ReplyBody& reply) {
    if (wish != ending_wish_) return;
    // A commit failed meanwhile: the engine that knew of the wish is gone.
    if (std::holds_alternative<Error>(reply)) return post_shut_down();
    ended_ = true;
  });
}

// ---- TurnEffects

void Server::welcome(SessionId session, WorkerId worker) {
  hub_.welcome({session, worker, kAgentProtocol, options_.version});
}

// The one place where secrets are opened: in a copy that goes to the agent and is wiped.
void Server::send(SessionId session, const ServerMessage& message) {
  const bool has_secrets = std::any_of(message.grants.begin(), message.grants.end(),
                                       [](const Grant& grant) { return !grant.secrets.empty(); });
  if (!has_secrets) return hub_.send(session, message);
  ServerMessage filled = message;
  tokens_->vault().fill(filled);
  hub_.send(session, filled);
  front::wipe(filled);
}

void Server::close(SessionId session, const std::string& why) {
  parts_.log.info("agent connection closed", {{"session", std::to_string(session)}, {"why", why}});
  hub_.close(session, {kServerStartingOrStopping, why, {}});
}

void Server::close_all(const std::string& why) {
  logs_refused_.clear();
  hub_.close_all({kServerStartingOrStopping, why, "connect again"});
}

void Server::touched(std::span<const BatchId> batches) {
  front_->touched(batches);
  for (const BatchId batch : batches) {
    if (!logged_.contains(batch)) continue;
    const std::optional<engine::BatchView> view = turns_.engine().batch(batch);
    if (view && !is_final(view->row.state)) continue;
    sealer_->add(batch, mono_now_us());
    logged_.erase(batch);
  }
}

void Server::commit_failed(const std::string& why, bool full) {
  ++commits_failed_;
  parts_.log.error(full ? "commit refused, disk full" : "commit not confirmed", {{"why", why}});
  if (full) facts_.space = SpaceState::low;
}

// ---- AgentEvents

// A token that is bound to a worker opens nothing for another one.
void Server::agent_hello(SessionId session, const front::Identity& who, AgentHello hello) {
  if (!who.spool_id.empty() && who.spool_id != hello.spool_id) {
    parts_.log.warning("agent refused", {{"session", std::to_string(session)},
                                         {"token", std::to_string(who.token_id)},
                                         {"why", "its token belongs to another worker"}});
    return hub_.close(session, {kNotAllowed, "this token belongs to another worker",
                                "give each worker a token of its own"});
  }
  if (!who.worker.empty()) hello.worker_name = who.worker;
  credentials_->connected(session, who, wall_now_us());
  parts_.log.info("agent connected", {{"session", std::to_string(session)},
                                      {"worker", hello.worker_name},
                                      {"host", hello.facts.host},
                                      {"version", hello.facts.version}});
  offer_program(session, hello);
  failpoint("server.hello");
  // A token that is bound to one folder was handed out to a worker that joined.
  const WorkerPlace place = who.spool_id.empty() ? WorkerPlace::here : WorkerPlace::elsewhere;
  turns_.post(AgentConnected{session, std::move(hello), place, who.owner}, {});
}

void Server::agent_said(AgentMessage message) {
  for (const Finished& end : message.finished) {
    // What did not arrive before the end will not: readers are told of the gap.
    if (end.log_cut) (void)parts_.logs.finish(end.attempt, end.stdout_bytes, end.stderr_bytes);
  }
  turns_.post(AgentSaid{std::move(message)}, {});
}

std::uint64_t Server::log_max_of(const AttemptRef& attempt) {
  const auto view = turns_.engine().task(attempt.task());
  if (!view) return blobs::kLogMaxBytes;
  const auto [found, fresh] = log_max_.try_emplace(view->template_id, blobs::kLogMaxBytes);
  if (fresh) {
    if (log_max_.size() > 4096) log_max_.clear();
    const auto body = parts_.history.task_template(view->template_id);
    if (body != nullptr) return log_max_[view->template_id] = body->log_max_bytes;
  }
  return found->second;
}

// What a worker says of others' attempts, or of none, is thrown away; it is told that it was taken, and goes on.
bool Server::may_write_log(SessionId session, const AttemptRef& attempt) {
  using Owner = engine::Engine::LogOwner;
  const Owner owner = turns_.engine().log_owner(session, attempt);
  const bool allowed = owner == Owner::itself ||
                       (owner == Owner::not_known && parts_.history.batch(attempt.batch).has_value());
  if (allowed || !lies_told_.insert(session).second) return allowed;
  parts_.log.warning("log refused",
                     {{"session", std::to_string(session)},
                      {"task", std::to_string(attempt.batch) + "." + std::to_string(attempt.index)},
                      {"why", "it is not this worker's attempt"}});
  return allowed;
}

bool Server::agent_logs(SessionId session, const wire::LogRecords& records) {
  if (logs_refused_.contains(session)) return false;
  std::vector<blobs::LogAppend> appends;
  appends.reserve(records.records.size());
  AttemptRef last;
  std::uint64_t last_max = blobs::kLogMaxBytes;
  std::vector<BatchId> batches;
  bool allowed = true;
  for (const wire::LogRecordView& record : records.records) {
    if (record.attempt != last) {
      last = record.attempt;
      allowed = may_write_log(session, last);
      if (!allowed) continue;
      last_max = log_max_of(last);
      if (batches.empty() || batches.back() != last.batch) batches.push_back(last.batch);
    }
    if (!allowed) continue;
    log_bytes_ += record.bytes.size();
    appends.push_back(
        {{record.attempt, static_cast<blobs::Stream>(record.stream), record.offset, record.bytes}, last_max});
  }
  failpoint("server.logs.before");
  const Result<void> kept = parts_.logs.append(appends);
  failpoint("server.logs.after");
  if (!kept) {
    parts_.log.error("logs not kept", {{"why", kept.error().what}});
    logs_refused_[session] = true;
    return false;
  }
  for (const BatchId batch : batches) {
    logged_.insert(batch);
    front_->log_grown(batch);
  }
  return true;
}

void Server::agent_gone(SessionId session) {
  credentials_->gone(session);
  logs_refused_.erase(session);
  lies_told_.erase(session);
  turns_.post(AgentGone{session}, {});
  parts_.log.info("agent gone", {{"session", std::to_string(session)}});
}

// ---- the end

// Everybody who waits is told, what is written is sent, and only then the sockets go.
void Server::end() {
  facts_.ready = false;
  unlink(options_.folder.url().c_str());
  http_->stop_accepting();
  front_->close();
  turns_.answer_all(
      {ErrorKind::temporary, kServerStartingOrStopping, "the server went down", "try again when it is back"});
  close_all("the server went down");
  const Micros deadline_us = mono_now_us() + kFlush_us;
  while ((!http_->quiet() || hub_.sessions() != 0) && mono_now_us() < deadline_us) {
    io_.run_one_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<ServerEnd> run_server(const ServerParts& parts, const ServerOptions& options) {
  // A client that leaves early is an error of its connection, not of the process.
  signal(SIGPIPE, SIG_IGN);
  forbid_core_dumps();
  try {
    return Server(parts, options).run();
  } catch (const StoreFull& full) {
    parts.log.error("disk full", {{"why", full.what()}});
    return refuse(ErrorKind::temporary, kDiskFull,
                  std::string("the database cannot be written: ") + full.what(),
                  "make room in the data folder, then start again");
  } catch (const StoreUnknown& unknown) {
    parts.log.error("database failed", {{"why", unknown.what()}});
    return refuse(ErrorKind::temporary, kNoDatabase, std::string("the database failed: ") + unknown.what(),
                  "look at the disk of the data folder, then start again");
  } catch (const StoreDamaged& damaged) {
    parts.log.error("database damaged", {{"why", damaged.what()}});
    return refuse(ErrorKind::wrong_state, kDatabaseDamaged, damaged.what(),
                  "restore a copy of the data folder");
  }
}

}  // namespace muster::runtime
