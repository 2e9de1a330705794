// Bodies of the requests.
// What was not asked for is left out, so that the server's defaults hold.
#include <optional>

#include "client/api.h"
#include "client/request_bodies.h"
#include "wire/native/json_writer.h"

namespace muster::client {

using wire::JsonWriter;

namespace {

void put(JsonWriter& out, std::string_view key, const std::optional<std::uint64_t>& value) {
  if (value) out.key(key).number(*value);
}

void put(JsonWriter& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.key(key).text(value);
}

void put_seconds(JsonWriter& out, std::string_view key, const std::optional<std::int64_t>& duration_us) {
  if (duration_us) out.key(key).seconds(*duration_us);
}

void put_flag(JsonWriter& out, std::string_view key, bool value) {
  if (value) out.key(key).flag(true);
}

void put(JsonWriter& out, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out.key(key).begin_array();
  for (const std::string& value : values) out.text(value);
  out.end_array();
}

void put_object(JsonWriter& out, std::string_view key,
                const std::vector<std::pair<std::string, std::string>>& pairs) {
  out.key(key).begin_object();
  for (const auto& [name, value] : pairs) out.key(name).text(value);
  out.end_object();
}

void put_object(JsonWriter& out, std::string_view key,
                const std::vector<std::pair<std::string, std::uint64_t>>& pairs) {
  out.key(key).begin_object();
  for (const auto& [name, value] : pairs) out.key(name).number(value);
  out.end_object();
}

void put(JsonWriter& out, std::string_view key,
         const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (!pairs.empty()) put_object(out, key, pairs);
}

}  // namespace

std::string submission_json(const Submission& submission) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  put(out, "command", submission.command);
  if (submission.shell) out.key("shell").text(*submission.shell);
  put(out, "name", submission.name);
  put(out, "batch", submission.batch);
  put(out, "array", submission.array);
  put(out, "slots", submission.slots);
  put(out, "gpus", submission.gpus);
  put(out, "cpus", submission.cpus);
  put(out, "mem_mb", submission.mem_mb);
  put(out, "disk_mb", submission.disk_mb);
  put_flag(out, "exclusive", submission.exclusive);
  if (!submission.use.empty()) put_object(out, "use", submission.use);
  put(out, "on", submission.on);
  put_seconds(out, "time_s", submission.time_us);
  put_seconds(out, "grace_s", submission.grace_us);
  put(out, "retries", submission.retries);
  put(out, "max_running", submission.max_running);
  if (submission.priority) out.key("priority").number(*submission.priority);
  put(out, "after", submission.after);
  put(out, "after_any", submission.after_any);
  put(out, "after_each", submission.after_each);
  put(out, "env", submission.environment);
  put(out, "labels", submission.labels);
  put(out, "secrets", submission.secrets);
  put(out, "cwd", submission.cwd);
  put(out, "rerun", submission.rerun);
  put(out, "log_max_bytes", submission.log_max_bytes);
  put_flag(out, "held", submission.held);
  put_flag(out, "closed", submission.closed);
  put_flag(out, "dry_run", submission.dry_run);
  out.end_object();
  return text;
}

std::string change_json(const Change& change) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  put(out, "selectors", change.selectors);
  put(out, "where", change.where);
  put(out, "reason", change.reason);
  put_flag(out, "dry_run", change.dry_run);
  put(out, "slots", change.slots);
  put(out, "gpus", change.gpus);
  put(out, "cpus", change.cpus);
  put(out, "mem_mb", change.mem_mb);
  put(out, "disk_mb", change.disk_mb);
  put_seconds(out, "time_s", change.time_us);
  put(out, "retries", change.retries);
  put(out, "env", change.environment);
  out.end_object();
  return text;
}

std::string batch_settings_json(const BatchSettings& settings) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  if (settings.priority) out.key("priority").number(*settings.priority);
  put(out, "max_running", settings.max_running);
  if (settings.closed) out.key("closed").flag(*settings.closed);
  put(out, "name", settings.name);
  put_flag(out, "dry_run", settings.dry_run);
  out.end_object();
  return text;
}

std::string worker_settings_json(const WorkerSettings& settings) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  put(out, "name", settings.name);
  put(out, "slots", settings.slots);
  put(out, "gpu_slots", settings.gpu_slots);
  if (settings.labels) put_object(out, "labels", *settings.labels);
  if (settings.offers) put_object(out, "offers", *settings.offers);
  if (settings.serves) out.key("serves").text(*settings.serves);
  put_seconds(out, "lease_s", settings.lease_us);
  put_flag(out, "dry_run", settings.dry_run);
  out.end_object();
  return text;
}

std::string worker_change_json(const WorkerChange& change) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  put(out, "reason", change.reason);
  put_flag(out, "dry_run", change.dry_run);
  out.end_object();
  return text;
}

std::string limit_settings_json(const LimitSettings& settings) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  put(out, "max_running", settings.max_running);
  put(out, "max_cpus", settings.max_cpus);
  put(out, "weight", settings.weight);
  put_flag(out, "dry_run", settings.dry_run);
  out.end_object();
  return text;
}

std::string link_json(std::int64_t ttl_us) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("ttl_s").seconds(ttl_us).end_object();
  return text;
}

std::string invite_json(std::int64_t ttl_us, std::string_view name) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("ttl_s").seconds(ttl_us);
  if (!name.empty()) out.key("name").text(name);
  out.end_object();
  return text;
}

std::string join_json(std::string_view spool_id, std::string_view name) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("spool_id").text(spool_id).key("name").text(name).end_object();
  return text;
}

}  // namespace muster::client
