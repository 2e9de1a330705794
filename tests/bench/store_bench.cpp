// How fast the stores take and give rows, on the disk of the folder given (or of temporary files): durable life cycles, a million
// finished tasks, a million distinct lines, restart, pages.  Each line: NAME value unit (reference value, ratio).
// Must hold: every commit is durable as in a server; the reference of a figure is measured in the same run or is its aim.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace muster;
using store::FolderLock;
using store::MemoryStore;
using store::SqliteStore;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void report(const std::string& name, double value, const char* unit, const std::string& reference,
            double ratio) {
  std::printf("%s %.6g %s (%s, %.3g)\n", name.c_str(), value, unit, reference.c_str(), ratio);
  std::fflush(stdout);
}

std::string aim(double value, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, "aim %.6g %s", value, unit);
  return text;
}

class Folder {
 public:
  explicit Folder(const std::string& base) : path_(base + "/muster-store-bench-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + base);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<SqliteStore> open_store(const FolderLock& lock) {
  auto opened = store::open_sqlite_store(lock);
  if (!opened) throw std::runtime_error(opened.error().what);
  return std::move(*opened);
}

// ---- life cycles: one batch of one task each

constexpr Micros kEpoch_us = 1'760'000'000'000'000;

BatchRow batch_of_one(BatchId id, BatchState state, TaskState task) {
  BatchRow row;
  row.id = id;
  row.name = "true";
  row.owner = "ada";
  row.state = state;
  row.task_count = 1;
  row.counts[static_cast<std::size_t>(task)] = 1;
  row.created_wall_us = kEpoch_us + static_cast<Micros>(id);
  row.started_wall_us = state == BatchState::waiting ? 0 : row.created_wall_us + 500;
  row.ended_wall_us = is_final(state) ? row.created_wall_us + 900 : 0;
  return row;
}

TaskRow task_row(BatchId batch, Position position, TaskState state) {
  TaskRow row;
  row.batch = batch;
  row.position = position;
  row.state = state;
  row.attempt.number = 1;
  row.attempt.incarnation = 1;
  row.attempt.worker = 1 + position % 4;
  row.attempt.granted_wall_us = kEpoch_us + static_cast<Micros>(position);
  if (state == TaskState::running) return row;
  row.attempt.state = AttemptState::succeeded;
  row.attempt.end.started_wall_us = row.attempt.granted_wall_us + 100;
  row.attempt.end.ended_wall_us = row.attempt.granted_wall_us + 900;
  row.attempt.end.usage = {.wall_us = 800,
                           .user_us = 500,
                           .system_us = 200,
                           .peak_memory_bytes = 5 << 20,
                           .read_bytes = 4096,
                           .written_bytes = 8192};
  row.attempt.end.stdout_bytes = 120;
  return row;
}

void add_submit(Changes& changes, BatchId id) {
  changes.batches.push_back(batch_of_one(id, BatchState::waiting, TaskState::ready));
  SegmentRow segment;
  segment.batch = id;
  segment.count = 1;
  segment.first_number = id;
  segment.template_id = 1;
  changes.segments.push_back(segment);
}

void add_template(Changes& changes, TemplateId id) {
  auto body = std::make_shared<TaskTemplate>();
  body->command.words = {{{PieceKind::literal, 0, "/bin/true"}},
                         {{PieceKind::literal, 0, std::to_string(id)}}};
  body->cwd = "/home/ada/project";
  body->environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  changes.templates.push_back({id, body});
}

void add_event(Changes& changes, std::uint64_t seq, EventKind kind, BatchId batch) {
  EventRow& row = changes.events.emplace_back();
  row.seq = seq;
  row.wall_us = kEpoch_us;
  row.kind = kind;
  row.batch = batch;
  row.who = "ada";
}

enum class Extra { nothing, templates, events };

// Submit, grant and end of a task are three commits: wave k is submitted with the grants of wave k-1 and the ends of wave k-2.
Changes wave_changes(std::uint64_t wave, std::uint64_t group, std::uint64_t waves, Extra extra,
                     std::uint64_t& next_event) {
  Changes changes;
  for (std::uint64_t i = 1; i <= group; ++i) {
    const BatchId submitted = wave * group + i;
    if (wave < waves) {
      add_submit(changes, submitted);
      if (extra == Extra::templates) add_template(changes, submitted);
      if (extra == Extra::events) add_event(changes, next_event++, EventKind::batch_created, submitted);
    }
    if (wave >= 1 && wave - 1 < waves) {
      changes.batches.push_back(batch_of_one(submitted - group, BatchState::running, TaskState::running));
      changes.tasks.push_back(task_row(submitted - group, 0, TaskState::running));
    }
    if (wave >= 2) {
      changes.batches.push_back(
          batch_of_one(submitted - 2 * group, BatchState::succeeded, TaskState::succeeded));
      changes.tasks.push_back(task_row(submitted - 2 * group, 0, TaskState::succeeded));
      if (extra == Extra::events)
        add_event(changes, next_event++, EventKind::batch_ended, submitted - 2 * group);
    }
  }
  changes.sequences = Sequences{.next_batch = (wave + 1) * group + 1,
                                .next_number = (wave + 1) * group + 1,
                                .next_template = 2,
                                .next_worker = 1,
                                .next_event = next_event};
  return changes;
}

struct Measured {
  double per_second = 0;
  double cpu_us = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double worst_ms = 0;
};

// Commits what `make(k)` gives for k below `commits`; only the commits are timed.
template <class Make>
Measured measure(Store& store, std::uint64_t commits, double cycles, const Make& make) {
  std::vector<double> times;
  double wall = 0;
  double cpu = 0;
  for (std::uint64_t k = 0; k < commits; ++k) {
    const Changes changes = make(k);
    const double cpu_before = cpu_seconds();
    const double before = wall_seconds();
    store.commit(changes);
    times.push_back(wall_seconds() - before);
    wall += times.back();
    cpu += cpu_seconds() - cpu_before;
  }
  std::sort(times.begin(), times.end());
  return {cycles / wall, 1e6 * cpu / cycles, 1e3 * times[times.size() / 2],
          1e3 * times[times.size() * 99 / 100], 1e3 * times.back()};
}

void report_measured(const std::string& name, const Measured& measured, double aimed) {
  report(name, measured.per_second, "life-cycles/s", aim(aimed, "life-cycles/s"),
         measured.per_second / aimed);
  report(name + "_cpu", measured.cpu_us, "us", aim(1e6 / aimed, "us of one core"),
         measured.cpu_us * aimed / 1e6);
  report(name + "_commit_p99", measured.p99_ms, "ms", aim(5, "ms"), measured.p99_ms / 5);
  report(name + "_commit_worst", measured.worst_ms, "ms", "p50 " + std::to_string(measured.p50_ms) + " ms",
         measured.worst_ms / measured.p50_ms);
}

Measured measure_life_cycles(Store& store, std::uint64_t group, std::uint64_t cycles, Extra extra) {
  store.load();
  Changes first;
  add_template(first, 1);
  store.commit(first);
  const std::uint64_t waves = cycles / group;
  std::uint64_t next_event = 1;
  return measure(store, waves + 2, static_cast<double>(waves * group),
                 [&](std::uint64_t wave) { return wave_changes(wave, group, waves, extra, next_event); });
}

// What the disk alone gives: the bytes of as many life cycles appended and made durable together.
void bench_floor(const std::string& base) {
  const Folder folder(base);
  constexpr std::size_t kBytesOfACycle = 400;
  for (const std::size_t group : {32, 128}) {
    const int file = open((folder.path() + "/log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const std::string bytes(kBytesOfACycle * group, 'x');
    constexpr int kCommits = 2000;
    const double before = wall_seconds();
    for (int i = 0; i < kCommits; ++i) {
      if (write(file, bytes.data(), bytes.size()) < 0 || fdatasync(file) != 0)
        throw std::runtime_error("the disk fails");
    }
    const double seconds = wall_seconds() - before;
    close(file);
    report("floor_append_fdatasync_group" + std::to_string(group),
           kCommits * static_cast<double>(group) / seconds, "life-cycles/s", "a file, no database", 1);
  }
}

void bench_life_cycles(const std::string& base) {
  constexpr double kAim = 60'000;
  const struct {
    const char* name;
    std::uint64_t group;
    Extra extra;
  } cases[] = {{"life_cycles_group32", 32, Extra::nothing},
               {"life_cycles_group64", 64, Extra::nothing},
               {"life_cycles_group128", 128, Extra::nothing},
               {"life_cycles_templates_group64", 64, Extra::templates},
               {"life_cycles_events_group64", 64, Extra::events}};
  for (const auto& one : cases) {
    const Folder folder(base);
    const FolderLock lock = FolderLock::take(folder.path()).value();
    const auto sqlite = open_store(lock);
    report_measured(one.name, measure_life_cycles(*sqlite, one.group, 300'000, one.extra), kAim);
  }
  MemoryStore memory;
  const Measured measured = measure_life_cycles(memory, 64, 300'000, Extra::nothing);
  report("life_cycles_memory_group64", measured.per_second, "life-cycles/s", aim(200'000, "life-cycles/s"),
         measured.per_second / 200'000);
}

// ---- one batch of a million tasks

Changes array_submit(std::uint64_t count) {
  Changes changes;
  add_submit(changes, 1);
  add_template(changes, 1);
  changes.batches[0].task_count = count;
  changes.batches[0].counts = {};
  changes.batches[0].counts[static_cast<std::size_t>(TaskState::ready)] = count;
  changes.segments[0].count = count;
  return changes;
}

// Grants of one group with the ends of four groups earlier: as many tasks run as a few hundred workers have.
Changes array_changes(std::uint64_t commit, std::uint64_t group, std::uint64_t count) {
  constexpr std::uint64_t kLag = 4;
  Changes changes;
  for (std::uint64_t i = 0; i < group; ++i) {
    const Position granted = commit * group + i;
    if (granted < count) changes.tasks.push_back(task_row(1, granted, TaskState::running));
    if (commit >= kLag && granted - kLag * group < count)
      changes.tasks.push_back(task_row(1, granted - kLag * group, TaskState::succeeded));
  }
  BatchRow row = array_submit(count).batches[0];
  row.state = BatchState::running;
  row.counts = {};
  const std::uint64_t done = commit < kLag ? 0 : std::min(count, (commit - kLag + 1) * group);
  const std::uint64_t granted = std::min(count, (commit + 1) * group);
  row.counts[static_cast<std::size_t>(TaskState::succeeded)] = done;
  row.counts[static_cast<std::size_t>(TaskState::running)] = granted - done;
  row.counts[static_cast<std::size_t>(TaskState::ready)] = count - granted;
  changes.batches.push_back(row);
  return changes;
}

Measured run_array(Store& store, std::uint64_t group, std::uint64_t count, std::uint64_t finished) {
  store.load();
  store.commit(array_submit(count));
  return measure(store, finished / group + 4, static_cast<double>(finished),
                 [&](std::uint64_t k) { return array_changes(k, group, finished); });
}

template <class Work>
double median_ms(const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const double before = wall_seconds();
    work();
    times.push_back(1e3 * (wall_seconds() - before));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void report_page(const std::string& name, double ms) { report(name, ms, "ms", aim(5, "ms"), ms / 5); }

void bench_pages(SqliteStore& sqlite) {
  std::size_t rows = 0;
  report_page("page_of_100_tasks", median_ms([&] {
                rows += sqlite.tasks({.batch = 1, .first = 700'000, .states = {}}, {}).size();
              }));
  report_page("page_of_failed_tasks", median_ms([&] {
                rows += sqlite.tasks({.batch = 1, .states = {TaskState::failed}}, {}).size();
              }));
  report_page("task_of_number", median_ms([&] { rows += sqlite.task_of_number(500'000)->second; }));
  report_page("total_counts", median_ms([&] { rows += sqlite.total_counts("default")[0]; }));
  if (rows == 0) throw std::runtime_error("nothing was read");
}

void bench_finished(const std::string& base) {
  const Folder folder(base);
  const FolderLock lock = FolderLock::take(folder.path()).value();
  {
    const auto sqlite = open_store(lock);
    report_measured("million_finished_group256", run_array(*sqlite, 256, 1'000'000, 1'000'000), 150'000);
    bench_pages(*sqlite);
  }
  const double megabytes =
      static_cast<double>(std::filesystem::file_size(folder.path() + "/muster.db")) / 1e6;
  report("million_finished_file", megabytes, "MB", aim(200, "MB"), megabytes / 200);
}

void bench_load(const std::string& base) {
  const Folder folder(base);
  const FolderLock lock = FolderLock::take(folder.path()).value();
  {
    const auto sqlite = open_store(lock);
    run_array(*sqlite, 2000, 1'000'000, 500'000);
  }
  std::vector<double> opens;
  std::vector<double> loads;
  for (int i = 0; i < 5; ++i) {
    const double begin = wall_seconds();
    const auto sqlite = open_store(lock);
    const double opened = wall_seconds();
    const StoreSnapshot snapshot = sqlite->load();
    if (snapshot.batches.at(0).tasks.size() != 500'000) throw std::runtime_error("not everything was loaded");
    opens.push_back(opened - begin);
    loads.push_back(wall_seconds() - opened);
  }
  std::sort(opens.begin(), opens.end());
  std::sort(loads.begin(), loads.end());
  report("open", opens[2], "s", aim(0.05, "s"), opens[2] / 0.05);
  report("load_million_half_finished", loads[2], "s", aim(0.4, "s"), loads[2] / 0.4);
}

// ---- a million distinct lines of 100 bytes

Changes lines_submit() {
  Changes changes = array_submit(1'000'000);
  changes.segments[0].has_items = true;
  std::mt19937_64 random(1);
  constexpr std::uint64_t kRowsOfABlock = 10'000;
  constexpr char kHex[] = "0123456789abcdef";
  for (std::uint64_t first = 0; first < 1'000'000; first += kRowsOfABlock) {
    auto items = std::make_shared<ItemBlock>();
    items->columns = {""};
    for (std::uint64_t row = 0; row < kRowsOfABlock; ++row) {
      char line[128];
      std::uint64_t noise = random();
      const int size = std::snprintf(line, sizeof line, "/data/project/study-%08llu/sample-%08llu/reads/",
                                     static_cast<unsigned long long>((first + row) / 100),
                                     static_cast<unsigned long long>(first + row));
      items->bytes.append(line, static_cast<std::size_t>(size));
      for (int i = size; i < 94; ++i, noise = noise << 4 | noise >> 60) items->bytes += kHex[noise & 15];
      items->bytes += ".fastq";
      items->ends.push_back(static_cast<std::uint32_t>(items->bytes.size()));
    }
    changes.item_blocks.push_back({1, 0, first, items});
  }
  return changes;
}

void bench_lines(const std::string& base) {
  const Changes changes = lines_submit();
  std::vector<double> commits;
  std::vector<double> loads;
  double megabytes = 0;
  for (int i = 0; i < 5; ++i) {
    const Folder folder(base);
    const FolderLock lock = FolderLock::take(folder.path()).value();
    {
      const auto sqlite = open_store(lock);
      sqlite->load();
      const double begin = wall_seconds();
      sqlite->commit(changes);
      commits.push_back(wall_seconds() - begin);
    }
    megabytes = static_cast<double>(std::filesystem::file_size(folder.path() + "/muster.db")) / 1e6;
    const auto sqlite = open_store(lock);
    const double begin = wall_seconds();
    if (sqlite->load().batches.at(0).item_blocks.size() != 100)
      throw std::runtime_error("not everything was loaded");
    loads.push_back(wall_seconds() - begin);
  }
  std::sort(commits.begin(), commits.end());
  std::sort(loads.begin(), loads.end());
  report("million_lines_commit", commits[2], "s", aim(1, "s"), commits[2]);
  report("million_lines_load", loads[2], "s", aim(0.4, "s"), loads[2] / 0.4);
  report("million_lines_file", megabytes, "MB", "100 MB of lines", megabytes / 100);
}

}  // namespace

// store_bench [FOLDER [PART]]: parts are floor cycles finished load lines.
int main(int count, char** arguments) {
  const std::string base = count > 1 ? arguments[1] : std::filesystem::temp_directory_path().string();
  const std::string part = count > 2 ? arguments[2] : "";
  const struct {
    const char* name;
    void (*run)(const std::string&);
  } parts[] = {{"floor", bench_floor},
               {"cycles", bench_life_cycles},
               {"finished", bench_finished},
               {"load", bench_load},
               {"lines", bench_lines}};
  for (const auto& one : parts) {
    if (part.empty() || part == one.name) one.run(base);
  }
  return 0;
}
