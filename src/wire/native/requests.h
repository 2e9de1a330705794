// Bodies of the native API as plain values, before anything is looked up: what was asked, not whether it is possible.
// Selectors stay text; names of members are those of the API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/inputs.h"
#include "core/item_table.h"

namespace muster::wire {

struct SubmitRequest {
  std::vector<std::string> command;
  std::optional<std::string> shell;
  std::string name;
  std::string batch;  // name of the batch to add to, or to make
  std::string array;  // an array expression; empty: none
  // Lines or the rows of a table, as blocks; columns as in ItemBlock.
  bool has_items = false;
  std::vector<std::string> columns;
  std::vector<std::shared_ptr<const ItemBlock>> items;
  std::uint64_t item_count = 0;

  Resources resources;
  Micros time_limit_us = 0;
  Micros grace_us = 10'000'000;
  std::uint32_t retries = 0;
  std::uint64_t max_running = 0;
  std::int32_t priority = 0;
  std::vector<std::string> after;
  std::vector<std::string> after_any;
  std::vector<std::string> after_each;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> secrets;  // variable, name of the secret
  std::string cwd = "none";
  Rerun rerun = Rerun::allowed;
  std::uint64_t log_max_bytes = 64ULL << 20;
  bool held = false;
  bool closed = false;
  bool dry_run = false;
};
Result<SubmitRequest> read_submit(std::string_view json);

struct ChangeRequest {
  std::vector<std::string> selectors;
  std::string where;  // a filter; empty: none
  std::string reason;
  bool dry_run = false;
  RetryOptions options;
};
// Options are members of retry and set only.
Result<ChangeRequest> read_change(std::string_view json, ChangeVerb verb);

// Everything but who and which.
Result<SetBatch> read_set_batch(std::string_view json);
// {"ttl_s":600,"name":"lab2"}, both optional.
struct InviteRequest {
  Micros ttl_us = 600'000'000;
  std::string name;
};
Result<InviteRequest> read_invite(std::string_view body);

// {"spool_id":"…","name":"lab2"}
struct JoinRequest {
  std::string spool_id;
  std::string name;
};
Result<JoinRequest> read_join(std::string_view body);

struct WorkerSettingsRequest {
  WorkerSettings settings;
  bool dry_run = false;
};
Result<WorkerSettingsRequest> read_worker_settings(std::string_view json);
struct WorkerChangeRequest {
  std::string reason;
  bool dry_run = false;
};
Result<WorkerChangeRequest> read_worker_change(std::string_view json);
// Everything but scope and name.
struct LimitRequest {
  LimitRow limit;
  bool dry_run = false;
};
Result<LimitRequest> read_limit(std::string_view json);
Result<StopTasks> read_shut_down(std::string_view json);

}  // namespace muster::wire
