// The front page as lines: what needs a person, the live batches, capacity, workers and what happened last.
// The same for `status` and every frame of `top`; pure, and no wider than the terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "cli/views/view.h"
#include "client/json.h"

namespace muster::cli {

// One line for each need and one for what to do, worst first; nothing when all is well.
std::vector<std::string> attention_lines(const client::Json& attention, const Terminal& terminal);

// "███████░░░  3 of 3 online, 12 of 16 slots busy"
std::string capacity_line(std::uint64_t online, std::uint64_t total, std::uint64_t busy, std::uint64_t slots,
                          const Terminal& terminal);

// A table of the main columns of a view; one in which nobody has anything is left out.
std::vector<std::string> view_lines(const View& view, const std::vector<client::Json>& items,
                                    const Terminal& terminal, std::int64_t now_wall_us, bool header = true);

// What top knows and shows.
struct OverviewState {
  std::string title;  // "muster http://…  version 0.1.0"
  std::string link;   // "live", "waiting for the server"
  bool live = true;
  std::vector<client::Document> attention;  // one document with an array, or none
  std::vector<client::Json> batches;
  std::vector<client::Json> workers;
  std::vector<client::Json> events;  // newest first
  std::uint64_t more_batches = 0;
};

// `rows` lines at most; 0: all of them.
std::vector<std::string> overview_frame(const OverviewState& state, const Terminal& terminal,
                                        std::size_t rows, std::int64_t now_wall_us);

}  // namespace muster::cli
