// Printing logs.
// Headings go to a terminal only: a pipe gets what the task wrote and nothing else.
#include "cli/log_printer.h"

#include "cli/views/cells.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

namespace {

// How many bytes at the end may be the beginning of a character that is not complete yet.
std::size_t unfinished_bytes(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const std::size_t needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? back : 0;
  }
  return 0;
}

}  // namespace

LogPrinter::LogPrinter(Session& session, Rawness rawness)
    : session_(session),
      on_terminal_(session.out_terminal().is_terminal),
      escape_(on_terminal_ && rawness == Rawness::safe) {}

void LogPrinter::heading(const std::string& attempt) {
  attempt_ = attempt;
  if (!on_terminal_) return;
  close_line();
  const bool signs = session_.out_terminal().signs;
  const std::string_view dot = signs ? " · " : " - ";
  std::string text = attempt;
  if (const Result<client::Api*> api = session_.api()) {
    if (const auto document = (*api)->attempt(attempt)) {
      const Json facts = document->root();
      const ViewContext context{Reader::person, signs, 0};
      if (!facts["worker"].is_null()) text += join_text(dot, facts["worker"].text());
      if (facts["wall_s"].is_number()) text += join_text(dot, seconds_cell(facts["wall_s"], context).text);
      text += join_text(dot, facts["state"].text());
      if (facts["exit_code"].number() != 0) text += join_text(dot, "exit ", facts["exit_code"].serialize());
    }
  }
  const std::string_view dashes = signs ? "──" : "--";
  const std::string line =
      truncate_text(join_text(dashes, " ", escape_text(text), " ", dashes), session_.out_terminal().width);
  session_.out().line(paint(line, Tone::dim, session_.out_terminal().colour));
}

void LogPrinter::safe(std::string_view bytes) {
  const std::string all = carry_ + std::string(bytes);
  const std::string_view whole = std::string_view(all).substr(0, all.size() - unfinished_bytes(all));
  session_.out().write(escape_text(whole, LineBreaks::kept));
  carry_ = all.substr(whole.size());
}

void LogPrinter::print(const client::LogPage& page) {
  if (!page.bytes.empty()) {
    if (page.attempt != attempt_) heading(page.attempt);
    if (escape_) {
      safe(page.bytes);
    } else {
      session_.out().write(page.bytes);
    }
    at_line_start_ = page.bytes.ends_with('\n');
  }
  session_.out().flush();
  if (page.cut && cut_said_ != page.attempt) {
    cut_said_ = page.attempt;
    session_.note(join_text("the log of ", page.attempt,
                            " has a gap: it was longer than --log-max, and its middle is gone"));
  }
}

void LogPrinter::close_line() {
  if (escape_ && !carry_.empty()) session_.out().write(escape_text(carry_, LineBreaks::kept));
  carry_.clear();
  if (on_terminal_ && !at_line_start_) session_.out().write("\n");
  at_line_start_ = true;
}

void LogPrinter::end() {
  close_line();
  attempt_.clear();
  session_.out().flush();
}

void LogPrinter::nothing(std::string_view selector) {
  if (session_.err_terminal().is_terminal) session_.note(join_text(selector, " has written nothing (yet)"));
}

}  // namespace muster::cli
