// Frames between agent and server: values into columns and back, every length and number checked on the way in.
// Encoding keeps the order of attempts: a new run begins where batch or incarnation (or reason) changes.
#include "wire/agent/agent_codec.h"

#include "core/version.h"
#include "wire/agent/agent.pb.h"
#include "wire/agent/frame.h"
#include "wire/common/task_template_codec.h"

namespace muster::wire {
namespace {

constexpr std::size_t kNameBytes = 4096;
constexpr std::size_t kMessageBytes = 64 * 1024;
constexpr int kGpusMax = 1024;

// ---- facts

void put_facts(const WorkerFacts& facts, agent::WorkerFacts& out) {
  out.set_host(facts.host);
  out.set_boot_id(facts.boot_id);
  out.set_version(facts.version);
  agent::Capacity& capacity = *out.mutable_capacity();
  capacity.set_cpu_slots(facts.capacity.cpu_slots);
  capacity.set_gpu_slots(facts.capacity.gpu_slots);
  capacity.set_cpus(facts.capacity.cpus);
  capacity.set_mem_mb(facts.capacity.mem_mb);
  capacity.set_disk_mb(facts.capacity.disk_mb);
  for (const std::string& gpu : facts.gpus) out.add_gpus(gpu);
  out.set_process_id(facts.process_id);
  if (facts.tasks_are_root) out.set_tasks_are_root(true);
}

Result<WorkerFacts> get_facts(const agent::WorkerFacts& in) {
  if (in.host().size() > kNameBytes || in.boot_id().size() > kNameBytes || in.version().size() > kNameBytes ||
      in.gpus_size() > kGpusMax) {
    return malformed("facts too long");
  }
  WorkerFacts facts;
  facts.host = in.host();
  facts.boot_id = in.boot_id();
  facts.version = in.version();
  facts.capacity = {.cpu_slots = in.capacity().cpu_slots(),
                    .gpu_slots = in.capacity().gpu_slots(),
                    .cpus = in.capacity().cpus(),
                    .mem_mb = in.capacity().mem_mb(),
                    .disk_mb = in.capacity().disk_mb(),
                    .named = {}};
  for (const std::string& gpu : in.gpus()) {
    if (gpu.size() > kNameBytes) return malformed("facts too long");
    facts.gpus.push_back(gpu);
  }
  facts.process_id = in.process_id();
  facts.tasks_are_root = in.tasks_are_root();
  return facts;
}

// ---- runs of attempts

// Appends attempts to runs, opening a new one when the batch or incarnation changes.
class RunWriter {
 public:
  bool starts_run(const AttemptRef& attempt) const {
    return run_ == nullptr || run_->batch() != attempt.batch || run_->incarnation() != attempt.incarnation;
  }
  void open(agent::AttemptRun* run, const AttemptRef& attempt) {
    run_ = run;
    run_->set_batch(attempt.batch);
    run_->set_incarnation(attempt.incarnation);
    last_index_ = 0;
  }
  void add(const AttemptRef& attempt) {
    run_->add_index_steps(static_cast<std::int64_t>(attempt.index - last_index_));
    last_index_ = attempt.index;
    if (attempt.number != 1 && run_->numbers_size() == 0) {
      for (int i = 1; i < run_->index_steps_size(); ++i) run_->add_numbers(1);
    }
    if (attempt.number != 1 || run_->numbers_size() != 0) run_->add_numbers(attempt.number);
  }
  int size() const { return run_->index_steps_size(); }

 private:
  agent::AttemptRun* run_ = nullptr;
  std::uint64_t last_index_ = 0;
};

// Reads one run attempt by attempt.
class RunReader {
 public:
  explicit RunReader(const agent::AttemptRun& run) : run_(run) {}
  bool sizes_fit() const {
    return run_.numbers_size() == 0 || run_.numbers_size() == run_.index_steps_size();
  }
  int size() const { return run_.index_steps_size(); }
  // The attempt at `i`, called for 0, 1, 2 …; false when its index is out of bounds.
  bool next(int i, AttemptRef& out) {
    index_ += static_cast<std::uint64_t>(run_.index_steps(i));
    out = {run_.batch(), index_, run_.numbers_size() == 0 ? 1 : run_.numbers(i), run_.incarnation()};
    return index_ < kIndexLimit;
  }

 private:
  const agent::AttemptRun& run_;
  std::uint64_t index_ = 0;
};

class AttemptBudget {
 public:
  bool take(int count) {
    used_ += static_cast<std::uint64_t>(count);
    return used_ <= kAttemptsPerFrameMax;
  }

 private:
  std::uint64_t used_ = 0;
};

// ---- columns: empty while every value is the usual one; once begun, every row adds to it

template <class Column, class Value>
void put(Column& column, Value value, int row, Value usual = Value{}) {
  if (column.empty() && value == usual) return;
  while (column.size() < row) column.Add(usual);
  column.Add(value);
}

template <class Column>
bool fits_rows(const Column& column, int rows) {
  return column.empty() || column.size() == rows;
}

template <class Column, class Value>
Value at(const Column& column, int row, Value usual) {
  return column.empty() ? usual : static_cast<Value>(column.Get(row));
}

// ---- have

void put_have(const std::vector<Have>& have, agent::AgentMessage& out) {
  RunWriter writer;
  agent::HaveRun* run = nullptr;
  for (const Have& one : have) {
    if (writer.starts_run(one.attempt)) {
      run = out.add_have();
      writer.open(run->mutable_attempts(), one.attempt);
    }
    writer.add(one.attempt);
    put(*run->mutable_phases(), static_cast<std::uint32_t>(one.phase), writer.size() - 1);
  }
}

Result<void> get_have(const agent::HaveRun& run, AttemptBudget& budget, std::vector<Have>& out) {
  RunReader reader(run.attempts());
  if (!reader.sizes_fit() || !fits_rows(run.phases(), reader.size()) || !budget.take(reader.size())) {
    return malformed("columns of different length");
  }
  for (int i = 0; i < reader.size(); ++i) {
    Have have;
    if (!reader.next(i, have.attempt)) return malformed("an index out of range");
    const std::uint32_t phase = at<>(run.phases(), i, std::uint32_t{0});
    if (phase >= kAttemptStates || is_final(static_cast<AttemptState>(phase)))
      return malformed("an unknown phase");
    have.phase = static_cast<AttemptState>(phase);
    out.push_back(have);
  }
  return {};
}

// ---- finished

// Differences of times wrap on both sides, so that no pair of them is undefined.
Micros step_between(Micros before, Micros after) {
  return static_cast<Micros>(static_cast<std::uint64_t>(after) - static_cast<std::uint64_t>(before));
}

void put_finished_row(const Finished& end, Micros& last_started_us, int row, agent::FinishedRun& run) {
  put(*run.mutable_outcomes(), static_cast<std::uint32_t>(end.outcome), row,
      static_cast<std::uint32_t>(AttemptState::succeeded));
  put(*run.mutable_causes(), static_cast<std::uint32_t>(end.cause), row);
  put(*run.mutable_exit_codes(), end.exit_code, row);
  put(*run.mutable_signals(), end.signal, row);
  run.add_started_steps_us(step_between(last_started_us, end.started_wall_us));
  last_started_us = end.started_wall_us;
  run.add_ended_after_start_us(step_between(end.started_wall_us, end.ended_wall_us));
  put(*run.mutable_wall_us(), static_cast<std::uint64_t>(end.usage.wall_us), row);
  put(*run.mutable_user_us(), static_cast<std::uint64_t>(end.usage.user_us), row);
  put(*run.mutable_system_us(), static_cast<std::uint64_t>(end.usage.system_us), row);
  put(*run.mutable_peak_memory_bytes(), end.usage.peak_memory_bytes, row);
  put(*run.mutable_read_bytes(), end.usage.read_bytes, row);
  put(*run.mutable_written_bytes(), end.usage.written_bytes, row);
  put(*run.mutable_stdout_bytes(), end.stdout_bytes, row);
  put(*run.mutable_stderr_bytes(), end.stderr_bytes, row);
  put(*run.mutable_log_cut(), end.log_cut, row);
  if (!end.message.empty() || run.messages_size() != 0) {
    while (run.messages_size() < row) run.add_messages();
    run.add_messages(end.message);
  }
}

void put_finished(const std::vector<Finished>& finished, agent::AgentMessage& out) {
  RunWriter writer;
  agent::FinishedRun* run = nullptr;
  Micros last_started_us = 0;
  for (const Finished& end : finished) {
    if (writer.starts_run(end.attempt)) {
      run = out.add_finished();
      writer.open(run->mutable_attempts(), end.attempt);
      last_started_us = 0;
    }
    writer.add(end.attempt);
    put_finished_row(end, last_started_us, writer.size() - 1, *run);
  }
}

bool columns_fit(const agent::FinishedRun& run, int rows) {
  return fits_rows(run.outcomes(), rows) && fits_rows(run.causes(), rows) &&
         fits_rows(run.exit_codes(), rows) && fits_rows(run.signals(), rows) &&
         fits_rows(run.started_steps_us(), rows) && fits_rows(run.ended_after_start_us(), rows) &&
         fits_rows(run.wall_us(), rows) && fits_rows(run.user_us(), rows) &&
         fits_rows(run.system_us(), rows) && fits_rows(run.peak_memory_bytes(), rows) &&
         fits_rows(run.read_bytes(), rows) && fits_rows(run.written_bytes(), rows) &&
         fits_rows(run.stdout_bytes(), rows) && fits_rows(run.stderr_bytes(), rows) &&
         fits_rows(run.log_cut(), rows) && fits_rows(run.messages(), rows);
}

Micros add_wrapping(Micros left, Micros right) {
  return static_cast<Micros>(static_cast<std::uint64_t>(left) + static_cast<std::uint64_t>(right));
}

Result<void> get_finished_row(const agent::FinishedRun& run, int row, Micros& last_started_us,
                              Finished& end) {
  const std::uint32_t outcome = at(run.outcomes(), row, static_cast<std::uint32_t>(AttemptState::succeeded));
  const std::uint32_t cause = at(run.causes(), row, std::uint32_t{0});
  if (outcome >= kAttemptStates || !is_final(static_cast<AttemptState>(outcome)))
    return malformed("an unknown outcome");
  if (cause >= kCauses) return malformed("an unknown cause");
  end.outcome = static_cast<AttemptState>(outcome);
  end.cause = static_cast<Cause>(cause);
  end.exit_code = at(run.exit_codes(), row, std::int32_t{0});
  end.signal = at(run.signals(), row, std::int32_t{0});
  last_started_us = add_wrapping(last_started_us, at(run.started_steps_us(), row, Micros{0}));
  end.started_wall_us = last_started_us;
  end.ended_wall_us = add_wrapping(last_started_us, at(run.ended_after_start_us(), row, Micros{0}));
  end.usage.wall_us = at(run.wall_us(), row, Micros{0});
  end.usage.user_us = at(run.user_us(), row, Micros{0});
  end.usage.system_us = at(run.system_us(), row, Micros{0});
  end.usage.peak_memory_bytes = at(run.peak_memory_bytes(), row, std::uint64_t{0});
  end.usage.read_bytes = at(run.read_bytes(), row, std::uint64_t{0});
  end.usage.written_bytes = at(run.written_bytes(), row, std::uint64_t{0});
  end.stdout_bytes = at(run.stdout_bytes(), row, std::uint64_t{0});
  end.stderr_bytes = at(run.stderr_bytes(), row, std::uint64_t{0});
  end.log_cut = at(run.log_cut(), row, false);
  if (run.messages_size() != 0) end.message = run.messages(row);
  if (end.message.size() > kMessageBytes) return malformed("a message too long");
  return {};
}

Result<void> get_finished(const agent::FinishedRun& run, AttemptBudget& budget, std::vector<Finished>& out) {
  RunReader reader(run.attempts());
  if (!reader.sizes_fit() || !columns_fit(run, reader.size()) || !budget.take(reader.size())) {
    return malformed("columns of different length");
  }
  Micros last_started_us = 0;
  for (int row = 0; row < reader.size(); ++row) {
    Finished& end = out.emplace_back();
    if (!reader.next(row, end.attempt)) return malformed("an index out of range");
    if (Result<void> got = get_finished_row(run, row, last_started_us, end); !got) return got;
  }
  return {};
}

// ---- grants, stops, forget

void put_grant(const Grant& grant, agent::Grant& out) {
  out.set_template_id(grant.template_id);
  out.set_batch(grant.batch);
  out.set_first_index(grant.first_index);
  if (grant.step != 1) out.set_step(grant.step);
  if (grant.count != 1) out.set_count(grant.count);
  out.set_first_number(grant.first_number);
  if (grant.attempt != 1) out.set_attempt(grant.attempt);
  out.set_incarnation(grant.incarnation);
  for (const GrantSecret& secret : grant.secrets) {
    agent::GrantSecret* one = out.add_secrets();
    one->set_variable(secret.variable);
    one->set_name(secret.name);
    if (secret.problem.empty()) {
      one->set_value(secret.value);
    } else {
      one->set_problem(secret.problem);
    }
  }
  if (grant.fields.empty()) return;
  std::size_t bytes = 0;
  for (const std::string& field : grant.fields) bytes += field.size();
  out.mutable_field_bytes()->reserve(bytes);
  out.mutable_field_lengths()->Reserve(static_cast<int>(grant.fields.size()));
  for (const std::string& field : grant.fields) {
    out.mutable_field_bytes()->append(field);
    out.add_field_lengths(static_cast<std::uint32_t>(field.size()));
  }
}

Result<Grant> get_grant(const agent::Grant& in, AttemptBudget& budget) {
  Grant grant;
  grant.template_id = in.template_id();
  grant.batch = in.batch();
  grant.first_index = in.first_index();
  grant.step = in.step() == 0 ? 1 : in.step();
  grant.count = in.count() == 0 ? 1 : in.count();
  grant.first_number = in.first_number();
  grant.attempt = in.attempt() == 0 ? 1 : in.attempt();
  grant.incarnation = in.incarnation();
  for (const agent::GrantSecret& one : in.secrets()) {
    GrantSecret& secret = grant.secrets.emplace_back();
    secret.variable = one.variable();
    secret.name = one.name();
    secret.problem = one.problem();
    if (secret.problem.empty()) secret.value = one.value();  // one of the two, as it is written
  }
  if (grant.count > kAttemptsPerFrameMax || !budget.take(static_cast<int>(grant.count))) {
    return malformed("too many attempts");
  }
  if (grant.first_index >= kIndexLimit || grant.step >= kIndexLimit ||
      (grant.count - 1) > (kIndexLimit - 1 - grant.first_index) / grant.step) {
    return malformed("an index out of range");
  }
  if (static_cast<std::uint64_t>(in.field_lengths_size()) % grant.count != 0)
    return malformed("a ragged row");
  std::size_t begin = 0;
  grant.fields.reserve(static_cast<std::size_t>(in.field_lengths_size()));
  for (const std::uint32_t length : in.field_lengths()) {
    if (length > in.field_bytes().size() - begin) return malformed("a field past the end");
    grant.fields.push_back(in.field_bytes().substr(begin, length));
    begin += length;
  }
  if (begin != in.field_bytes().size()) return malformed("bytes behind the last field");
  return grant;
}

void put_stops(const std::vector<Stop>& stops, agent::ServerMessage& out) {
  RunWriter writer;
  agent::StopRun* run = nullptr;
  for (const Stop& stop : stops) {
    if (writer.starts_run(stop.attempt) || run->reason() != static_cast<std::uint32_t>(stop.reason)) {
      run = out.add_stops();
      run->set_reason(static_cast<std::uint32_t>(stop.reason));
      writer.open(run->mutable_attempts(), stop.attempt);
    }
    writer.add(stop.attempt);
  }
}

Result<void> get_stops(const agent::StopRun& run, AttemptBudget& budget, std::vector<Stop>& out) {
  RunReader reader(run.attempts());
  if (!reader.sizes_fit() || !budget.take(reader.size())) return malformed("columns of different length");
  if (run.reason() > static_cast<std::uint32_t>(StopReason::recall))
    return malformed("an unknown reason to stop");
  for (int i = 0; i < reader.size(); ++i) {
    Stop stop;
    stop.reason = static_cast<StopReason>(run.reason());
    if (!reader.next(i, stop.attempt)) return malformed("an index out of range");
    out.push_back(stop);
  }
  return {};
}

void put_forget(const std::vector<AttemptRef>& forget, agent::ServerMessage& out) {
  RunWriter writer;
  for (const AttemptRef& attempt : forget) {
    if (writer.starts_run(attempt)) writer.open(out.add_forget(), attempt);
    writer.add(attempt);
  }
}

Result<void> get_forget(const agent::AttemptRun& run, AttemptBudget& budget, std::vector<AttemptRef>& out) {
  RunReader reader(run);
  if (!reader.sizes_fit() || !budget.take(reader.size())) return malformed("columns of different length");
  for (int i = 0; i < reader.size(); ++i) {
    AttemptRef attempt;
    if (!reader.next(i, attempt)) return malformed("an index out of range");
    out.push_back(attempt);
  }
  return {};
}

}  // namespace

std::optional<FrameKind> frame_kind(std::string_view frame_bytes) {
  if (frame_bytes.empty()) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(frame_bytes[0]);
  if (kind < static_cast<std::uint8_t>(FrameKind::hello) ||
      kind > static_cast<std::uint8_t>(FrameKind::program)) {
    return std::nullopt;
  }
  return static_cast<FrameKind>(kind);
}

std::string encode_hello(const AgentHello& hello) {
  OnArena<agent::Hello> out;
  out.message->set_protocol_min(hello.protocol_min);
  out.message->set_protocol_max(hello.protocol_max);
  out.message->set_worker_name(hello.worker_name);
  out.message->set_spool_id(hello.spool_id);
  put_facts(hello.facts, *out.message->mutable_facts());
  return frame(FrameKind::hello, *out.message);
}

Result<AgentHello> decode_hello(std::string_view frame_bytes) {
  OnArena<agent::Hello> in;
  if (!parse(frame_bytes, FrameKind::hello, *in.message)) return malformed("hello");
  if (in.message->worker_name().size() > kNameBytes || in.message->spool_id().size() > kNameBytes) {
    return malformed("a name too long");
  }
  Result<WorkerFacts> facts = get_facts(in.message->facts());
  if (!facts) return std::unexpected(std::move(facts.error()));
  AgentHello hello;
  hello.protocol_min = in.message->protocol_min();
  hello.protocol_max = in.message->protocol_max();
  hello.worker_name = in.message->worker_name();
  hello.spool_id = in.message->spool_id();
  hello.facts = std::move(*facts);
  return hello;
}

std::string encode_welcome(const Welcome& welcome) {
  OnArena<agent::Welcome> out;
  out.message->set_session(welcome.session);
  out.message->set_worker(welcome.worker);
  out.message->set_protocol(welcome.protocol);
  out.message->set_server_version(welcome.server_version);
  return frame(FrameKind::welcome, *out.message);
}

Result<Welcome> decode_welcome(std::string_view frame_bytes) {
  OnArena<agent::Welcome> in;
  if (!parse(frame_bytes, FrameKind::welcome, *in.message) ||
      in.message->server_version().size() > kNameBytes) {
    return malformed("welcome");
  }
  return Welcome{in.message->session(), in.message->worker(), in.message->protocol(),
                 in.message->server_version()};
}

std::string encode_refused(const Refused& refused) {
  OnArena<agent::Refused> out;
  out.message->set_code(refused.code);
  out.message->set_what(refused.what);
  out.message->set_next(refused.next);
  return frame(FrameKind::refused, *out.message);
}

std::string encode_credential(const std::string& token) {
  OnArena<agent::Credential> out;
  out.message->set_token(token);
  return frame(FrameKind::credential, *out.message);
}

Result<std::string> decode_credential(std::string_view frame_bytes) {
  OnArena<agent::Credential> in;
  if (!parse(frame_bytes, FrameKind::credential, *in.message) || in.message->token().empty() ||
      in.message->token().size() > kNameBytes) {
    return malformed("credential");
  }
  return in.message->token();
}

std::string encode_program(const Program& program) {
  OnArena<agent::Program> out;
  out.message->set_version(program.version);
  out.message->set_sha256(program.sha256);
  out.message->set_size(program.size);
  return frame(FrameKind::program, *out.message);
}

Result<Program> decode_program(std::string_view frame_bytes) {
  OnArena<agent::Program> in;
  if (!parse(frame_bytes, FrameKind::program, *in.message) || in.message->sha256().size() != 32 ||
      !is_plain_version(in.message->version())) {
    return malformed("program");
  }
  return Program{in.message->version(), in.message->sha256(), in.message->size()};
}

std::string encode_credential_kept() {
  OnArena<agent::CredentialKept> out;
  return frame(FrameKind::credential_kept, *out.message);
}

Result<Refused> decode_refused(std::string_view frame_bytes) {
  OnArena<agent::Refused> in;
  if (!parse(frame_bytes, FrameKind::refused, *in.message) || in.message->what().size() > kMessageBytes ||
      in.message->next().size() > kMessageBytes || in.message->code().size() > kNameBytes) {
    return malformed("refused");
  }
  return Refused{in.message->code(), in.message->what(), in.message->next()};
}

std::string encode_agent_message(const AgentMessage& message) {
  OnArena<agent::AgentMessage> out;
  out.message->set_session(message.session);
  out.message->set_seq(message.seq);
  out.message->set_seen_seq(message.seen_seq);
  out.message->set_sent_mono_us(message.sent_mono_us);
  out.message->set_full(message.full);
  put_have(message.have, *out.message);
  put_finished(message.finished, *out.message);
  if (message.facts) put_facts(*message.facts, *out.message->mutable_facts());
  return frame(FrameKind::agent_message, *out.message);
}

Result<AgentMessage> decode_agent_message(std::string_view frame_bytes) {
  OnArena<agent::AgentMessage> in;
  if (!parse(frame_bytes, FrameKind::agent_message, *in.message)) return malformed("agent_message");
  AgentMessage message;
  message.session = in.message->session();
  message.seq = in.message->seq();
  message.seen_seq = in.message->seen_seq();
  message.sent_mono_us = in.message->sent_mono_us();
  message.full = in.message->full();
  AttemptBudget budget;
  for (const agent::HaveRun& run : in.message->have()) {
    if (Result<void> got = get_have(run, budget, message.have); !got)
      return std::unexpected(std::move(got.error()));
  }
  for (const agent::FinishedRun& run : in.message->finished()) {
    if (Result<void> got = get_finished(run, budget, message.finished); !got) {
      return std::unexpected(std::move(got.error()));
    }
  }
  if (in.message->has_facts()) {
    Result<WorkerFacts> facts = get_facts(in.message->facts());
    if (!facts) return std::unexpected(std::move(facts.error()));
    message.facts = std::move(*facts);
  }
  return message;
}

std::string encode_server_message(const ServerMessage& message) {
  OnArena<agent::ServerMessage> out;
  out.message->set_session(message.session);
  out.message->set_seq(message.seq);
  out.message->set_echo_sent_mono_us(message.echo_sent_mono_us);
  out.message->set_lease_us(message.lease_us);
  out.message->set_sync_interval_us(message.sync_interval_us);
  if (message.cpu_slots) out.message->set_cpu_slots(*message.cpu_slots);
  if (message.gpu_slots) out.message->set_gpu_slots(*message.gpu_slots);
  for (const auto& [name, amount] : message.named) {
    agent::NamedAmount& one = *out.message->add_named();
    one.set_name(name);
    one.set_amount(amount);
  }
  for (const TemplateDefinition& definition : message.templates) {
    agent::TemplateDefinition& one = *out.message->add_templates();
    one.set_id(definition.id);
    one.set_body(encode_task_template(definition.body));
  }
  for (const Grant& grant : message.grants) put_grant(grant, *out.message->add_grants());
  put_stops(message.stops, *out.message);
  put_forget(message.forget, *out.message);
  return frame(FrameKind::server_message, *out.message);
}

namespace {

Result<void> get_lists(const agent::ServerMessage& in, ServerMessage& message) {
  AttemptBudget budget;
  for (const agent::TemplateDefinition& one : in.templates()) {
    Result<TaskTemplate> body = decode_task_template(one.body());
    if (!body) return std::unexpected(std::move(body.error()));
    message.templates.push_back({one.id(), std::move(*body)});
  }
  for (const agent::Grant& one : in.grants()) {
    Result<Grant> grant = get_grant(one, budget);
    if (!grant) return std::unexpected(std::move(grant.error()));
    message.grants.push_back(std::move(*grant));
  }
  for (const agent::StopRun& run : in.stops()) {
    if (Result<void> got = get_stops(run, budget, message.stops); !got) return got;
  }
  for (const agent::AttemptRun& run : in.forget()) {
    if (Result<void> got = get_forget(run, budget, message.forget); !got) return got;
  }
  return {};
}

}  // namespace

Result<ServerMessage> decode_server_message(std::string_view frame_bytes) {
  OnArena<agent::ServerMessage> in;
  if (!parse(frame_bytes, FrameKind::server_message, *in.message)) return malformed("server_message");
  ServerMessage message;
  message.session = in.message->session();
  message.seq = in.message->seq();
  message.echo_sent_mono_us = in.message->echo_sent_mono_us();
  message.lease_us = in.message->lease_us();
  message.sync_interval_us = in.message->sync_interval_us();
  if (in.message->has_cpu_slots()) message.cpu_slots = in.message->cpu_slots();
  if (in.message->has_gpu_slots()) message.gpu_slots = in.message->gpu_slots();
  for (const agent::NamedAmount& one : in.message->named())
    message.named.emplace_back(one.name(), one.amount());
  if (!normalize(message.named)) return malformed("a named resource");
  if (Result<void> got = get_lists(*in.message, message); !got)
    return std::unexpected(std::move(got.error()));
  return message;
}

}  // namespace muster::wire
