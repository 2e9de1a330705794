// The options that decide how documents are printed: -o, --json, -q, --columns, --no-header.
// Contradictions are refused, so that no option is silently without effect.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/terminal.h"
#include "core/error.h"

namespace muster::cli {

enum class Format : std::uint8_t {
  table,  // aligned, the important columns; on a terminal fitted to its width
  wide,   // aligned, all columns, nothing cut
  tsv,    // what a pipe gets when nothing is said: as table, but tab-separated and raw
  csv,    // all columns, RFC 4180
  json,
  jsonl,
  name,
};

struct OutputOptions {
  std::string format;  // as typed; empty: by what standard output is
  bool json = false;
  bool quiet = false;
  std::string columns;
  bool no_header = false;
};

enum class OutputKind : std::uint8_t {
  list,    // tables of things
  thing,   // one thing, as name and value
  action,  // what a change did: a sentence, json or names
};

void declare_output(Options& options, OutputOptions& target, OutputKind kind);

struct OutputChoice {
  Format format = Format::table;
  std::vector<std::string> columns;  // empty: those of the format
  bool header = true;
};
Result<OutputChoice> choose_output(const OutputOptions& options, const Terminal& terminal);

}  // namespace muster::cli
