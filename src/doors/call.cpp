// Reads the words of a door's program with getopt_long and prints what it has to say.
// getopt_long keeps its state in globals: one call after the other, which is all that a program makes.
#include "doors/call.h"

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "client/text.h"
#include "core/escape.h"

namespace muster::doors {
namespace {

using client::join_text;

constexpr std::int64_t kPatience_us = 5'000'000;
constexpr std::int64_t kPause_us = 200'000;
constexpr int kFirstLong = 256;  // beyond every letter

int has_argument(Takes takes) {
  switch (takes) {
    case Takes::nothing:
      return no_argument;
    case Takes::value:
      return required_argument;
    case Takes::optional_value:
      return optional_argument;
  }
  return no_argument;
}

struct Tables {
  std::string letters;
  std::vector<std::string> names;  // the texts that `longs` points to
  std::vector<option> longs;
};

Tables tables_of(std::span<const OptionName> table, Operands operands) {
  Tables tables;
  tables.letters = operands == Operands::last ? "+:" : ":";
  for (const OptionName& entry : table) tables.names.emplace_back(entry.word);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const int argument = has_argument(table[i].takes);
    tables.longs.push_back({tables.names[i].c_str(), argument, nullptr, kFirstLong + static_cast<int>(i)});
    if (table[i].letter == 0) continue;
    tables.letters += table[i].letter;
    tables.letters.append(static_cast<std::size_t>(argument), ':');
  }
  tables.longs.push_back({nullptr, 0, nullptr, 0});
  return tables;
}

const OptionName* entry_of(std::span<const OptionName> table, int found) {
  if (found >= kFirstLong) return &table[static_cast<std::size_t>(found - kFirstLong)];
  const auto entry = std::ranges::find_if(table, [&](const OptionName& one) { return one.letter == found; });
  return entry == table.end() ? nullptr : &*entry;
}

bool is_variable(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool stays_here(std::string_view name) {
  return name.starts_with("MUSTER_") || name == "_" || name == "TEMP" || name == "INPUT" ||
         name == "OUTPUT" || name == "RESOURCE" || name == "CPU";
}

}  // namespace

std::string Given::text(std::string_view word, std::string_view fallback) const {
  const auto found = values_.find(word);
  return found == values_.end() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Given::list(std::string_view word) const {
  std::vector<std::string> all;
  const auto found = values_.find(word);
  if (found == values_.end()) return all;
  for (const std::string& value : found->second) {
    for (std::string& one : split(value, ',')) {
      if (!one.empty()) all.push_back(std::move(one));
    }
  }
  return all;
}

void Given::put(std::string_view word, std::string value) {
  values_[std::string(word)].push_back(std::move(value));
}

void Given::add_missing(const Given& others) {
  for (const auto& [word, values] : others.values_) values_.try_emplace(word, values);
}

Result<Given> parse_options(std::span<const OptionName> table, const std::vector<std::string>& words,
                            Operands operands) {
  const Tables tables = tables_of(table, operands);
  std::vector<std::string> kept{"door"};
  kept.insert(kept.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& word : kept) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  Given given;
  optind = 0;  // begins anew
  opterr = 0;
  for (;;) {
    const int at = std::max(optind, 1);
    const int found = getopt_long(static_cast<int>(kept.size()), pointers.data(), tables.letters.c_str(),
                                  tables.longs.data(), nullptr);
    if (found == -1) break;
    if (found == '?' || found == ':') {
      const std::string shown =
          optopt > 0 && optopt < kFirstLong
              ? std::string("-") + static_cast<char>(optopt)
              : escape_text(pointers[static_cast<std::size_t>(std::max(at, optind - 1))]);
      if (found == ':')
        return refuse(ErrorKind::usage, kMalformedValue, join_text("option ", shown, " needs a value"));
      return refuse(ErrorKind::usage, kUnknownWord,
                    join_text("option ", shown, " is unknown here, or has no meaning in Muster"));
    }
    if (const OptionName* entry = entry_of(table, found); entry != nullptr)
      given.put(entry->word, optarg == nullptr ? "" : optarg);
  }
  for (auto i = static_cast<std::size_t>(optind); i < kept.size(); ++i)
    given.operands.emplace_back(pointers[i]);
  return given;
}

Call::Call(std::string_view program, const client::Environment& environment)
    : program_(program), environment_(environment) {
  set_patience(kPatience_us);
}

bool Call::pause() const {
  if (client::mono_now_us() >= deadline_mono_us_) return false;
  return client::pause_unless(-1, kPause_us);
}

Result<std::vector<client::Document>> Call::pages(std::string_view path, client::ListQuery query) {
  query.limit = 1000;
  std::vector<client::Document> pages;
  do {
    Result<client::Document> page = ask([&](client::Api& api) { return api.page(path, query); });
    if (!page) return std::unexpected(page.error());
    query.after = page->root()["next"].text();
    pages.push_back(std::move(*page));
  } while (!query.after.empty());
  return pages;
}

void Call::warn(std::string_view text) {
  if (!quiet_) std::fprintf(stderr, "%s\n", join_text(program_, ": warning: ", text).c_str());
}

void Call::note(std::string_view text) {
  if (!quiet_) std::fprintf(stderr, "%s\n", join_text(program_, ": ", text).c_str());
}

int Call::fail(const Error& error, int exit_code) {
  std::string text = join_text(program_, ": error: ", error.what, error.code.empty() ? "" : " [", error.code,
                               error.code.empty() ? "" : "]", "\n");
  if (!error.next.empty()) text += join_text(program_, ": ", error.next, "\n");
  std::fputs(text.c_str(), stderr);
  return exit_code;
}

int Call::done(int exit_code) {
  const bool written =
      std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::fflush(stdout) == 0;
  return written ? exit_code : 1;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::pair<std::string, std::string>> callers_environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const std::string_view name = pair.substr(0, pair.find('='));
    if (name.size() < pair.size() && is_variable(name) && !stays_here(name) && client::is_utf8(pair))
      out.emplace_back(name, pair.substr(name.size() + 1));
  }
  return out;
}

std::string system_user(const client::Environment& environment) {
  for (const std::string_view name : {"USER", "LOGNAME"}) {
    if (auto user = environment(name)) return std::move(*user);
  }
  return geteuid() == 0 ? "root" : std::to_string(geteuid());
}

}  // namespace muster::doors
