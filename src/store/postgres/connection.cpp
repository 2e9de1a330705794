// Sending and waiting with a deadline of our own: libpq alone would wait for ever for a frozen server.
// Must hold: no password of a URL gets into a message.
#include "store/postgres/connection.h"

#include <poll.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/check.h"
#include "core/failpoint.h"

namespace muster::store::postgres {

namespace {

Micros mono_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Micros>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

// libpq ends its messages with a newline.
std::string trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace

int Parameters::send(PGconn* connection, const char* statement) const {
  std::vector<const char*> values;
  const char* at = bytes_.data();
  for (const int length : lengths_) {
    values.push_back(length < 0 ? nullptr : at);
    at += std::max(length, 0);
  }
  const std::vector<int> formats(lengths_.size(), 1);
  return PQsendQueryPrepared(connection, statement, static_cast<int>(lengths_.size()), values.data(),
                             lengths_.data(), formats.data(), 1);
}

Connection::Connection(const ConnectionOptions& options) : call_us_(options.call_us) {
  const std::string connect_seconds = std::to_string(options.connect_seconds);
  // Defaults first: what the URL says stands after them and wins, but for the encoding, which we depend on.
  const std::array<const char*, 9> names{"connect_timeout",
                                         "tcp_user_timeout",
                                         "keepalives_idle",
                                         "keepalives_interval",
                                         "keepalives_count",
                                         "application_name",
                                         "dbname",
                                         "client_encoding",
                                         nullptr};
  const std::array<const char*, 9> values{connect_seconds.c_str(), "10000", "5",    "2", "3", "muster",
                                          options.url.c_str(),     "UTF8",  nullptr};
  handle_.reset(PQconnectdbParams(names.data(), values.data(), 1));
  if (handle_ == nullptr) throw std::bad_alloc();
  if (PQstatus(handle()) != CONNECTION_OK) {
    throw PostgresError("", true, "PostgreSQL: " + trimmed(PQerrorMessage(handle())));
  }
  PQsetNoticeProcessor(handle(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(handle(), 1);
  if (!options.settings.empty()) execute(options.settings);
}

void Connection::give_up(std::string_view why) {
  const std::string message = "PostgreSQL: " + std::string(why);
  // The socket goes too: an answer that came later would be taken for that of another question.
  handle_.reset();
  throw PostgresError("", true, message);
}

void Connection::fail(const PGresult* answer, std::string_view doing) {
  const char* state = answer == nullptr ? nullptr : PQresultErrorField(answer, PG_DIAG_SQLSTATE);
  const char* message = answer == nullptr ? nullptr : PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
  std::string text = trimmed(message != nullptr ? message : PQerrorMessage(handle()));
  const std::string code = state == nullptr ? "" : state;
  // 57P0x: the server ends, or ends this session. 25P0x: it waited too long for us.
  const bool lost = is_lost() || code.starts_with("57P0") || code.empty();
  throw PostgresError(code, lost,
                      "PostgreSQL: " + text + (code.empty() ? "" : " (" + code + ")") +
                          " in: " + std::string(doing.substr(0, 120)));
}

// Until everything is sent and, if asked for, an answer is there.
void Connection::flush_and_wait(Micros until_us, bool for_answer) {
  for (;;) {
    const int left = PQflush(handle());
    if (left < 0) give_up(trimmed(PQerrorMessage(handle())));
    if (left == 0 && (!for_answer || PQisBusy(handle()) == 0)) return;
    const Micros rest_us = until_us - mono_us();
    pollfd wait{PQsocket(handle()), static_cast<short>(POLLIN | (left > 0 ? POLLOUT : 0)), 0};
    const int ready = rest_us <= 0 ? 0 : poll(&wait, 1, static_cast<int>(rest_us / 1000 + 1));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) give_up("no answer within the time");
    if ((wait.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && PQconsumeInput(handle()) == 0) {
      // What was read before the end may hold the reason, as an answer.
      if (PQisBusy(handle()) == 0) return;
      give_up(trimmed(PQerrorMessage(handle())));
    }
  }
}

Answer Connection::next_answer(Micros until_us) {
  flush_and_wait(until_us, true);
  return Answer(PQgetResult(handle()));
}

void Connection::execute(const std::string& sql) {
  if (handle_ == nullptr) throw PostgresError("", true, "PostgreSQL: the connection was given up");
  if (PQsendQuery(handle(), sql.c_str()) == 0) fail(nullptr, sql);
  const Micros until_us = mono_us() + call_us_;
  Answer failed;
  while (Answer answer = next_answer(until_us)) {
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !failed) failed = std::move(answer);
    if (is_lost()) break;
  }
  if (failed) fail(failed.get(), sql);
}

const std::string& Connection::prepare(const std::string& sql) {
  if (handle_ == nullptr) throw PostgresError("", true, "PostgreSQL: the connection was given up");
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  const std::string name = "s" + std::to_string(prepared_.size());
  if (PQsendPrepare(handle(), name.c_str(), sql.c_str(), 0, nullptr) == 0) fail(nullptr, sql);
  const Micros until_us = mono_us() + call_us_;
  const Answer answer = next_answer(until_us);
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) {
    while (!is_lost() && next_answer(until_us)) continue;
    fail(answer.get(), sql);
  }
  while (next_answer(until_us)) continue;
  return prepared_.emplace(sql, name).first->second;
}

Answer Connection::only_answer(std::string_view doing) {
  const Micros until_us = mono_us() + call_us_;
  Answer answer = next_answer(until_us);
  const ExecStatusType status = PQresultStatus(answer.get());
  while (!is_lost() && next_answer(until_us)) continue;
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(answer.get(), doing);
  return answer;
}

Answer Connection::query(const std::string& sql, const Parameters& parameters) {
  const std::string& name = prepare(sql);
  if (parameters.send(handle(), name.c_str()) == 0) fail(nullptr, sql);
  return only_answer(sql);
}

Answer Connection::query_once(const std::string& sql) {
  if (handle_ == nullptr) throw PostgresError("", true, "PostgreSQL: the connection was given up");
  if (PQsendQueryParams(handle(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) == 0)
    fail(nullptr, sql);
  return only_answer(sql);
}

void Connection::begin_pipeline() {
  if (handle_ == nullptr) throw PostgresError("", true, "PostgreSQL: the connection was given up");
  if (PQenterPipelineMode(handle()) == 0) fail(nullptr, "a pipeline");
}

void Connection::send(const std::string& prepared, const Parameters& parameters) {
  if (parameters.send(handle(), prepared.c_str()) == 0) fail(nullptr, prepared);
}

std::string Connection::end_pipeline() {
  failpoint("postgres.pipeline.before");
  if (PQpipelineSync(handle()) == 0) fail(nullptr, "a pipeline");
  failpoint("postgres.pipeline.sent");
  const Micros until_us = mono_us() + call_us_;
  Answer failed;
  std::string tag;
  for (;;) {
    Answer answer = next_answer(until_us);
    if (answer == nullptr) {
      // Between two statements; twice in a row only when the connection is gone.
      if (is_lost()) break;
      continue;
    }
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) tag = PQcmdStatus(answer.get());
    if (status == PGRES_FATAL_ERROR && !failed) failed = std::move(answer);
    if (is_lost()) {
      if (failed) fail(failed.get(), "a transaction");
      give_up(trimmed(PQerrorMessage(handle())));
    }
  }
  if (!is_lost()) PQexitPipelineMode(handle());
  if (failed) fail(failed.get(), "a transaction");
  if (is_lost()) give_up(trimmed(PQerrorMessage(handle())));
  failpoint("postgres.pipeline.answered");
  return tag;
}

}  // namespace muster::store::postgres
