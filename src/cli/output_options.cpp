// Reading the output options.
// `--json` is `-o json` and `-q` is `-o name`; saying both kinds at once is an error.
#include "cli/output_options.h"

#include <array>

#include "client/text.h"

namespace muster::cli {

namespace {

constexpr std::array<std::string_view, 6> kListFormats = {"table", "wide", "json", "jsonl", "csv", "name"};
constexpr std::array<std::string_view, 2> kActionFormats = {"json", "name"};

std::unexpected<Error> contradiction(std::string_view a, std::string_view b) {
  return refuse(ErrorKind::usage, kMalformedValue, client::join_text(a, " and ", b, " contradict each other"),
                "leave one of them out");
}

Format format_of(const std::string& text, const Terminal& terminal) {
  if (text == "table") return Format::table;
  if (text == "wide") return Format::wide;
  if (text == "json") return Format::json;
  if (text == "jsonl") return Format::jsonl;
  if (text == "csv") return Format::csv;
  if (text == "name") return Format::name;
  return terminal.is_terminal ? Format::table : Format::tsv;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

}  // namespace

void declare_output(Options& options, OutputOptions& target, OutputKind kind) {
  options.section("Output");
  if (kind == OutputKind::action) {
    options.choice("-o,--output", kActionFormats, target.format, "print the result as JSON, or ids only");
  } else {
    options.choice(
        "-o,--output", kListFormats, target.format,
        "default: table on a terminal, tab-separated values in a pipe; wide and csv have all columns");
  }
  options.flag("--json", target.json, "same as -o json");
  options.flag("-q,--quiet", target.quiet, "same as -o name: ids only");
  if (kind != OutputKind::action) {
    options.text("--columns", "A,B", target.columns, "these columns, in this order");
    options.flag("--no-header", target.no_header, "leave the line of column names out");
  }
  options.section("");
}

Result<OutputChoice> choose_output(const OutputOptions& options, const Terminal& terminal) {
  std::string format = options.format;
  if (options.json) {
    if (!format.empty() && format != "json") return contradiction("--json", "-o " + format);
    format = "json";
  }
  if (options.quiet) {
    if (!format.empty() && format != "name") return contradiction("-q", "-o " + format);
    format = "name";
  }
  OutputChoice choice;
  choice.format = format_of(format, terminal);
  choice.header = !options.no_header;
  const bool tabular = format.empty() || format == "table" || format == "wide" || format == "csv";
  if (!options.columns.empty()) {
    if (!tabular) return contradiction("--columns", "-o " + format);
    choice.columns = split_at_commas(options.columns);
  }
  if (options.no_header && !tabular) return contradiction("--no-header", "-o " + format);
  return choice;
}

}  // namespace muster::cli
