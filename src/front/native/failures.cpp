// /failures: failed tasks grouped by cause: how they ended, and the last line they wrote to standard error with numbers masked.
// Computed from the rows when asked, in slices; of more failures than the bound the lines are not read, and the group says so.
#include <algorithm>
#include <map>
#include <set>

#include "blobs/log_store.h"
#include "core/masked_line.h"
#include "core/units.h"
#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kTasksPerSlice = 200;
constexpr std::uint64_t kLinesRead = 2000;
constexpr std::uint64_t kTailBytes = 4096;
constexpr std::size_t kSamples = 3;
constexpr std::size_t kGroupsShown = 100;

struct Key {
  Cause cause = Cause::none;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  bool line_read = false;
  std::string line;
  auto operator<=>(const Key&) const = default;
};

struct Group {
  std::uint64_t count = 0;
  Micros first_us = 0;
  Micros last_us = 0;
  std::map<WorkerId, std::uint64_t> workers;
  std::vector<TaskIndex> samples;
  std::uint64_t peak_bytes = 0;  // the most any of them used
  std::uint64_t mem_mb = 0;      // … asked for
  Micros time_limit_us = 0;
};

// Where in its life an attempt with this cause ended.
std::string_view phase_of(const Finished& end) {
  switch (end.cause) {
    case Cause::input:
      return "fetching";
    case Cause::output:
      return "storing";
    case Cause::verification:
      return "verifying";
    default:
      return end.started_wall_us == 0 ? "assigned" : "executing";
  }
}

class FailureScan : public std::enable_shared_from_this<FailureScan> {
 public:
  FailureScan(CallPtr call, Selected selected, Filter filter)
      : call_(std::move(call)), selected_(std::move(selected)), filter_(std::move(filter)) {}

  void run() {
    if (!slice()) return call_->later([self = shared_from_this()] { self->run(); });
    answer();
  }

 private:
  // True: all of them are counted.
  bool slice() {
    Backend& backend = call_->backend;
    const auto row = find_batch(backend, selected_.batch.project, selected_.batch.id);
    if (!row) return true;
    const Layout layout = Layout::of(backend, row->id);
    TaskMatcher matcher(backend, *row, layout, filter_);
    StateSet failed;
    failed.add(TaskState::failed);
    const TaskPage page =
        task_page(backend, *row, layout.intervals(selected_.ranges), failed, from_, kTasksPerSlice, &matcher);
    for (const ListedTask& task : page.tasks) count(layout, task);
    if (!page.next) return true;
    from_ = *page.next;
    return false;
  }

  void count(const Layout& layout, const ListedTask& task) {
    ++failed_;
    const AttemptRecord attempt = task.row ? task.row->attempt : AttemptRecord{};
    const TaskIndex index = layout.index_of(task.position);
    Key key;
    key.cause = attempt.end.cause;
    key.exit_code = key.cause == Cause::exit ? attempt.end.exit_code : 0;
    key.signal = attempt.end.signal;
    key.line_read = failed_ <= kLinesRead;
    if (key.line_read)
      key.line = line_of({selected_.batch.id, index, attempt.number, attempt.incarnation}, attempt.end);
    Group& group = groups_[key];
    ++group.count;
    const Micros ended_us = attempt.end.ended_wall_us;
    if (group.first_us == 0 || ended_us < group.first_us) group.first_us = ended_us;
    group.last_us = std::max(group.last_us, ended_us);
    ++group.workers[attempt.worker];
    if (group.samples.size() < kSamples) group.samples.push_back(index);
    group.peak_bytes = std::max(group.peak_bytes, attempt.end.usage.peak_memory_bytes);
    phases_.emplace(key, phase_of(attempt.end));
    const TemplateId id = layout.template_of(task.position);
    const auto [body, fresh] = templates_.try_emplace(id);
    if (fresh) body->second = call_->backend.history().task_template(id);
    if (body->second == nullptr) return;
    group.mem_mb = std::max(group.mem_mb, body->second->resources.mem_mb);
    group.time_limit_us = std::max(group.time_limit_us, body->second->time_limit_us);
  }

  std::string line_of(const AttemptRef& attempt, const Finished& end) {
    if (end.stderr_bytes == 0) return masked_line(last_line(end.message));
    blobs::LogStore& logs = call_->backend.logs();
    const Result<std::uint64_t> from = logs.tail_position(attempt, blobs::LogView::err, kTailBytes);
    if (!from) return {};
    const Result<blobs::LogChunk> chunk = logs.read(attempt, blobs::LogView::err, *from, kTailBytes);
    return chunk ? masked_line(last_line(chunk->bytes)) : std::string();
  }

  // The command that tries this group again, with more of what was too little.
  std::string retry_of(const Key& key, const Group& group) const {
    std::string command = "muster retry " + std::to_string(selected_.batch.id) +
                          " --where 'state=failed cause=" + std::string(to_text(key.cause));
    if (key.cause == Cause::exit) command += " exit=" + std::to_string(key.exit_code);
    if (key.cause == Cause::signal) command += " signal=" + std::to_string(key.signal);
    command += "'";
    if (key.cause == Cause::oom) {
      const std::uint64_t used_mb = group.mem_mb != 0 ? group.mem_mb : group.peak_bytes >> 20;
      command += " --mem " + std::to_string(std::max<std::uint64_t>(1, (2 * used_mb + 1023) / 1024)) + "G";
    }
    if (key.cause == Cause::timeout && group.time_limit_us != 0)
      command += " --time " + format_seconds(2 * group.time_limit_us);
    return command;
  }

  void write_group(wire::JsonWriter& out, const Key& key, const Group& group, WorkerNames& names) const {
    out.begin_object();
    out.key("count").number(group.count);
    out.key("cause").text(to_text(key.cause));
    out.key("phase").text(phases_.at(key));
    if (key.cause == Cause::exit)
      out.key("exit_code").number(key.exit_code);
    else
      out.key("exit_code").null();
    if (key.signal != 0)
      out.key("signal").number(key.signal);
    else
      out.key("signal").null();
    out.key("line").text_or_null(key.line);
    out.key("line_read").flag(key.line_read);
    out.key("first").time(group.first_us);
    out.key("last").time(group.last_us);
    out.key("workers").begin_object();
    for (const auto& [id, count] : group.workers) out.key(names.name(id)).number(count);
    out.end_object();
    out.key("peak_mem_mb").mebibytes(group.peak_bytes);
    out.key("mem_mb").number(group.mem_mb);
    out.key("samples").begin_array();
    for (const TaskIndex index : group.samples) out.text(wire::task_id({selected_.batch.id, index}));
    out.end_array();
    out.key("retry").text(retry_of(key, group));
    out.end_object();
  }

  void answer() {
    std::vector<std::pair<const Key*, const Group*>> order;
    for (const auto& [key, group] : groups_) order.emplace_back(&key, &group);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.second->count > b.second->count; });
    WorkerNames names(call_->backend);
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text("muster.failures/1");
    out.key("batch").number(selected_.batch.id);
    out.key("failed").number(failed_);
    out.key("groups_total").number(groups_.size());
    out.key("groups").begin_array();
    for (std::size_t i = 0; i < order.size() && i < kGroupsShown; ++i)
      write_group(out, *order[i].first, *order[i].second, names);
    out.end_array().end_object();
    call_->answer(200, std::move(json));
  }

  CallPtr call_;
  Selected selected_;
  Filter filter_;
  Position from_ = 0;
  std::uint64_t failed_ = 0;
  std::map<Key, Group> groups_;
  std::map<Key, std::string_view> phases_;
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates_;
};

}  // namespace

void show_failures(const CallPtr& call) {
  QueryReader query(call->target);
  std::string selector = "last";
  std::string where;
  query.text("selector", selector);
  query.text("where", where);
  if (failed(call, query.finish())) return;
  // With no filter of the caller's: the walk wants one.
  Result<Filter> filter = read_where(call, FilterObject::task, where.empty() ? "state=failed" : where);
  if (failed(call, filter)) return;
  Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
  if (failed(call, selected)) return;
  std::make_shared<FailureScan>(call, std::move(*selected), std::move(*filter))->run();
}

}  // namespace muster::front::native
