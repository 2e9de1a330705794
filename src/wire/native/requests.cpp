// Reading the bodies of the native API.
// A missing member keeps its default; an empty body is an empty object where nothing is required.
#include "wire/native/requests.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/escape.h"
#include "wire/native/json_reader.h"

namespace muster::wire {
namespace json = boost::json;
namespace {

constexpr std::size_t kNameBytesMax = 255;  // of a worker

constexpr std::size_t kBlockBytes = 1 << 20;

// Rows into blocks of about 1 MiB.
class BlockBuilder {
 public:
  BlockBuilder(std::vector<std::string> columns, SubmitRequest& out)
      : columns_(std::move(columns)), out_(out) {}

  // False: the value holds a NUL.
  bool add(const json::string& value) {
    if (std::string_view(value).find('\0') != std::string_view::npos) return false;
    if (block_ == nullptr) {
      block_ = std::make_shared<ItemBlock>();
      block_->columns = columns_;
    }
    block_->bytes.append(value.data(), value.size());
    block_->ends.push_back(static_cast<std::uint32_t>(block_->bytes.size()));
    return true;
  }
  void end_row() {
    ++out_.item_count;
    if (block_->bytes.size() >= kBlockBytes) close();
  }
  void close() {
    if (block_ != nullptr) out_.items.push_back(std::move(block_));
    block_ = nullptr;
  }

 private:
  std::vector<std::string> columns_;
  SubmitRequest& out_;
  std::shared_ptr<ItemBlock> block_;
};

std::unexpected<Error> bad_items(std::string what) {
  return refuse(ErrorKind::usage, kTableError, std::move(what), "correct the item and submit again");
}

Result<void> read_lines(const json::value& value, SubmitRequest& out) {
  const json::array* lines = value.if_array();
  if (lines == nullptr) {
    return refuse(ErrorKind::usage, kMalformedBody, "\"lines\" in the body has to be a list of strings");
  }
  out.has_items = true;
  out.columns = {""};
  BlockBuilder builder(out.columns, out);
  for (const json::value& one : *lines) {
    const json::string* text = one.if_string();
    const std::string place = "item " + std::to_string(out.item_count + 1) + " of \"lines\" ";
    if (text == nullptr) return bad_items(place + "is not a string");
    if (!builder.add(*text)) return bad_items(place + "holds a NUL character");
    builder.end_row();
  }
  builder.close();
  return {};
}

Result<void> read_rows(const json::array& rows, SubmitRequest& out) {
  BlockBuilder builder(out.columns, out);
  for (const json::value& one : rows) {
    const json::array* row = one.if_array();
    const std::string place = "row " + std::to_string(out.item_count + 1) + " of the table ";
    if (row == nullptr || row->size() != out.columns.size()) {
      return bad_items(place + "has " + std::to_string(row == nullptr ? 0 : row->size()) + " values for " +
                       std::to_string(out.columns.size()) + " columns");
    }
    for (std::size_t column = 0; column < row->size(); ++column) {
      const json::string* text = (*row)[column].if_string();
      const std::string at = place + "column \"" + escape_text(out.columns[column]) + "\" ";
      if (text == nullptr) return bad_items(at + "is not a string");
      if (!builder.add(*text)) return bad_items(at + "holds a NUL character");
    }
    builder.end_row();
  }
  builder.close();
  return {};
}

Result<void> read_table(const json::value& value, SubmitRequest& out) {
  ObjectReader reader(value, "table");
  reader.texts("columns", out.columns);
  const json::value* rows = reader.member("rows");
  if (rows != nullptr && rows->if_array() == nullptr)
    reader.refuse_member("rows", "has to be a list of lists");
  if (Result<void> done = reader.finish(); !done) return done;
  out.has_items = true;
  if (out.columns.empty()) return bad_items("the table has no columns");
  for (std::size_t i = 0; i < out.columns.size(); ++i) {
    const std::string& name = out.columns[i];
    if (name.empty() || name.find('\0') != std::string::npos) {
      return bad_items("column " + std::to_string(i + 1) + " of the table has no usable name");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (out.columns[j] == name)
        return bad_items("the table has the column \"" + escape_text(name) + "\" twice");
    }
  }
  return rows == nullptr ? Result<void>{} : read_rows(rows->get_array(), out);
}

void read_resources(ObjectReader& reader, Resources& out) {
  reader.number("slots", out.cpu_slots);
  reader.number("gpus", out.gpu_slots);
  reader.number("cpus", out.cpus);
  reader.number("mem_mb", out.mem_mb);
  reader.number("disk_mb", out.disk_mb);
  bool exclusive = false;
  reader.flag("exclusive", exclusive);
  out.sharing = exclusive ? Sharing::exclusive : Sharing::shared;
  reader.number_map("use", out.named);
  reader.text_map("on", out.labels);
  if (!normalize(out.named))
    reader.refuse_member("use", "names each resource once, in letters, digits and -_./");
  if (!normalize(out.labels))
    reader.refuse_member("on", "names each label once, in letters, digits and -_./");
  // With GPU slots a task takes no CPU slot, unless it asks for some.
  if (out.gpu_slots > 0 && !reader.has("slots")) out.cpu_slots = 0;
}

void read_rerun(ObjectReader& reader, Rerun& out) {
  std::string rerun;
  reader.text("rerun", rerun);
  if (rerun == "never") {
    out = Rerun::never;
  } else if (!rerun.empty() && rerun != "allowed") {
    reader.refuse_member("rerun", "has to be \"never\" or \"allowed\"");
  }
}

void read_batch_options(ObjectReader& reader, SubmitRequest& out) {
  reader.text("batch", out.batch);
  reader.number("max_running", out.max_running);
  reader.number("priority", out.priority);
  reader.texts("after", out.after);
  reader.texts("after_any", out.after_any);
  reader.texts("after_each", out.after_each);
  reader.flag("held", out.held);
  reader.flag("closed", out.closed);
  reader.flag("dry_run", out.dry_run);
}

void read_task_options(ObjectReader& reader, SubmitRequest& out) {
  reader.texts("command", out.command);
  reader.optional_text("shell", out.shell);
  reader.text("name", out.name);
  reader.text("array", out.array);
  read_resources(reader, out.resources);
  reader.seconds("time_s", out.time_limit_us);
  reader.seconds("grace_s", out.grace_us);
  reader.number("retries", out.retries, 10'000);
  reader.text_map("env", out.environment);
  reader.text_map("labels", out.labels);
  reader.text_map("secrets", out.secrets);
  reader.text("cwd", out.cwd);
  read_rerun(reader, out.rerun);
  reader.number("log_max_bytes", out.log_max_bytes);
}

// An empty body stands for {}.
Result<void> parse_body(JsonDocument& document, std::string_view text) {
  return document.parse(text.find_first_not_of(" \t\r\n") == std::string_view::npos ? "{}" : text);
}

}  // namespace

Result<SubmitRequest> read_submit(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = document.parse(text); !parsed) return std::unexpected(std::move(parsed.error()));
  SubmitRequest out;
  ObjectReader reader(document.root(), "the body");
  read_task_options(reader, out);
  read_batch_options(reader, out);
  const json::value* lines = reader.member("lines");
  const json::value* table = reader.member("table");
  if (lines != nullptr && table != nullptr) reader.refuse_member("table", "cannot stand beside \"lines\"");
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  Result<void> items;
  if (lines != nullptr) items = read_lines(*lines, out);
  if (table != nullptr) items = read_table(*table, out);
  if (!items) return std::unexpected(std::move(items.error()));
  return out;
}

Result<ChangeRequest> read_change(std::string_view text, ChangeVerb verb) {
  JsonDocument document;
  if (Result<void> parsed = document.parse(text); !parsed) return std::unexpected(std::move(parsed.error()));
  ChangeRequest out;
  ObjectReader reader(document.root(), "the body");
  reader.texts("selectors", out.selectors);
  reader.text("where", out.where);
  reader.text("reason", out.reason);
  reader.flag("dry_run", out.dry_run);
  if (verb == ChangeVerb::retry || verb == ChangeVerb::set) {
    reader.optional_number("mem_mb", out.options.mem_mb);
    reader.optional_number("disk_mb", out.options.disk_mb);
    reader.optional_number("cpus", out.options.cpus);
    reader.optional_number("slots", out.options.cpu_slots);
    reader.optional_number("gpus", out.options.gpu_slots);
    reader.optional_seconds("time_s", out.options.time_limit_us);
    reader.optional_number("retries", out.options.retries);
    reader.text_map("env", out.options.environment);
  }
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<SetBatch> read_set_batch(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = document.parse(text); !parsed) return std::unexpected(std::move(parsed.error()));
  SetBatch out;
  ObjectReader reader(document.root(), "the body");
  reader.optional_number("priority", out.priority);
  reader.optional_number("max_running", out.max_running);
  reader.optional_flag("closed", out.closed);
  reader.optional_text("name", out.name);
  reader.flag("dry_run", out.dry_run);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<WorkerSettingsRequest> read_worker_settings(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = document.parse(text); !parsed) return std::unexpected(std::move(parsed.error()));
  WorkerSettingsRequest out;
  ObjectReader reader(document.root(), "the body");
  WorkerSettings& settings = out.settings;
  reader.optional_text("name", settings.name);
  reader.optional_number("slots", settings.cpu_slots);
  reader.optional_number("gpu_slots", settings.gpu_slots);
  if (reader.has("labels")) reader.text_map("labels", settings.labels.emplace());
  if (reader.has("offers")) reader.number_map("offers", settings.offers.emplace());
  reader.optional_text("serves", settings.serves);
  reader.optional_seconds("lease_s", settings.lease_us);
  reader.flag("dry_run", out.dry_run);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<WorkerChangeRequest> read_worker_change(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = parse_body(document, text); !parsed)
    return std::unexpected(std::move(parsed.error()));
  WorkerChangeRequest out;
  ObjectReader reader(document.root(), "the body");
  reader.text("reason", out.reason);
  reader.flag("dry_run", out.dry_run);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<LimitRequest> read_limit(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = document.parse(text); !parsed) return std::unexpected(std::move(parsed.error()));
  LimitRequest out;
  ObjectReader reader(document.root(), "the body");
  reader.optional_number("max_running", out.limit.max_running);
  reader.optional_number("max_cpus", out.limit.max_cpus);
  reader.number("weight", out.limit.weight);
  reader.flag("dry_run", out.dry_run);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<StopTasks> read_shut_down(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = parse_body(document, text); !parsed)
    return std::unexpected(std::move(parsed.error()));
  bool keep_running = false;
  ObjectReader reader(document.root(), "the body");
  reader.flag("keep_running", keep_running);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return keep_running ? StopTasks::keep_running : StopTasks::stop;
}

Result<InviteRequest> read_invite(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = parse_body(document, text); !parsed)
    return std::unexpected(std::move(parsed.error()));
  InviteRequest request;
  ObjectReader reader(document.root(), "the body");
  reader.seconds("ttl_s", request.ttl_us);
  reader.text("name", request.name);
  if (request.name.size() > kNameBytesMax) reader.refuse_member("name", "is too long");
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return request;
}

Result<JoinRequest> read_join(std::string_view text) {
  JsonDocument document;
  if (Result<void> parsed = parse_body(document, text); !parsed)
    return std::unexpected(std::move(parsed.error()));
  JoinRequest request;
  ObjectReader reader(document.root(), "the body");
  reader.text("spool_id", request.spool_id);
  reader.text("name", request.name);
  if (request.spool_id.empty() || request.spool_id.size() > kNameBytesMax)
    reader.refuse_member("spool_id", "is what the worker's folder is known by");
  if (request.name.size() > kNameBytesMax) reader.refuse_member("name", "is too long");
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return request;
}

}  // namespace muster::wire
