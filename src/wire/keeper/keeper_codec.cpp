// Encoding and decoding of keeper messages over one protobuf arena each.
// Nothing here trusts a length, an enumerator or a time of the other side.
#include "wire/keeper/keeper_codec.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "wire/keeper/keeper.pb.h"

namespace muster::wire {
namespace {

constexpr std::size_t kLengthBytes = 4;
// Frames are closed when they pass this size, so that a reader never has to hold much.
constexpr std::size_t kFrameBytesAim = 1ULL << 20;

template <class T>
struct OnArena {
  google::protobuf::Arena arena;
  T* message = google::protobuf::Arena::CreateMessage<T>(&arena);
  T* operator->() { return message; }
  T& operator*() { return *message; }
};

std::unexpected<Error> malformed(const char* what) {
  return refuse(ErrorKind::usage, kMalformedBody,
                std::string("a message between agent and keeper is malformed: ") + what,
                "muster processes of one version understand each other");
}

template <class T>
void append_message(const T& message, std::string& out) {
  const std::size_t bytes = message.ByteSizeLong();
  MUSTER_CHECK(bytes <= kKeeperMessageBytesMax, "a keeper message fits its frame");
  const std::size_t at = out.size();
  out.resize(at + bytes);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data()) + at);
}

template <class T>
void append_frame(const T& message, std::string& out) {
  const std::size_t at = out.size();
  out.resize(at + kLengthBytes);
  append_message(message, out);
  const std::size_t bytes = out.size() - at - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) out[at + i] = static_cast<char>((bytes >> (8 * i)) & 0xff);
}

template <class T>
bool parse(std::string_view message, T& into) {
  return message.size() <= kKeeperMessageBytesMax &&
         into.ParseFromArray(message.data(), static_cast<int>(message.size()));
}

void put(const AttemptRef& attempt, keeper::Attempt& out) {
  out.set_batch(attempt.batch);
  out.set_index(attempt.index);
  out.set_number(attempt.number);
  out.set_incarnation(attempt.incarnation);
}

AttemptRef get(const keeper::Attempt& in) { return {in.batch(), in.index(), in.number(), in.incarnation()}; }

std::size_t put(const KeeperStart& start, keeper::Start& out) {
  put(start.attempt, *out.mutable_attempt());
  out.set_in_run_queue(start.when == StartWhen::in_run_queue);
  std::size_t bytes = start.cwd.size() + start.scratch.size() + start.note.size() + 64;
  for (const std::string& argument : start.arguments) {
    out.add_arguments(argument);
    bytes += argument.size() + 4;
  }
  for (const auto& [name, value] : start.environment) {
    std::string* both = out.add_environment();
    both->reserve(name.size() + value.size() + 1);
    both->append(name).append(1, '=').append(value);
    bytes += both->size() + 4;
  }
  out.set_cwd(start.cwd);
  out.set_scratch(start.scratch);
  out.set_time_limit_us(start.time_limit_us);
  out.set_grace_us(start.grace_us);
  out.set_mem_mb(start.mem_mb);
  out.set_log_max_bytes(start.log_max_bytes);
  out.set_records_first(start.records_first);
  out.set_note(start.note);
  return bytes;
}

Result<void> get(keeper::Start& in, KeeperStart& start) {
  if (in.time_limit_us() < 0 || in.grace_us() < 0) return malformed("a negative time");
  start.attempt = get(in.attempt());
  start.when = in.in_run_queue() ? StartWhen::in_run_queue : StartWhen::at_once;
  start.arguments.reserve(static_cast<std::size_t>(in.arguments_size()));
  for (std::string& argument : *in.mutable_arguments()) start.arguments.push_back(std::move(argument));
  start.environment.reserve(static_cast<std::size_t>(in.environment_size()));
  for (const std::string& both : in.environment()) {
    const std::size_t equals = both.find('=');
    if (equals == std::string::npos) return malformed("a variable without a value");
    start.environment.emplace_back(both.substr(0, equals), both.substr(equals + 1));
  }
  start.cwd = std::move(*in.mutable_cwd());
  start.scratch = std::move(*in.mutable_scratch());
  start.time_limit_us = in.time_limit_us();
  start.grace_us = in.grace_us();
  start.mem_mb = in.mem_mb();
  start.log_max_bytes = in.log_max_bytes();
  start.records_first = in.records_first();
  start.note = std::move(*in.mutable_note());
  return {};
}

std::size_t put(const KeeperEnd& end, keeper::End& out) {
  put(end.attempt, *out.mutable_attempt());
  out.set_kind(static_cast<std::uint32_t>(end.kind));
  out.set_by(static_cast<std::uint32_t>(end.by));
  out.set_exit_code(end.exit_code);
  out.set_signal(end.signal);
  out.set_launch_errno(end.launch_errno);
  out.set_message(end.message);
  out.set_started_wall_us(end.started_wall_us);
  out.set_ended_wall_us(end.ended_wall_us);
  keeper::Usage& usage = *out.mutable_usage();
  usage.set_wall_us(end.usage.wall_us);
  usage.set_user_us(end.usage.user_us);
  usage.set_system_us(end.usage.system_us);
  usage.set_peak_memory_bytes(end.usage.peak_memory_bytes);
  usage.set_read_bytes(end.usage.read_bytes);
  usage.set_written_bytes(end.usage.written_bytes);
  out.set_stdout_bytes(end.stdout_bytes);
  out.set_stderr_bytes(end.stderr_bytes);
  out.set_log_segment(end.log_segment);
  out.set_log_offset(end.log_offset);
  return end.message.size() + 160;
}

Result<KeeperEnd> get(const keeper::End& in) {
  if (in.kind() > static_cast<std::uint32_t>(EndKind::never_started))
    return malformed("an unknown kind of end");
  if (in.by() > static_cast<std::uint32_t>(EndedBy::memory_limit))
    return malformed("an unknown reason of an end");
  KeeperEnd end;
  end.attempt = get(in.attempt());
  end.kind = static_cast<EndKind>(in.kind());
  end.by = static_cast<EndedBy>(in.by());
  end.exit_code = in.exit_code();
  end.signal = in.signal();
  end.launch_errno = in.launch_errno();
  end.message = in.message();
  end.started_wall_us = in.started_wall_us();
  end.ended_wall_us = in.ended_wall_us();
  const keeper::Usage& usage = in.usage();
  end.usage = {usage.wall_us(),           usage.user_us(),    usage.system_us(),
               usage.peak_memory_bytes(), usage.read_bytes(), usage.written_bytes()};
  end.stdout_bytes = in.stdout_bytes();
  end.stderr_bytes = in.stderr_bytes();
  end.log_segment = in.log_segment();
  end.log_offset = in.log_offset();
  return end;
}

void put(const KeeperStarted& started, keeper::Started& out) {
  put(started.attempt, *out.mutable_attempt());
  out.set_process_id(started.process_id);
  out.set_process_start_ticks(started.process_start_ticks);
  out.set_started_wall_us(started.started_wall_us);
  out.set_note(started.note);
}

KeeperStarted get(const keeper::Started& in) {
  return {get(in.attempt()), in.process_id(), in.process_start_ticks(), in.started_wall_us(), in.note()};
}

}  // namespace

void append_keeper_request(const KeeperRequest& request, std::string& out) {
  std::size_t next_start = 0;
  bool last = false;
  while (!last) {
    OnArena<keeper::Request> message;
    std::size_t bytes = 0;
    while (next_start < request.starts.size() && bytes < kFrameBytesAim) {
      bytes += put(request.starts[next_start++], *message->add_starts());
    }
    last = next_start == request.starts.size();
    if (last) {
      for (const KeeperStop& stop : request.stops) {
        keeper::Stop& one = *message->add_stops();
        put(stop.attempt, *one.mutable_attempt());
        one.set_grace_us(stop.grace_us);
        one.set_only_queued(stop.only_queued);
      }
      for (const AttemptRef& attempt : request.forget) put(attempt, *message->add_forget());
      if (request.run_queue_width >= 0) message->set_run_queue_width(request.run_queue_width);
      if (request.deadline_mono_us >= 0) message->set_deadline_mono_us(request.deadline_mono_us);
      message->set_logs_taken_segment(request.logs_taken_segment);
      message->set_list(request.list);
      message->set_leave_when_empty(request.leave_when_empty);
    }
    append_frame(*message, out);
  }
}

Result<KeeperRequest> decode_keeper_request(std::string_view message) {
  OnArena<keeper::Request> in;
  if (!parse(message, *in)) return malformed("a request");
  KeeperRequest request;
  request.starts.resize(static_cast<std::size_t>(in->starts_size()));
  for (int i = 0; i < in->starts_size(); ++i) {
    if (auto done = get(*in->mutable_starts(i), request.starts[static_cast<std::size_t>(i)]); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  for (const keeper::Stop& stop : in->stops()) {
    if (stop.grace_us() < 0) return malformed("a negative time");
    request.stops.push_back({get(stop.attempt()), stop.grace_us(), stop.only_queued()});
  }
  for (const keeper::Attempt& attempt : in->forget()) request.forget.push_back(get(attempt));
  if (in->has_run_queue_width()) request.run_queue_width = std::max<std::int64_t>(-1, in->run_queue_width());
  if (in->has_deadline_mono_us()) request.deadline_mono_us = std::max<Micros>(-1, in->deadline_mono_us());
  request.logs_taken_segment = in->logs_taken_segment();
  request.list = in->list();
  request.leave_when_empty = in->leave_when_empty();
  return request;
}

void append_keeper_report(const KeeperReport& report, std::string& out) {
  std::size_t next_end = 0;
  bool first = true;
  bool last = false;
  while (!last) {
    OnArena<keeper::Report> message;
    if (first) {
      for (const KeeperStarted& started : report.started) put(started, *message->add_started());
      for (const KeeperQueued& queued : report.queued) {
        keeper::Queued& one = *message->add_queued();
        put(queued.attempt, *one.mutable_attempt());
        one.set_note(queued.note);
      }
    }
    first = false;
    std::size_t bytes = 0;
    while (next_end < report.ended.size() && (report.inventory || bytes < kFrameBytesAim)) {
      bytes += put(report.ended[next_end++], *message->add_ended());
    }
    last = next_end == report.ended.size();
    message->set_inventory(report.inventory);
    message->set_log_segment(report.log_segment);
    message->set_log_offset(report.log_offset);
    append_frame(*message, out);
  }
}

Result<KeeperReport> decode_keeper_report(std::string_view message) {
  OnArena<keeper::Report> in;
  if (!parse(message, *in)) return malformed("a report");
  KeeperReport report;
  report.started.reserve(static_cast<std::size_t>(in->started_size()));
  for (const keeper::Started& started : in->started()) report.started.push_back(get(started));
  report.ended.reserve(static_cast<std::size_t>(in->ended_size()));
  for (const keeper::End& one : in->ended()) {
    Result<KeeperEnd> end = get(one);
    if (!end) return std::unexpected(std::move(end.error()));
    report.ended.push_back(std::move(*end));
  }
  for (const keeper::Queued& queued : in->queued())
    report.queued.push_back({get(queued.attempt()), queued.note()});
  report.inventory = in->inventory();
  report.log_segment = in->log_segment();
  report.log_offset = in->log_offset();
  return report;
}

void append_keeper_end(const KeeperEnd& end, std::string& out) {
  OnArena<keeper::End> message;
  put(end, *message);
  append_message(*message, out);
}

void append_keeper_started(const KeeperStarted& started, std::string& out) {
  OnArena<keeper::Started> message;
  put(started, *message);
  append_message(*message, out);
}

Result<KeeperEnd> decode_keeper_end(std::string_view message) {
  OnArena<keeper::End> in;
  if (!parse(message, *in)) return malformed("an end");
  return get(*in);
}

Result<KeeperStarted> decode_keeper_started(std::string_view message) {
  OnArena<keeper::Started> in;
  if (!parse(message, *in)) return malformed("a start");
  return get(*in);
}

void KeeperFrameReader::append(std::string_view bytes) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<std::string_view>> KeeperFrameReader::next() {
  if (!greeted_) {
    if (buffer_.empty()) return std::nullopt;
    if (buffer_[0] != kKeeperProtocol) return malformed("another protocol");
    greeted_ = true;
    begin_ = 1;
  }
  if (buffer_.size() - begin_ < kLengthBytes) return std::nullopt;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    bytes |= static_cast<std::size_t>(static_cast<unsigned char>(buffer_[begin_ + i])) << (8 * i);
  }
  if (bytes > kKeeperMessageBytesMax) return malformed("a frame that is too long");
  if (buffer_.size() - begin_ - kLengthBytes < bytes) return std::nullopt;
  const std::string_view message = std::string_view(buffer_).substr(begin_ + kLengthBytes, bytes);
  begin_ += kLengthBytes + bytes;
  return message;
}

}  // namespace muster::wire
