// Rendering errors.
// A usage error needs no pointer to its help page: it says everything in its one line.
#include "cli/error_text.h"

#include "client/text.h"
#include "core/escape.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

using client::join_text;

namespace {

void append_below(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    // A marked place is indented already.
    out += join_text(line.starts_with("  ") ? "" : "  ", line, '\n');
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string error_text(const Error& error, const Terminal& terminal) {
  const std::string what = escape_text(error.what, LineBreaks::kept);
  const std::size_t end = what.find('\n');
  const std::string first = what.substr(0, end);
  const std::string code = join_text('[', error.code, ']');
  const std::size_t used = 7 + display_width(first) + code.size();
  const std::size_t gap = terminal.is_terminal && used + 2 < terminal.width ? terminal.width - used : 2;
  std::string out = join_text(paint("error:", Tone::bad, terminal.colour), ' ', first, std::string(gap, ' '),
                              paint(code, Tone::dim, terminal.colour), '\n');
  if (end != std::string::npos) append_below(out, std::string_view(what).substr(end + 1));
  append_below(out, escape_text(error.next, LineBreaks::kept));
  const bool has_page = find_error(error.code) != nullptr;
  if (has_page && error.kind != ErrorKind::usage)
    append_below(out, join_text("more: muster help ", error.code));
  return out;
}

std::string error_json(const Error& error) {
  std::string text;
  wire::JsonWriter out(text);
  const CatalogueEntry* entry = find_error(error.code);
  out.begin_object().key("schema").text("muster.error/1");
  out.key("code").text(error.code);
  out.key("title").text(entry != nullptr ? entry->title : "error");
  out.key("detail").text(error.what);
  out.key("next").text_or_null(error.next);
  out.key("exit_code").number(exit_code_of(error.kind));
  out.end_object();
  return text + "\n";
}

}  // namespace muster::cli
