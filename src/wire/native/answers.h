// Answers of the native API: what is known of a thing, as one JSON object each.
// Every complete answer carries "schema"; members are only ever added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/inputs.h"
#include "core/rows.h"
#include "wire/native/json_writer.h"

namespace muster::wire {

struct BatchAnswer {
  const BatchRow& row;
  TaskCounts counts{};  // as shown: tasks of a held batch are held
  std::uint64_t executing = 0;
  std::uint64_t stopping = 0;
  std::string_view why;      // reason code; empty: it moves, or is final
  std::string_view command;  // for display
};
// The members of a muster.batch/1 without braces, so that one batch can carry more.
void write_batch_members(JsonWriter& out, const BatchAnswer& batch);
void write_counts(JsonWriter& out, const TaskCounts& counts, std::uint64_t executing, std::uint64_t stopping);
void write_segments(JsonWriter& out, const std::vector<SegmentRow>& segments);
void write_template(JsonWriter& out, const TaskTemplate& body);
void write_resources(JsonWriter& out, const Resources& resources);

struct TaskAnswer {
  TaskRef ref;
  TaskNumber number = 0;
  TaskState state = TaskState::waiting;
  std::string_view reason;  // reason code; empty: none
  std::string_view limit;   // what limit the reason is about; empty: none
  std::vector<std::pair<std::string, std::uint64_t>> obstacles;  // how many workers are ruled out by what
  AttemptRecord attempt;                                         // the newest; number 0: none yet
  std::string_view worker;                                       // its worker's name
  std::string_view command;                                      // expanded, for display
  const TaskTemplate* body = nullptr;
  Micros created_wall_us = 0;
  Micros not_before_wall_us = 0;
};
void write_task_members(JsonWriter& out, const TaskAnswer& task);

struct AttemptAnswer {
  TaskRef ref;
  AttemptRecord attempt;
  std::string_view worker;
};
void write_attempt(JsonWriter& out, const AttemptAnswer& attempt);

struct WorkerAnswer {
  const WorkerRow& row;
  bool connected = false;
  bool half_open = false;
  Capacity capacity;
  InUse in_use;
  std::uint64_t assigned = 0;
  std::uint64_t executing = 0;
};
void write_worker_members(JsonWriter& out, const WorkerAnswer& worker);

struct LimitAnswer {
  const LimitRow& row;
  std::uint64_t running = 0;
  std::uint64_t cpus = 0;
};
void write_limit(JsonWriter& out, const LimitAnswer& limit);

void write_event(JsonWriter& out, const EventRow& event, std::string_view worker);

// Complete answers.
std::string submitted_json(const Submitted& submitted);
std::string changed_json(const Changed& changed);
// application/problem+json; `status` as sent.
std::string problem_json(const Error& error, int status);

// {"schema":…,"items":[ … ],"next":…}: begin, then the items, then end with the cursor (empty: no more).
void begin_list(JsonWriter& out, std::string_view schema);
void end_list(JsonWriter& out, std::string_view next);

// "42.17", "42.17#2", "T100017".
std::string task_id(TaskRef ref);
std::string attempt_id(TaskRef ref, std::uint32_t attempt);
std::string number_id(TaskNumber number);

}  // namespace muster::wire
