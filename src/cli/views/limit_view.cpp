// The columns of limits.
// What is used stands beside what is allowed.
#include "cli/views/columns.h"

namespace muster::cli {

namespace {

constexpr ViewColumn kColumns[] = {
    {"id", "WHAT", kMain, kLeft, 0, 8, &text_at<"id">},
    {"running", "RUNNING", kMain, kRight, 2, 0, &count_at<"running", Tone::busy>},
    {"max_running", "MAX-RUNNING", kMain, kRight, 1, 0, &number_at<"max_running">},
    {"cpus", "CPUS", kMain, kRight, 3, 0, &count_at<"cpus">},
    {"max_cpus", "MAX-CPUS", kMain, kRight, 2, 0, &number_at<"max_cpus">},
    {"weight", "WEIGHT", kMain, kRight, 4, 0, &number_at<"weight">},
};

}  // namespace

const View kLimitView = {"limit", "limits", "muster.limits/1", kColumns,
                         [](const client::Json& limit) { return std::string(limit["id"].text()); }};

}  // namespace muster::cli
