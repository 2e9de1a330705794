// Man pages in mdoc, as `mandoc -Tlint` likes them.
// Text is escaped once, where it is written: a dot at the beginning of a line would be a macro.
#include "cli/declared.h"
#include "cli/help_text.h"
#include "cli/manual_pages.h"
#include "cli/topics.h"
#include "client/text.h"
#include "core/error.h"
#include "core/escape.h"

namespace muster::cli {

using client::join_text;

namespace {

// The day of the texts, not of the build: two builds of one version are the same.
constexpr std::string_view kDate = "November 21, 2026";

void append_character(std::string& out, std::string_view bytes, char32_t code_point) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  if (code_point == U'\\') {
    out += "\\e";
  } else if (code_point == U'-') {
    out += "\\-";
  } else if (code_point == U'\'') {
    out += "\\(aq";
  } else if (code_point == U'`') {
    out += "\\(ga";
  } else if (code_point == U'^') {
    out += "\\(ha";
  } else if (code_point == U'~') {
    out += "\\(ti";
  } else if (code_point < 0x80) {
    out += bytes;
  } else {
    std::string digits;
    for (char32_t left = code_point; left != 0; left >>= 4) digits.insert(digits.begin(), kHex[left & 15]);
    while (digits.size() < 4) digits.insert(digits.begin(), '0');
    out += join_text("\\[u", digits, "]");
  }
}

// One line of running text.
std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.')) out += "\\&";
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    append_character(out, text.substr(0, character.length), character.code_point);
    text.remove_prefix(character.length);
  }
  return out;
}

// The argument of a macro.
std::string argument(std::string_view text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (c == '"') {
      out += "\\(dq";
    } else {
      out.push_back(c);
    }
  }
  return join_text("\"", out, "\"");
}

// No line of the source is longer than this: some readers of man pages are old.
constexpr std::size_t kLineBytes = 78;

std::string wrapped(std::string_view text) {
  std::string out = wrap_text(escaped(text), kLineBytes, 0) + "\n";
  for (std::size_t at = out.find("\n."); at != std::string::npos; at = out.find("\n.", at + 1))
    out.insert(at + 1, "\\&");
  return out;
}

// Sentences end lines, as mdoc wants it.
std::string running(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find(". ");
    if (end == std::string_view::npos) break;
    out += wrapped(text.substr(0, end + 1));
    text.remove_prefix(end + 2);
  }
  return out + wrapped(text);
}

std::string literal(std::string_view lines) {
  while (lines.ends_with('\n')) lines.remove_suffix(1);
  std::string out = ".Bd -literal\n";
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    out += join_text(escaped(lines.substr(0, end)), "\n");
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
  return out + ".Ed\n";
}

std::string dashed(std::string_view path) {
  std::string name(path);
  for (char& c : name) {
    if (c == ' ') c = '-';
  }
  return name;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string head(std::string_view name, unsigned section, std::string_view summary) {
  return join_text(".Dd ", kDate, "\n.Dt ", upper(std::string(name)), " ", section, "\n.Os\n.Sh NAME\n.Nm ",
                   name, "\n.Nd ", escaped(summary), "\n");
}

std::string sentence(std::string_view text) {
  return join_text(upper(std::string(text.substr(0, 1))), text.substr(1), text.ends_with('.') ? "" : ".");
}

std::string option_list_of(const Options& options, std::string_view section) {
  std::string out = ".Bl -tag -width Ds\n";
  for (const OptionSpec& option : options.options()) {
    if (option.section != section) continue;
    out += join_text(".It ", argument(option_names(option)), "\n", running(sentence(option.help)));
  }
  return out + ".El\n";
}

std::string_view without_newlines(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

ManualPage command_page(const Command& command) {
  const Declared declared(command);
  const std::string name = join_text("muster-", dashed(command.path));
  std::string out = head(name, 1, command.summary);
  out += join_text(".Sh SYNOPSIS\n.Nm ", argument(join_text("muster ", command.path)), "\n");
  if (!command.usage.empty()) out += join_text(escaped(command.usage), "\n");
  out += join_text(".Sh DESCRIPTION\n", running(sentence(command.summary)));
  if (!declared.options.positionals().empty()) {
    out += ".Bl -tag -width Ds\n";
    for (const PositionalSpec& positional : declared.options.positionals()) {
      out += join_text(".It ", argument(positional.value_name), "\n", running(sentence(positional.help)));
    }
    out += ".El\n";
  }
  for (const std::string_view section : option_sections(declared.options)) {
    out += join_text(".Ss ", section.empty() ? std::string("Options") : escaped(section), "\n",
                     option_list_of(declared.options, section));
  }
  out += ".Sh EXIT STATUS\nThey are the same for every command: muster\\-exit\\-codes(7).\n";
  out += join_text(".Sh EXAMPLES\n", literal(command.examples));
  out += ".Sh SEE ALSO\nmuster(1), muster\\-errors(7)\n";
  return {name + ".1", std::move(out)};
}

// As the line that whatis prints: the first clause of a long title, and nothing that ends a sentence.
std::string_view clause_of(std::string_view title) {
  constexpr std::size_t kLong = 60;
  if (title.size() > kLong) title = title.substr(0, title.find_first_of(",:;"));
  while (!title.empty() && (title.ends_with('.') || title.ends_with(':') || title.ends_with(' ')))
    title.remove_suffix(1);
  if (title.ends_with("…")) title.remove_suffix(std::string_view("…").size());
  return title;
}

// The first line of a topic is its title.
ManualPage topic_page(std::string_view topic) {
  const std::string text = topic_text(topic).value_or("");
  const std::size_t end = text.find('\n');
  const std::string name = join_text("muster-", topic);
  std::string out = head(name, 7, clause_of(std::string_view(text).substr(0, end)));
  std::string_view rest = std::string_view(text).substr(end);
  while (rest.starts_with('\n')) rest.remove_prefix(1);
  out += join_text(".Sh DESCRIPTION\n", literal(without_newlines(rest)), ".Sh SEE ALSO\nmuster(1)\n");
  return {name + ".7", std::move(out)};
}

ManualPage errors_page() {
  std::string out = head("muster-errors", 7, "what error codes mean, and what to do");
  out += ".Sh DESCRIPTION\nEach error ends in a code.\n.Bl -tag -width Ds\n";
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    out += join_text(".It ", argument(join_text(entry->code, ": ", entry->title)), "\n",
                     running(entry->cause), running(entry->fix), literal(entry->example));
  }
  return {"muster-errors.7", out + ".El\n.Sh SEE ALSO\nmuster(1)\n"};
}

ManualPage overview_page(const std::vector<const Command*>& commands) {
  std::string out = head("muster", 1, "one control plane for batch compute");
  out += ".Sh SYNOPSIS\n.Nm\nCOMMAND [options]\n.Sh DESCRIPTION\n";
  out +=
      "You give it commands; it runs them over your machines, shows what is going on\n"
      "and why, tries again what deserves it, and never loses an accepted task.\n.Bl -tag -width Ds\n";
  for (const Command* command : commands) {
    if (command->section == CommandSection::hidden) continue;
    out += join_text(".It ", argument(command->path), "\n", running(sentence(command->summary)));
  }
  out +=
      ".El\n.Sh ENVIRONMENT\nSee muster\\-environment(7).\n.Sh EXIT STATUS\nSee muster\\-exit\\-codes(7).\n";
  out += ".Sh EXAMPLES\n" +
         literal(
             "muster up -d\nseq 1 200 | muster submit --wait -- ./simulate {}\nmuster logs 1.13\n"
             "muster retry 1\n");
  out += ".Sh SEE ALSO\nmuster\\-errors(7)";
  for (const std::string_view topic : topic_names())
    out += join_text(",\n", escaped(join_text("muster-", topic)), "(7)");
  return {"muster.1", out + "\n"};
}

}  // namespace

std::vector<ManualPage> man_pages(const std::vector<const Command*>& commands) {
  std::vector<ManualPage> pages;
  pages.push_back(overview_page(commands));
  for (const Command* command : commands) {
    if (command->section != CommandSection::hidden) pages.push_back(command_page(*command));
  }
  for (const std::string_view topic : topic_names()) pages.push_back(topic_page(topic));
  pages.push_back(errors_page());
  return pages;
}

}  // namespace muster::cli
