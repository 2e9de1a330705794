// Rows to store, and what it takes to compare two stores by what they give back.
// Must hold: every field of every row is filled somewhere, so that a column that is not kept shows.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/store.h"

namespace muster::store {

// A number in [0, bound); where it comes from decides whether a run can be repeated or shrunk.
using Pick = std::function<std::uint64_t(std::uint64_t bound)>;

// ---- single rows, every field different from its default

BatchRow sample_batch(BatchId id);
SegmentRow sample_segment(BatchId batch, std::uint32_t ordinal, Position first, std::uint64_t count,
                          TaskNumber number);
TemplateRow sample_template(TemplateId id, const std::string& word = "true");
ItemBlockRow sample_items(BatchId batch, std::uint32_t segment, std::uint64_t first, std::uint64_t rows);
TaskRow sample_running(BatchId batch, Position position, std::uint32_t attempt = 1);
TaskRow sample_finished(BatchId batch, Position position, TaskState state = TaskState::succeeded);
WorkerRow sample_worker(WorkerId id);
LimitRow sample_limit(LimitScope scope, const std::string& name);
EventRow sample_event(std::uint64_t seq, BatchId batch);
KeyRow sample_key(const std::string& key, BatchId batch);
TokenRow sample_token(std::uint64_t id);
UserRow sample_user(const std::string& name);
ProjectRow sample_project(const std::string& name);
SecretRow sample_secret(const std::string& name);
FlavorRow sample_flavor(const std::string& name);
AuditRow sample_audit(std::uint64_t seq);

// A batch of `count` tasks in one segment, with its template.
Changes submit_changes(BatchId batch, std::uint64_t count, TaskNumber first_number);

// ---- anything at all, within a few keys, so that rows replace each other

Changes random_changes(const Pick& pick);

// ---- comparison; empty when equal, else what differs

std::string difference(const StoreSnapshot& left, const StoreSnapshot& right);
std::string difference(const BatchSnapshot& left, const BatchSnapshot& right);
// Everything History gives for the keys that random_changes uses.
std::string difference(History& left, History& right);
// Everything AccessStore gives.
std::string difference(AccessStore& left, AccessStore& right);

}  // namespace muster::store
