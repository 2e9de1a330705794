// The columns of workers.
// What is in use stands beside what there is: `4/16`.
#include "cli/views/columns.h"
#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

Cell state_of(const Json& worker, const ViewContext& context) {
  return state_cell(worker["state"].text(), context);
}

Cell share(const Json& used, const Json& whole, const ViewContext& context) {
  if (context.reader == Reader::script) return number_cell(whole, context);
  if (!whole.is_number()) return dash(context);
  const bool idle = used.number() == 0;
  return {join_text(used.number(), '/', whole.number()), idle ? Tone::plain : Tone::busy};
}

Cell slots_of(const Json& worker, const ViewContext& context) {
  return share(worker["slots"]["busy"], worker["slots"]["enabled"], context);
}

Cell gpu_slots_of(const Json& worker, const ViewContext& context) {
  if (context.reader == Reader::person && worker["slots"]["gpu_enabled"].number() == 0) return dash(context);
  return share(worker["slots"]["gpu_busy"], worker["slots"]["gpu_enabled"], context);
}

Cell memory_of(const Json& worker, const ViewContext& context) {
  if (context.reader == Reader::script) return number_cell(worker["mem_mb"], context);
  if (!worker["mem_mb"].is_number()) return dash(context);
  return {join_text(format_memory_mb(worker["in_use"]["mem_mb"].number()), '/',
                    format_memory_mb(worker["mem_mb"].number()))};
}

Cell devices_of(const Json& worker, const ViewContext& context) {
  const Json gpus = worker["gpus"];
  std::string all;
  for (std::size_t i = 0; i < gpus.size(); ++i) all += join_text(i == 0 ? "" : ", ", gpus.at(i).text());
  return all.empty() ? dash(context) : Cell{all};
}

// "storage=lustre, zone=b"
Cell pairs_of(const Json& pairs, const ViewContext& context) {
  std::string all;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Json value = pairs.at(i);
    all += join_text(i == 0 ? "" : ", ", pairs.key(i), "=",
                     value.is_text() ? std::string(value.text()) : value.serialize());
  }
  return all.empty() ? dash(context) : Cell{all};
}

Cell labels_of(const Json& worker, const ViewContext& context) { return pairs_of(worker["labels"], context); }
Cell offers_of(const Json& worker, const ViewContext& context) { return pairs_of(worker["offers"], context); }

constexpr ViewColumn kColumns[] = {
    {"id", "ID", kMain, kRight, 6, 0, &number_at<"id">},
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"state", "STATE", kMain, kLeft, 0, 0, &state_of},
    {"slots", "SLOTS", kMain, kRight, 1, 0, &slots_of},
    {"gpu_slots", "GPUS", kMain, kRight, 4, 0, &gpu_slots_of},
    {"mem_mb", "MEMORY", kMain, kRight, 3, 0, &memory_of},
    {"executing", "EXECUTING", kMain, kRight, 2, 0, &count_at<"executing", Tone::busy>},
    {"last_seen", "SEEN", kMain, kLeft, 5, 0, &time_at<"last_seen">},
    {"labels", "LABELS", kMain, kLeft, 7, 8, &labels_of},
    {"serves", "SERVES", kMain, kLeft, 8, 8, &text_at<"serves">},
    {"reason", "REASON", kWide, kLeft, 9, 8, &text_at<"reason">},
    {"offers", "OFFERS", kWide, kLeft, 9, 8, &offers_of},
    {"lease_s", "LEASE", kWide, kRight, 9, 0, &seconds_at<"lease_s">},
    {"quarantined_until", "QUARANTINED-UNTIL", kWide, kLeft, 9, 0, &time_at<"quarantined_until">},
    {"connected", "CONNECTED", kWide, kLeft, 9, 0, &flag_at<"connected">},
    {"busy_slots", "BUSY", kWide, kRight, 9, 0, &count_in<"slots", "busy">},
    {"busy_gpu_slots", "GPU-BUSY", kWide, kRight, 9, 0, &count_in<"slots", "gpu_busy">},
    {"assigned", "ASSIGNED", kWide, kRight, 9, 0, &count_at<"assigned">},
    {"cpus", "CPUS", kWide, kRight, 9, 0, &number_at<"cpus">},
    {"cpus_in_use", "CPUS-IN-USE", kWide, kRight, 9, 0, &count_in<"in_use", "cpus">},
    {"mem_mb_in_use", "MEM-IN-USE", kWide, kRight, 9, 0, &memory_in<"in_use", "mem_mb">},
    {"disk_mb", "DISK", kWide, kRight, 9, 0, &memory_at<"disk_mb">},
    {"disk_mb_in_use", "DISK-IN-USE", kWide, kRight, 9, 0, &memory_in<"in_use", "disk_mb">},
    {"gpus", "GPU-DEVICES", kWide, kLeft, 9, 8, &devices_of},
    {"host", "HOST", kWide, kLeft, 9, 8, &text_at<"host">},
    {"version", "VERSION", kWide, kLeft, 9, 0, &text_at<"version">},
    {"boot_id", "BOOT", kWide, kLeft, 9, 8, &text_at<"boot_id">},
};

}  // namespace

const View kWorkerView = {"worker", "workers", "muster.workers/1", kColumns,
                          [](const Json& worker) { return std::string(worker["name"].text()); }};

}  // namespace muster::cli
