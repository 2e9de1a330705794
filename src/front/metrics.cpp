// One family after the other, each from where its number is kept.
// Must hold: label values are escaped; a family without members is left out whole.
#include "front/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "core/cause.h"
#include "core/states.h"

namespace muster::front {
namespace {

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    name_ = name;
  }
  template <class Number>
  void value(Number number) {
    text_.append(name_).append(" ").append(fmt::to_string(number)).append("\n");
  }
  // `labels` is written as it stands, as in: state="ready".
  template <class Number>
  void value(std::string_view labels, Number number) {
    text_.append(name_).append("{").append(labels).append("} ").append(fmt::to_string(number)).append("\n");
  }
  template <class Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number number) {
    family(name, type, help);
    value(number);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
    family(name, "histogram", help);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      sum += histogram.counts()[i];
      const std::string bound =
          i < Histogram::kBounds_s.size() ? fmt::format("{}", Histogram::kBounds_s[i]) : "+Inf";
      fmt::format_to(std::back_inserter(text_), "{}_bucket{{le=\"{}\"}} {}\n", name, bound, sum);
    }
    fmt::format_to(std::back_inserter(text_), "{0}_sum {1}\n{0}_count {2}\n", name, histogram.sum_s(), sum);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

std::string label(std::string_view name, std::string_view value) {
  std::string text = fmt::format("{}=\"", name);
  for (const char c : value) {
    if (c == '\\' || c == '"') text.push_back('\\');
    if (c == '\n') {
      text += "\\n";
    } else {
      text.push_back(c);
    }
  }
  return text + "\"";
}

void write_server(Page& page, const ServerFacts& facts, const ServerMeters& meters) {
  page.family("muster_build_info", "gauge", "1, with the version of the server.");
  page.value(label("version", facts.version) + "," + label("store", facts.store), 1);
  page.single("muster_ready", "gauge", "1 while the server takes changes, else 0.", facts.ready ? 1 : 0);
  page.single("muster_incarnation", "gauge", "How often this database was started.", facts.incarnation);
  page.single("muster_disk_low", "gauge", "1 while new submits are refused for want of disk space, else 0.",
              facts.space == SpaceState::low ? 1 : 0);
  page.single("muster_disk_free_bytes", "gauge", "Free space where the data folder is.",
              meters.disk_free_bytes);
  page.single("process_start_time_seconds", "gauge", "Start of the process since 1970 in seconds.",
              static_cast<double>(facts.started_wall_us) / 1e6);
  page.single("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.",
              meters.process.cpu_s);
  page.single("process_resident_memory_bytes", "gauge", "Resident memory.", meters.process.resident_bytes);
  page.single("process_open_fds", "gauge", "Open file descriptors.", meters.process.open_files);
  page.single("process_max_fds", "gauge", "Most file descriptors that may be open.",
              meters.process.open_files_max);
}

// The running ones are told apart by what they do, so that the sum over all labels is the number of tasks.
void write_tasks(Page& page, Backend& backend, std::span<const std::string> projects) {
  struct Phases {
    std::uint64_t executing = 0;
    std::uint64_t stopping = 0;
  };
  std::map<std::string, Phases> phases;
  const std::vector<BatchId> live = backend.engine().live_batches();
  for (const BatchId id : live) {
    const std::optional<engine::BatchView> view = backend.engine().batch(id);
    phases[view->row.project].executing += view->executing;
    phases[view->row.project].stopping += view->stopping;
  }
  page.family("muster_tasks", "gauge", "Tasks by project and state; those that run by phase.");
  for (const std::string& project : projects) {
    const TaskCounts counts = backend.history().total_counts(project);
    const auto write = [&](std::string_view state, std::uint64_t count) {
      page.value(label("project", project) + "," + label("state", state), count);
    };
    for (std::size_t i = 0; i < kTaskStates; ++i) {
      const auto state = static_cast<TaskState>(i);
      if (state != TaskState::running) write(to_text(state), counts[i]);
    }
    const Phases& running = phases[project];
    const std::uint64_t all = counts[static_cast<std::size_t>(TaskState::running)];
    write("assigned", all - std::min(all, running.executing + running.stopping));
    write("executing", running.executing);
    write("stopping", running.stopping);
  }
  page.single("muster_batches_live", "gauge", "Batches that are not final.", live.size());
}

void write_workers(Page& page, const std::vector<engine::WorkerView>& workers) {
  std::array<std::uint64_t, kWorkerStates> by_state{};
  Capacity capacity;
  std::uint64_t cpu_slots = 0;
  std::uint64_t gpu_slots = 0;
  std::uint64_t assigned = 0;
  std::uint64_t executing = 0;
  for (const engine::WorkerView& worker : workers) {
    ++by_state[static_cast<std::size_t>(worker.row.state)];
    assigned += worker.assigned;
    executing += worker.executing;
    if (!worker.connected) continue;
    cpu_slots += worker.capacity.cpu_slots;
    gpu_slots += worker.capacity.gpu_slots;
  }
  page.family("muster_workers", "gauge", "Workers by state.");
  for (std::size_t i = 0; i < kWorkerStates; ++i) {
    if (static_cast<WorkerState>(i) != WorkerState::removed)
      page.value(label("state", to_text(static_cast<WorkerState>(i))), by_state[i]);
  }
  page.family("muster_slots", "gauge", "Slots of connected workers by kind.");
  page.value(R"(kind="cpu")", cpu_slots);
  page.value(R"(kind="gpu")", gpu_slots);
  page.single("muster_attempts_assigned", "gauge", "Attempts granted to a worker and not ended.", assigned);
  page.single("muster_attempts_executing", "gauge", "Attempts whose process runs.", executing);
}

void write_attempts(Page& page, const engine::Totals& totals) {
  page.single("muster_attempts_granted_total", "counter", "Attempts granted since the server started.",
              totals.granted);
  page.family("muster_attempts_ended_total", "counter",
              "Attempts that ended since the server started, by how and why.");
  for (const auto& [key, count] : totals.ended) {
    page.value(label("outcome", to_text(key.first)) + "," + label("cause", to_text(key.second)), count);
  }
  page.single("muster_late_results_total", "counter",
              "Results of attempts that were no longer the current one, refused.", totals.late_results);
}

void write_loop(Page& page, const ServerMeters& meters) {
  page.histogram("muster_commit_duration_seconds", "Time of one group commit.", meters.commit);
  page.single("muster_commit_failures_total", "counter", "Commits that failed or whose outcome is unknown.",
              meters.commits_failed);
  page.single("muster_inputs_total", "counter", "Inputs the engine has handled.", meters.inputs);
  page.single("muster_agent_connections", "gauge", "Connections of agents.", meters.agents);
  page.single("muster_client_connections", "gauge", "Connections of clients.", meters.clients);
  page.single("muster_log_bytes_total", "counter", "Bytes of tasks' output taken in.", meters.log_bytes);
}

constexpr std::array<std::string_view, RequestMeters::kClasses> kClassNames = {"1xx", "2xx", "3xx", "4xx",
                                                                               "5xx"};

void write_requests(Page& page, const RequestMeters& requests, const std::vector<RouteMeters>& routes) {
  page.family("muster_http_requests_total", "counter", "Requests answered, by route and class of status.");
  for (std::size_t i = 0; i < RequestMeters::kClasses; ++i) {
    if (requests.refused[i] == 0) continue;
    page.value(R"(method="",route="",status=")" + std::string(kClassNames[i]) + "\"", requests.refused[i]);
  }
  for (const RouteMeters& route : routes) {
    for (std::size_t i = 0; i < RequestMeters::kClasses; ++i) {
      if (route.answers[i] == 0) continue;
      page.value(label("method", route.method) + "," + label("route", route.path) + "," +
                     label("status", kClassNames[i]),
                 route.answers[i]);
    }
  }
  page.histogram("muster_http_request_duration_seconds",
                 "From a request's last byte to its answer; without those that wait for something to happen.",
                 requests.duration);
}

}  // namespace

std::string metrics_page(Backend& backend, std::span<const std::string> projects,
                         const RequestMeters& requests, const std::vector<RouteMeters>& routes) {
  Page page;
  const ServerMeters meters = backend.meters();
  write_server(page, backend.facts(), meters);
  write_tasks(page, backend, projects);
  write_workers(page, backend.engine().workers());
  write_attempts(page, backend.engine().totals());
  write_loop(page, meters);
  write_requests(page, requests, routes);
  return page.take();
}

}  // namespace muster::front
