// The fields of a template, one by one, there and back.
// Must hold: every field of core/task_template.h stands here twice; the test fills them all.
#include "wire/common/task_template_codec.h"

#include "core/check.h"
#include "wire/common/task_template.pb.h"

namespace muster::wire {

namespace {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

template <class Messages>
void encode_pairs(const NamedValues& pairs, Messages* messages) {
  for (const auto& [name, value] : pairs) {
    proto::NamedValue* message = messages->Add();
    message->set_name(name);
    message->set_value(value);
  }
}

template <class Messages>
NamedValues decode_pairs(const Messages& messages) {
  NamedValues pairs;
  pairs.reserve(static_cast<std::size_t>(messages.size()));
  for (const proto::NamedValue& message : messages) pairs.emplace_back(message.name(), message.value());
  return pairs;
}

void encode_command(const CommandTemplate& command, proto::CommandTemplate& message) {
  message.set_kind(static_cast<std::uint32_t>(command.kind));
  for (const Placeholder& placeholder : command.placeholders) {
    proto::Placeholder* out = message.add_placeholders();
    out->set_kind(static_cast<std::uint32_t>(placeholder.kind));
    out->set_column(placeholder.column);
    out->set_name(placeholder.name);
  }
  for (const std::vector<Piece>& word : command.words) {
    proto::Word* out_word = message.add_words();
    for (const Piece& piece : word) {
      proto::Piece* out = out_word->add_pieces();
      out->set_kind(static_cast<std::uint32_t>(piece.kind));
      out->set_placeholder(piece.placeholder);
      out->set_text(piece.text);
    }
  }
  for (const EnvBinding& binding : command.env_bindings) {
    proto::EnvBinding* out = message.add_env_bindings();
    out->set_variable(binding.variable);
    out->set_placeholder(binding.placeholder);
  }
}

// False when the number names no enumerator up to `last`.
template <class Enum>
bool decode_enum(std::uint32_t number, Enum last, Enum& value) {
  if (number > static_cast<std::uint32_t>(last)) return false;
  value = static_cast<Enum>(number);
  return true;
}

bool decode_placeholders(const proto::CommandTemplate& message, std::size_t columns,
                         CommandTemplate& command) {
  for (const proto::Placeholder& in : message.placeholders()) {
    Placeholder& placeholder = command.placeholders.emplace_back();
    if (!decode_enum(in.kind(), ValueKind::field, placeholder.kind)) return false;
    if (placeholder.kind == ValueKind::field && in.column() >= columns) return false;
    placeholder.column = in.column();
    placeholder.name = in.name();
  }
  return true;
}

bool decode_word(const proto::Word& message, std::size_t placeholders, std::vector<Piece>& word) {
  word.reserve(static_cast<std::size_t>(message.pieces_size()));
  for (const proto::Piece& in : message.pieces()) {
    Piece& piece = word.emplace_back();
    if (!decode_enum(in.kind(), PieceKind::reference, piece.kind)) return false;
    if (piece.kind != PieceKind::literal && in.placeholder() >= placeholders) return false;
    piece.placeholder = in.placeholder();
    piece.text = in.text();
  }
  return true;
}

bool decode_command(const proto::CommandTemplate& message, std::size_t columns, CommandTemplate& command) {
  if (!decode_enum(message.kind(), CommandKind::shell, command.kind)) return false;
  if (!decode_placeholders(message, columns, command)) return false;
  if (message.words_size() == 0) return false;
  for (const proto::Word& in : message.words()) {
    if (!decode_word(in, command.placeholders.size(), command.words.emplace_back())) return false;
  }
  for (const proto::EnvBinding& in : message.env_bindings()) {
    if (in.placeholder() >= command.placeholders.size()) return false;
    command.env_bindings.push_back({in.variable(), in.placeholder()});
  }
  return true;
}

void encode(const TaskTemplate& body, proto::TaskTemplate& message) {
  message.set_name(body.name);
  encode_command(body.command, *message.mutable_command());
  for (const std::string& column : body.columns) message.add_columns(column);
  proto::Resources& resources = *message.mutable_resources();
  resources.set_cpu_slots(body.resources.cpu_slots);
  resources.set_gpu_slots(body.resources.gpu_slots);
  resources.set_cpus(body.resources.cpus);
  resources.set_mem_mb(body.resources.mem_mb);
  resources.set_disk_mb(body.resources.disk_mb);
  resources.set_sharing(static_cast<std::uint32_t>(body.resources.sharing));
  for (const auto& [name, amount] : body.resources.named) {
    proto::NamedAmount* out = resources.add_named();
    out->set_name(name);
    out->set_amount(amount);
  }
  encode_pairs(body.resources.labels, resources.mutable_labels());
  encode_pairs(body.environment, message.mutable_environment());
  encode_pairs(body.labels, message.mutable_labels());
  encode_pairs(body.secrets, message.mutable_secrets());
  message.set_working_directory(static_cast<std::uint32_t>(body.working_directory));
  message.set_cwd(body.cwd);
  message.set_time_limit_us(body.time_limit_us);
  message.set_grace_us(body.grace_us);
  message.set_retries(body.retries);
  message.set_rerun(static_cast<std::uint32_t>(body.rerun));
  message.set_log_max_bytes(body.log_max_bytes);
}

bool decode_resources(const proto::Resources& message, Resources& resources) {
  resources.cpu_slots = message.cpu_slots();
  resources.gpu_slots = message.gpu_slots();
  resources.cpus = message.cpus();
  resources.mem_mb = message.mem_mb();
  resources.disk_mb = message.disk_mb();
  if (!decode_enum(message.sharing(), Sharing::exclusive, resources.sharing)) return false;
  for (const proto::NamedAmount& in : message.named()) resources.named.emplace_back(in.name(), in.amount());
  resources.labels = decode_pairs(message.labels());
  return normalize(resources.named) && normalize(resources.labels);
}

std::optional<TaskTemplate> decode(const proto::TaskTemplate& message) {
  TaskTemplate body;
  body.name = message.name();
  body.columns.assign(message.columns().begin(), message.columns().end());
  if (!decode_command(message.command(), body.columns.size(), body.command)) return std::nullopt;
  if (!decode_resources(message.resources(), body.resources)) return std::nullopt;
  body.environment = decode_pairs(message.environment());
  body.labels = decode_pairs(message.labels());
  body.secrets = decode_pairs(message.secrets());
  if (!decode_enum(message.working_directory(), WorkingDirectory::attempt, body.working_directory))
    return std::nullopt;
  body.cwd = message.cwd();
  body.time_limit_us = message.time_limit_us();
  body.grace_us = message.grace_us();
  body.retries = message.retries();
  if (!decode_enum(message.rerun(), Rerun::never, body.rerun)) return std::nullopt;
  body.log_max_bytes = message.log_max_bytes();
  return body;
}

}  // namespace

std::string encode_task_template(const TaskTemplate& body) {
  proto::TaskTemplate message;
  encode(body, message);
  std::string bytes;
  MUSTER_CHECK(message.SerializeToString(&bytes), "a template is below 2 GiB");
  return bytes;
}

Result<TaskTemplate> decode_task_template(std::string_view bytes) {
  proto::TaskTemplate message;
  std::optional<TaskTemplate> body;
  if (bytes.size() <= INT32_MAX && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    body = decode(message);
  }
  if (!body) return refuse(ErrorKind::usage, kMalformedBody, "a task template cannot be read");
  return std::move(*body);
}

}  // namespace muster::wire
