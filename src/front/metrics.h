// The numbers of the server as a Prometheus page (text exposition format 0.0.4), for GET /metrics.
// Must hold: names and labels only grow, every family has HELP and TYPE, and nothing on the page grows with the number of tasks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "front/backend.h"
#include "front/meters.h"

namespace muster::front {

struct RouteMeters {
  std::string_view method;
  std::string_view path;  // below /api/v1, "batches/*"
  RequestMeters::ByClass answers{};
};

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// `projects`: those whose tasks are counted on it.
std::string metrics_page(Backend& backend, std::span<const std::string> projects,
                         const RequestMeters& requests, const std::vector<RouteMeters>& routes);

}  // namespace muster::front
