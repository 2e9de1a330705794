// Reading and writing catalogue files on top of the table reader for items.
// A value never spans lines, so the line of a row is known by counting those that are not blank.
#include "core/flavor_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "core/escape.h"
#include "core/nearest_word.h"

namespace muster {
namespace {

constexpr std::array<std::string_view, 13> kColumns = {"provider", "region",    "name",    "cpu",    "ram",
                                                       "disk",     "bandwidth", "gpu",     "gpumem", "tags",
                                                       "cost",     "currency",  "eviction"};
constexpr std::size_t kNameBytesMax = 100;
constexpr std::uint64_t kCpusMax = 1'000'000;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-' || c == '+';
  });
}

std::optional<std::uint64_t> parse_whole(std::string_view text, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || number > max)
    return std::nullopt;
  return number;
}

std::unexpected<Error> malformed(std::string what, std::string next = {}) {
  return refuse(ErrorKind::usage, kMalformedValue, std::move(what), std::move(next));
}

// One row of the file; the error says what is wrong with which field, not where.
class RowReader {
 public:
  RowReader(const std::vector<std::string>& columns, const std::vector<std::string_view>& fields)
      : columns_(columns), fields_(fields) {}

  Result<Flavor> read(const std::string& provider) {
    Flavor flavor;
    flavor.key = {text("provider").empty() ? provider : std::string(text("provider")),
                  std::string(text("region")), std::string(text("name"))};
    flavor.cpus = static_cast<std::uint32_t>(
        needed("cpu", parse_whole(text("cpu"), kCpusMax), "a whole number of CPUs"));
    flavor.ram_mb = needed("ram", parse_gb_as_mb(text("ram")), "a number of GB");
    flavor.disk_mb = optional("disk", parse_gb_as_mb(text("disk")), "a number of GB").value_or(0);
    flavor.bandwidth_mbps =
        optional("bandwidth", parse_whole(text("bandwidth"), 1'000'000'000), "whole megabits a second")
            .value_or(0);
    flavor.gpu = text("gpu");
    flavor.gpu_mem_mb = optional("gpumem", parse_gb_as_mb(text("gpumem")), "a number of GB");
    flavor.tags = text("tags");
    flavor.price_micro = needed("cost", parse_money_micro(text("cost")), "a price with at most six decimals");
    flavor.cost_micro = flavor.price_micro;
    if (!text("currency").empty()) flavor.currency = text("currency");
    if (const auto percent =
            optional("eviction", parse_whole(text("eviction"), 100), "a whole number of percent"))
      flavor.eviction_percent = static_cast<std::uint32_t>(*percent);
    if (!problem_.empty()) return malformed(problem_);
    if (Result<void> checked = check_flavor(flavor); !checked)
      return std::unexpected(std::move(checked.error()));
    return flavor;
  }

 private:
  std::string_view text(std::string_view column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    return found == columns_.end() ? std::string_view()
                                   : fields_[static_cast<std::size_t>(found - columns_.begin())];
  }
  template <class Number>
  Number needed(std::string_view column, std::optional<Number> number, std::string_view wanted) {
    if (!number) note(column, wanted);
    return number.value_or(Number{});
  }
  template <class Number>
  std::optional<Number> optional(std::string_view column, std::optional<Number> number,
                                 std::string_view wanted) {
    if (!number && !text(column).empty()) note(column, wanted);
    return number;
  }
  void note(std::string_view column, std::string_view wanted) {
    if (!problem_.empty()) return;
    problem_ = std::string(column) + " has to be " + std::string(wanted) + ", not \"" +
               escape_text(truncate_text(text(column), 40)) + "\"";
  }

  const std::vector<std::string>& columns_;
  const std::vector<std::string_view>& fields_;
  std::string problem_;
};

// The line of every row: those behind the first that are not blank. In jsonl the first is a row, too.
std::vector<std::size_t> lines_of_rows(std::string_view text, ItemFormat format) {
  std::vector<std::size_t> lines;
  std::size_t line = 1;
  bool header = format != ItemFormat::jsonl;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at).find_first_not_of(" \t\r") != std::string_view::npos) {
      if (!std::exchange(header, false)) lines.push_back(line);
    }
    at = end + 1;
  }
  return lines;
}

Result<void> check_columns(const std::vector<std::string>& columns, const std::string& provider) {
  for (const std::string& column : columns) {
    if (std::find(kColumns.begin(), kColumns.end(), column) != kColumns.end()) continue;
    const std::string near = nearest_word(column, kColumns);
    return refuse(
        ErrorKind::usage, kTableError,
        "\"" + escape_text(truncate_text(column, 40)) + "\" is no column of flavors",
        near.empty()
            ? "columns: provider region name cpu ram disk bandwidth gpu gpumem tags cost currency eviction"
            : "did you mean " + near + "?");
  }
  for (const char* needed : {"provider", "region", "name", "cpu", "ram", "cost"}) {
    if (needed == std::string_view("provider") && !provider.empty()) continue;
    if (std::find(columns.begin(), columns.end(), needed) == columns.end()) {
      return refuse(
          ErrorKind::usage, kTableError, "the column " + std::string(needed) + " is missing",
          "the first line names the columns; region, name, cpu, ram and cost have to be there, and provider");
    }
  }
  return {};
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Result<std::vector<Flavor>> read_flavor_table(ItemFormat format, std::string_view text,
                                              const std::string& provider) {
  const Result<std::vector<ItemBlock>> blocks = parse_items(format, text);
  if (!blocks) return std::unexpected(blocks.error());
  if (blocks->empty())
    return refuse(ErrorKind::usage, kTableError, "there is no flavor in it",
                  "a line a flavor, behind the names of the columns");
  const std::vector<std::string>& columns = blocks->front().columns;
  if (Result<void> checked = check_columns(columns, provider); !checked)
    return std::unexpected(std::move(checked.error()));
  const std::vector<std::size_t> lines = lines_of_rows(text, format);
  std::vector<Flavor> flavors;
  std::map<FlavorKey, std::size_t> line_of;
  std::vector<std::string_view> fields;
  for (const ItemBlock& block : *blocks) {
    for (std::size_t row = 0; row < block.rows(); ++row) {
      const std::size_t number = flavors.size();
      const std::string line = "line " + (number < lines.size() ? std::to_string(lines[number]) : "?") + ": ";
      block.row(row, fields);
      const bool spans = std::any_of(fields.begin(), fields.end(), [](std::string_view field) {
        return field.find('\n') != std::string_view::npos;
      });
      if (spans)
        return refuse(ErrorKind::usage, kTableError, line + "a value holds a line break",
                      "one line a flavor");
      Result<Flavor> flavor = RowReader(columns, fields).read(provider);
      if (!flavor)
        return refuse(ErrorKind::usage, kTableError, line + flavor.error().what, flavor.error().next);
      const auto [first, is_new] = line_of.emplace(flavor->key, number);
      if (!is_new) {
        return refuse(ErrorKind::usage, kTableError,
                      line + flavor_id(flavor->key) + " stands on line " +
                          std::to_string(lines[first->second]) + " already",
                      "provider, region and name stand together once");
      }
      flavors.push_back(std::move(*flavor));
    }
  }
  return flavors;
}

std::string write_flavor_table(ItemFormat format, std::span<const Flavor> flavors) {
  const char separator = format == ItemFormat::tsv ? '\t' : ',';
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i != 0) text += separator;
      text += format == ItemFormat::tsv ? fields[i] : csv_field(fields[i]);
    }
    text += '\n';
  };
  add_line({kColumns.begin(), kColumns.end()});
  for (const Flavor& one : flavors) {
    add_line({one.key.provider, one.key.region, one.key.name, std::to_string(one.cpus), format_gb(one.ram_mb),
              format_gb(one.disk_mb), one.bandwidth_mbps == 0 ? "" : std::to_string(one.bandwidth_mbps),
              one.gpu, one.gpu_mem_mb ? format_gb(*one.gpu_mem_mb) : "", one.tags,
              format_money(one.price_micro), one.currency,
              one.eviction_percent ? std::to_string(*one.eviction_percent) : ""});
  }
  return text;
}

Result<void> check_flavor(const Flavor& flavor) {
  const auto shown = [](std::string_view text) { return "\"" + escape_text(truncate_text(text, 60)) + "\""; };
  for (const auto& [what, text] : {std::pair<const char*, std::string_view>{"provider", flavor.key.provider},
                                   {"region", flavor.key.region},
                                   {"name", flavor.key.name}}) {
    if (!is_name(text))
      return malformed(std::string(what) + " " + shown(text) +
                       " is not 1 to 100 letters, digits and . _ - +");
  }
  if (flavor.cpus == 0 || flavor.cpus > kCpusMax)
    return malformed("a machine has at least one CPU, and at most a million");
  if (flavor.ram_mb == 0) return malformed("a machine has memory");
  if (!std::all_of(flavor.tags.begin(), flavor.tags.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return malformed("tags " + shown(flavor.tags) + " are not capital letters",
                     "G has a GPU, M is metal, N has NVMe: NG");
  if (flavor.currency.size() != 3 || !std::all_of(flavor.currency.begin(), flavor.currency.end(),
                                                  [](char c) { return c >= 'A' && c <= 'Z'; }))
    return malformed("currency " + shown(flavor.currency) + " is not three capital letters",
                     "for instance EUR");
  if (flavor.price_micro < 0 || flavor.cost_micro < 0) return malformed("a price is not negative");
  if (flavor.eviction_percent.value_or(0) > 100)
    return malformed("an eviction is a chance of at most 100 percent");
  if (flavor.gpu.size() > kNameBytesMax || flavor.gpu.find_first_of("\t\r\n") != std::string::npos)
    return malformed("the GPU's model is too long, or holds a tab or a line break");
  return {};
}

std::string flavor_id(const FlavorKey& key) { return key.provider + ":" + key.region + ":" + key.name; }

std::optional<FlavorKey> parse_flavor_id(std::string_view text) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  FlavorKey key{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
                std::string(text.substr(second + 1))};
  if (!is_name(key.provider) || !is_name(key.region) || !is_name(key.name)) return std::nullopt;
  return key;
}

}  // namespace muster
