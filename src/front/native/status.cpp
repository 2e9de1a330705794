// /status: the whole on one page. Everything on it is kept, nothing is counted for it.
// Live batches newest first, at most 20 of them; how many there are stands beside.
#include "front/native/attention.h"
#include "front/native/call.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kBatchesShown = 20;
constexpr std::size_t kRecentShown = 5;
constexpr std::uint32_t kRecentLooked = 50;

void write_workers(wire::JsonWriter& out, const std::vector<engine::WorkerView>& workers) {
  std::uint64_t online = 0;
  std::uint64_t total = 0;
  std::uint64_t slots = 0;
  std::uint64_t busy = 0;
  for (const engine::WorkerView& view : workers) {
    if (view.row.state == WorkerState::removed) continue;
    ++total;
    busy += view.executing;
    if (!view.connected) continue;
    ++online;
    slots += view.capacity.cpu_slots + view.capacity.gpu_slots;
  }
  out.begin_object();
  out.key("online").number(online);
  out.key("total").number(total);
  out.key("slots").number(slots);
  out.key("busy").number(busy);
  out.end_object();
}

// Final tasks as the history keeps them; live ones with their phases, and held as shown.
void write_all_counts(wire::JsonWriter& out, Backend& backend, const std::string& project,
                      const std::vector<BatchId>& live) {
  TaskCounts counts = backend.history().total_counts(project);
  std::uint64_t executing = 0;
  std::uint64_t stopping = 0;
  for (const BatchId id : live) {
    const std::optional<engine::BatchView> view = backend.engine().batch(id);
    executing += view->executing;
    stopping += view->stopping;
    const TaskCounts shown = shown_counts(view->row);
    for (std::size_t i = 0; i < kTaskStates; ++i) counts[i] += shown[i] - view->row.counts[i];
  }
  wire::write_counts(out, counts, executing, stopping);
}

// Of the newest batches those that have ended, the newest first.
std::vector<BatchRow> recent_batches(Backend& backend, const std::string& project) {
  Page page;
  page.limit = kRecentLooked;
  std::vector<BatchRow> recent;
  for (BatchRow& row : backend.history().batches_of(project, page)) {
    if (is_final(row.state) && recent.size() < kRecentShown) recent.push_back(std::move(row));
  }
  return recent;
}

void write_batches(wire::JsonWriter& out, const CallPtr& call, const std::vector<BatchRow>& rows) {
  out.begin_array();
  for (const BatchRow& row : rows) {
    out.begin_object();
    write_batch(out, call->backend, call->statistics, row);
    out.end_object();
  }
  out.end_array();
}

}  // namespace

void show_status(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  Backend& backend = call->backend;
  const ServerFacts& facts = backend.facts();
  std::vector<BatchId> live = backend.engine().live_batches();
  std::erase_if(
      live, [&](BatchId id) { return backend.engine().batch(id)->row.project != call->principal.project; });
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.status/1");
  out.key("version").text(facts.version);
  out.key("started").time(facts.started_wall_us);
  out.key("url").text(facts.url);
  out.key("data").text(facts.data_folder);
  out.key("store").text(facts.store);
  out.key("disk").text(facts.space == SpaceState::plenty ? "plenty" : "low");
  out.key("counts");
  write_all_counts(out, backend, call->principal.project, live);
  std::vector<engine::BatchView> views;
  for (auto id = live.rbegin(); id != live.rend() && views.size() < kBatchesShown; ++id)
    views.push_back(*backend.engine().batch(*id));
  std::vector<BatchRow> rows;
  for (const engine::BatchView& view : views) rows.push_back(view.row);
  out.key("batches");
  write_batches(out, call, rows);
  out.key("batches_live").number(live.size());
  const std::vector<BatchRow> recent = recent_batches(backend, call->principal.project);
  out.key("recent");
  write_batches(out, call, recent);
  out.key("attention");
  write_attention(out, backend, views, recent);
  out.key("workers");
  write_workers(out, backend.engine().workers());
  out.key("incarnation").number(facts.incarnation);
  out.end_object();
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
