// What the columns of a thing are, and how each is made from the server's document.
// People get signs, short units and relative times; scripts get raw numbers, seconds, MiB and RFC 3339.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cli/table.h"
#include "client/json.h"

namespace muster::cli {

enum class Reader : std::uint8_t { person, script };

struct ViewContext {
  Reader reader = Reader::script;
  bool signs = false;
  std::int64_t now_wall_us = 0;
};

enum class Importance : std::uint8_t {
  main,  // in every table
  wide,  // in wide and csv, and when named with --columns
};

struct ViewColumn {
  std::string_view name;    // for --columns, and the header in a pipe
  std::string_view header;  // on a terminal
  Importance importance = Importance::main;
  Alignment alignment = Alignment::left;
  unsigned dispensable = 0;  // as in TableColumn
  std::size_t cut_to = 0;
  Cell (*cell)(const client::Json& thing, const ViewContext& context) = nullptr;
};

struct View {
  std::string_view thing;   // "batch"
  std::string_view plural;  // "batches"
  std::string_view schema;  // "muster.batches/1"
  std::span<const ViewColumn> columns;
  // What -o name prints.
  std::string (*name)(const client::Json& thing) = nullptr;
};

extern const View kBatchView;
extern const View kLiveBatchView;  // those that are worked on: how far, how fast
extern const View kTaskView;
extern const View kAttemptView;
extern const View kWorkerView;
extern const View kLimitView;
extern const View kFlavorView;
extern const View kFlavorReasonView;  // kept, or why not
extern const View kEventView;
extern const View kUserView;
extern const View kTokenView;
extern const View kProjectView;
extern const View kSecretView;
extern const View kAuditView;
extern const View kContextView;

}  // namespace muster::cli
