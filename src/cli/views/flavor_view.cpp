// The columns of flavors.
// Sizes as memory is shown everywhere; the price with its currency, for an hour.
#include "cli/views/columns.h"
#include "client/text.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

Cell price_of(const Json& flavor, const ViewContext&) {
  return {join_text(flavor["price"].serialize(), " ", flavor["currency"].text())};
}

Cell eviction_of(const Json& flavor, const ViewContext& context) {
  const Json percent = flavor["eviction_percent"];
  return percent.is_number() ? Cell{join_text(percent.number(), " %")} : dash(context);
}

Cell gpu_of(const Json& flavor, const ViewContext& context) {
  if (!flavor["gpu"].is_text() || flavor["gpu"].text().empty()) return dash(context);
  return text_cell(flavor["gpu"], context);
}

Cell verdict_of(const Json& flavor, const ViewContext& context) {
  if (!flavor["dropped"].is_text()) return {"kept", Tone::good};
  return text_cell(flavor["dropped"], context);
}

constexpr ViewColumn kColumns[] = {
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"provider", "PROVIDER", kMain, kLeft, 1, 6, &text_at<"provider">},
    {"region", "REGION", kMain, kLeft, 1, 6, &text_at<"region">},
    {"cpus", "CPUS", kMain, kRight, 0, 0, &number_at<"cpus">},
    {"ram_mb", "RAM", kMain, kRight, 0, 0, &memory_at<"ram_mb">},
    {"disk_mb", "DISK", kMain, kRight, 3, 0, &memory_at<"disk_mb">},
    {"tags", "TAGS", kMain, kLeft, 4, 0, &text_at<"tags">},
    {"gpu", "GPU", kMain, kLeft, 5, 6, &gpu_of},
    {"gpu_mem_mb", "GPUMEM", kMain, kRight, 5, 0, &memory_at<"gpu_mem_mb">},
    {"price", "PRICE/H", kMain, kRight, 0, 0, &price_of},
    {"eviction_percent", "EVICTION", kMain, kRight, 2, 0, &eviction_of},
    {"id", "ID", kWide, kLeft, 9, 8, &text_at<"id">},
    {"bandwidth_mbps", "MBIT/S", kWide, kRight, 9, 0, &number_at<"bandwidth_mbps">},
    {"cost", "COST/H", kWide, kRight, 9, 0, &number_at<"cost">},
};

constexpr ViewColumn kReasonColumns[] = {
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"provider", "PROVIDER", kMain, kLeft, 2, 6, &text_at<"provider">},
    {"region", "REGION", kMain, kLeft, 1, 6, &text_at<"region">},
    {"price", "PRICE/H", kMain, kRight, 3, 0, &price_of},
    {"dropped", "VERDICT", kMain, kLeft, 0, 12, &verdict_of},
    {"id", "ID", kWide, kLeft, 9, 8, &text_at<"id">},
};

std::string id_of(const Json& flavor) { return std::string(flavor["id"].text()); }

}  // namespace

const View kFlavorView = {"flavor", "flavors", "muster.flavors/1", kColumns, &id_of};
const View kFlavorReasonView = {"flavor", "flavors", "muster.flavors/1", kReasonColumns, &id_of};

}  // namespace muster::cli
