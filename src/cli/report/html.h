// A report as one HTML file: opens without a network, holds no script, prints well, follows light and dark.
// Every text from outside is escaped where it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/report/figures.h"
#include "client/json.h"

namespace muster::cli {

// `batch` and `failures` are the server's documents; `made_wall_us` is printed as the time of the report.
std::string report_html(const client::Json& batch, const client::Json& failures, const Figures& figures,
                        std::int64_t made_wall_us, std::string_view version);

}  // namespace muster::cli
