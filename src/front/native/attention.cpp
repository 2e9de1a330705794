// The list of what needs a person.
// A batch is named once: by what keeps it from moving, or else by its failures.
#include "front/native/attention.h"

#include <algorithm>
#include <array>

#include "core/states.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kShownMax = 12;

struct Need {
  bool bad = false;  // else a warning
  std::string_view kind;
  std::string text;
  std::string next;
  BatchId batch = 0;
  std::string worker{};
};

std::string counted(std::uint64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string named(const BatchRow& batch) {
  const std::string number = std::to_string(batch.id);
  return batch.name.empty() ? number : number + " " + batch.name;
}

void add_server(std::vector<Need>& needs, Backend& backend, const std::vector<engine::WorkerView>& workers) {
  if (backend.facts().space != SpaceState::plenty) {
    needs.push_back({true, "disk-full", "the disk is nearly full: new work is refused",
                     "make room in " + backend.facts().data_folder});
  }
  const bool any = std::any_of(workers.begin(), workers.end(), [](const engine::WorkerView& view) {
    return view.connected && view.row.state == WorkerState::online;
  });
  if (!any)
    needs.push_back(
        {true, "no-worker", "no worker is online, so nothing runs", "muster up -d, or muster invite"});
}

void add_workers(std::vector<Need>& needs, const std::vector<engine::WorkerView>& workers) {
  for (const engine::WorkerView& view : workers) {
    const std::string& name = view.row.name;
    if (view.row.state == WorkerState::quarantined) {
      needs.push_back({true, "quarantined", "worker " + name + " is set aside: tasks fail at once there",
                       "muster worker show " + name, 0, name});
    } else if (!view.connected && view.assigned > 0) {
      needs.push_back({true, "silent",
                       "worker " + name + " is silent and holds " + counted(view.assigned, "task"),
                       "muster worker lost " + name + ", if it is dead", 0, name});
    }
  }
}

// Reasons that do not go away by themselves.
bool is_stuck(std::string_view reason) {
  static constexpr std::array<std::string_view, 5> kStuck = {"too-big", "no-label", "no-slot", "no-worker",
                                                             "draining"};
  return std::find(kStuck.begin(), kStuck.end(), reason) != kStuck.end();
}

void add_failures(std::vector<Need>& needs, const BatchRow& batch) {
  const std::uint64_t failed = batch.counts[static_cast<std::size_t>(TaskState::failed)];
  if (failed == 0) return;
  const std::string number = std::to_string(batch.id);
  needs.push_back({true, "failed", counted(failed, "task") + " of " + named(batch) + " failed",
                   "muster failures " + number, batch.id});
}

void add_live(std::vector<Need>& needs, const engine::BatchView& view) {
  const BatchRow& batch = view.row;
  const std::string number = std::to_string(batch.id);
  const auto count = [&](TaskState state) { return batch.counts[static_cast<std::size_t>(state)]; };
  if (batch.held) {
    needs.push_back({false, "held",
                     named(batch) + " is held" + (batch.reason.empty() ? "" : ": " + batch.reason),
                     "muster release " + number, batch.id});
  } else if (is_stuck(view.reason) && count(TaskState::running) == 0) {
    needs.push_back({true, "stuck", named(batch) + " cannot run: " + std::string(view.reason),
                     "muster explain " + number, batch.id});
  }
  add_failures(needs, batch);
}

}  // namespace

void write_attention(wire::JsonWriter& out, Backend& backend, const std::vector<engine::BatchView>& live,
                     const std::vector<BatchRow>& recent) {
  std::vector<Need> needs;
  std::vector<engine::WorkerView> workers = backend.engine().workers();
  std::erase_if(workers,
                [](const engine::WorkerView& view) { return view.row.state == WorkerState::removed; });
  add_server(needs, backend, workers);
  add_workers(needs, workers);
  for (const engine::BatchView& view : live) add_live(needs, view);
  for (const BatchRow& batch : recent) add_failures(needs, batch);
  std::stable_partition(needs.begin(), needs.end(), [](const Need& need) { return need.bad; });
  out.begin_array();
  for (std::size_t i = 0; i < needs.size() && i < kShownMax; ++i) {
    const Need& need = needs[i];
    out.begin_object().key("kind").text(need.kind).key("severity").text(need.bad ? "bad" : "warning");
    out.key("batch");
    if (need.batch == 0) {
      out.null();
    } else {
      out.number(need.batch);
    }
    out.key("worker").text_or_null(need.worker);
    out.key("text").text(need.text).key("next").text(need.next).end_object();
  }
  out.end_array();
}

}  // namespace muster::front::native
