// Reading filters from left to right by hand: every refusal knows its place. Then what a term says of a value.
// Blanks separate terms, commas values; a quoted value may hold both.
#include "core/filter.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/escape.h"
#include "core/nearest_word.h"
#include "core/units.h"

namespace muster {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;
constexpr std::int64_t kSecond_us = 1'000'000;
constexpr std::int64_t kDay_us = 86400 * kSecond_us;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// How a value of a type looks, for messages.
std::string_view example_of(FilterType type) {
  switch (type) {
    case FilterType::number:
      return "a number: 7, 7+, ..7 or 2..8";
    case FilterType::memory:
      return "a size: 4G, 4G+, ..500M or 1G..8G";
    case FilterType::duration:
      return "a duration: 90s, 10m+, ..1h30m or 1h..2h";
    case FilterType::time:
      return "a time: 2026-11-21, 2026-11-21T10:00:00Z+, or how long ago: 2h+";
    case FilterType::flag:
      return "yes or no";
    default:
      return "a text";
  }
}

// One end of a range, or a value alone. `width`: how far a value alone reaches.
struct Point {
  std::int64_t at = 0;
  std::int64_t width = 0;
};

Result<Point> read_integer(std::string_view text) {
  Point point;
  const char* const end = text.end();
  const auto [stopped, error] = std::from_chars(text.begin(), end, point.at);
  if (error != std::errc() || stopped != end) return refuse(ErrorKind::usage, kMalformedFilter, "");
  return point;
}

bool is_date(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
         text.find_first_not_of("0123456789-") == std::string_view::npos;
}

Result<Point> read_time(std::string_view text, Micros now_wall_us) {
  if (is_date(text)) {
    const Result<std::int64_t> day = parse_rfc3339(std::string(text) + "T00:00:00Z");
    if (!day) return std::unexpected(day.error());
    return Point{*day, kDay_us - 1};
  }
  if (const Result<std::int64_t> instant = parse_rfc3339(text)) return Point{*instant, kSecond_us - 1};
  const Result<std::int64_t> ago = parse_duration_us(text);
  if (!ago) return std::unexpected(ago.error());
  return Point{now_wall_us - *ago, -1};
}

Result<Point> read_point(FilterType type, std::string_view text, Micros now_wall_us) {
  switch (type) {
    case FilterType::memory: {
      const Result<std::uint64_t> mem_mb = parse_memory_mb(text);
      if (!mem_mb) return std::unexpected(mem_mb.error());
      if (*mem_mb >= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / kMebibyte)) {
        return refuse(ErrorKind::usage, kMalformedFilter, "");
      }
      return Point{static_cast<std::int64_t>(*mem_mb) * kMebibyte, kMebibyte - 1};
    }
    case FilterType::duration: {
      const Result<std::int64_t> duration_us = parse_duration_us(text);
      if (!duration_us) return std::unexpected(duration_us.error());
      return Point{*duration_us, kSecond_us - 1};
    }
    case FilterType::time:
      return read_time(text, now_wall_us);
    default:
      return read_integer(text);
  }
}

class FilterReader {
 public:
  FilterReader(FilterObject object, std::string_view text, Micros now_wall_us)
      : object_(object), text_(text), now_wall_us_(now_wall_us) {}

  Result<Filter> read() {
    if (text_.size() > kFilterBytesMax) {
      return refuse(ErrorKind::usage, kMalformedFilter,
                    "malformed filter: it is longer than " + std::to_string(kFilterBytesMax) + " bytes",
                    "select by index or label instead of listing values");
    }
    std::vector<FilterTerm> terms;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      if (terms.size() == kFilterTermsMax) return fail(at_, 1, "it has more than 64 terms");
      FilterTerm term;
      if (const Result<void> done = read_term(term); !done) return std::unexpected(done.error());
      terms.push_back(std::move(term));
    }
    return Filter(object_, std::move(terms));
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  std::unexpected<Error> fail(std::size_t at, std::size_t length, const std::string& why) const {
    return refuse(ErrorKind::usage, kMalformedFilter,
                  "malformed filter: " + why + mark_place(text_, at, std::max<std::size_t>(1, length)),
                  "keys and values:  muster help filters");
  }

  Result<void> read_term(FilterTerm& term) {
    if (text_[at_] == '-') {
      term.negated = true;
      ++at_;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '=' && text_[at_] != '~' && !is_blank(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (Result<void> known = find_key(term, name, begin); !known) return known;
    if (at_ == text_.size() || is_blank(text_[at_])) {
      return fail(at_, 1,
                  "= and a value are expected here, as in " + escape_text(truncate_text(name, 40)) + "=…");
    }
    term.contains = text_[at_] == '~';
    const bool texts = term.type == FilterType::text || term.type == FilterType::word;
    if (term.contains && !texts) {
      return fail(at_, 1,
                  "~ asks for a part of a text, and \"" + escape_text(truncate_text(name, 40)) + "\" is " +
                      std::string(example_of(term.type)));
    }
    ++at_;
    return read_values(term);
  }

  Result<void> find_key(FilterTerm& term, std::string_view name, std::size_t begin) {
    if (name.empty()) return fail(begin, 1, "a key is expected here");
    if (name.ends_with('!')) {
      return fail(
          begin, name.size() + 1,
          "not so is written with - before the key: -" + escape_text(name.substr(0, name.size() - 1)) + "=…");
    }
    if (const std::size_t sign = name.find_first_of("<>"); sign != std::string_view::npos) {
      return fail(begin + sign, 1, "at least and at most are written key=10+ and key=..5");
    }
    std::vector<std::string_view> names;
    for (const FilterKey& key : filter_keys(object_)) {
      const bool label =
          key.name.ends_with('.') && name.starts_with(key.name) && name.size() > key.name.size();
      if (key.name == name || label) {
        if (key.name.ends_with('.') && !label) break;
        term.field = key.field;
        term.type = key.type;
        if (label) term.label = name.substr(key.name.size());
        return {};
      }
      names.push_back(key.name);
    }
    if (name == "label" || name == "label.")
      return fail(begin, name.size(), "a label has a name: label.NAME=…");
    const std::string near = nearest_word(name, names);
    const bool vowel = object_ == FilterObject::attempt || object_ == FilterObject::event;
    return fail(begin, name.size(),
                std::string(vowel ? "an " : "a ") + std::string(to_text(object_)) + " has no key \"" +
                    escape_text(truncate_text(name, 40)) + "\"" +
                    (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
  }

  Result<void> read_values(FilterTerm& term) {
    for (;;) {
      const std::size_t begin = at_;
      std::string value;
      bool quoted = false;
      if (at_ < text_.size() && text_[at_] == '"') {
        quoted = true;
        if (Result<void> done = read_quoted(value); !done) return done;
      } else {
        while (at_ < text_.size() && text_[at_] != ',' && !is_blank(text_[at_])) value += text_[at_++];
      }
      if (value.empty() && !quoted) return fail(begin, 1, "a value is expected here");
      if (++values_ > kFilterValuesMax) return fail(begin, 1, "it has more than 512 values");
      if (Result<void> taken = take_value(term, value, begin); !taken) return taken;
      if (at_ == text_.size() || is_blank(text_[at_])) return {};
      if (text_[at_] != ',') return fail(at_, 1, "a blank or a comma is expected here");
      ++at_;
    }
  }

  Result<void> read_quoted(std::string& value) {
    const std::size_t begin = at_++;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return {};
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    return fail(begin, 1, "this quote is not closed");
  }

  Result<void> take_value(FilterTerm& term, const std::string& value, std::size_t begin) {
    if (term.type == FilterType::text || (term.type == FilterType::word && term.contains)) {
      term.texts.push_back(term.contains ? lower(value) : value);
      return {};
    }
    if (term.type == FilterType::word) return take_word(term, value, begin);
    if (term.type == FilterType::flag) {
      const bool yes = value == "yes" || value == "true" || value == "1";
      if (!yes && value != "no" && value != "false" && value != "0") return not_a_value(term, value, begin);
      term.ranges.push_back({yes ? 1 : 0, yes ? 1 : 0});
      return {};
    }
    return take_range(term, value, begin);
  }

  Result<void> take_word(FilterTerm& term, const std::string& value, std::size_t begin) {
    const std::span<const std::string_view> words = filter_words(object_, term.field);
    if (std::find(words.begin(), words.end(), value) == words.end()) {
      const std::string near = nearest_word(value, words);
      std::string all;
      for (const std::string_view word : words) all += (all.empty() ? "" : " ") + std::string(word);
      return fail(begin, value.size(),
                  "\"" + escape_text(truncate_text(value, 40)) + "\" is none of its values" +
                      (near.empty() ? ": " + all : "; did you mean \"" + near + "\"?"));
    }
    term.texts.push_back(value);
    return {};
  }

  std::unexpected<Error> not_a_value(const FilterTerm& term, std::string_view value,
                                     std::size_t begin) const {
    return fail(
        begin, value.size(),
        "\"" + escape_text(truncate_text(value, 40)) + "\" is not " + std::string(example_of(term.type)));
  }

  Result<void> take_range(FilterTerm& term, std::string_view value, std::size_t begin) {
    FilterRange range;
    const std::size_t dots = value.find("..");
    const bool open_end = dots == std::string_view::npos && value.ends_with('+');
    const std::string_view low = open_end ? value.substr(0, value.size() - 1) : value.substr(0, dots);
    const std::string_view high =
        dots == std::string_view::npos ? std::string_view() : value.substr(dots + 2);
    if (low.empty() && high.empty()) return not_a_value(term, value, begin);
    if (!low.empty()) {
      const Result<Point> point = read_point(term.type, low, now_wall_us_);
      if (!point) return not_a_value(term, value, begin);
      range.low = point->at;
      if (dots == std::string_view::npos && !open_end) {
        if (point->width < 0) {
          return fail(begin, value.size(),
                      "a time that long ago needs a side: " + std::string(low) + "+ is since then, .." +
                          std::string(low) + " is before");
        }
        range.high = point->at + point->width;
      }
    }
    if (!high.empty()) {
      const Result<Point> point = read_point(term.type, high, now_wall_us_);
      if (!point) return not_a_value(term, value, begin);
      const bool whole_day = term.type == FilterType::time && is_date(high);
      range.high = point->at + (whole_day ? point->width : 0);
    }
    if (range.low > range.high) return fail(begin, value.size(), "nothing lies between these two");
    term.ranges.push_back(range);
    return {};
  }

  FilterObject object_;
  std::string_view text_;
  Micros now_wall_us_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

std::string point_text(FilterType type, std::int64_t at) {
  switch (type) {
    case FilterType::memory:
      return std::to_string(at / kMebibyte) + "M";
    case FilterType::duration:
      return format_seconds(at);
    case FilterType::time:
      return format_rfc3339(at, TimePrecision::microseconds);
    default:
      return std::to_string(at);
  }
}

std::int64_t width_of(FilterType type) {
  if (type == FilterType::memory) return kMebibyte - 1;
  return type == FilterType::duration ? kSecond_us - 1 : 0;
}

std::string range_text(FilterType type, const FilterRange& range) {
  if (type == FilterType::flag) return range.low == 1 ? "yes" : "no";
  const bool low = range.low != INT64_MIN;
  const bool high = range.high != INT64_MAX;
  if (low && !high) return point_text(type, range.low) + "+";
  const bool alone = low && type != FilterType::time && range.high - range.low == width_of(type);
  if (alone) return point_text(type, range.low);
  return (low ? point_text(type, range.low) : "") + ".." + point_text(type, range.high);
}

// Quoted unless it is plain to see that nothing in it means anything.
std::string value_text(std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \t\n\r,\"\\") == std::string_view::npos;
  if (plain) return std::string(value);
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

std::string_view key_name(FilterObject object, FilterField field) {
  for (const FilterKey& key : filter_keys(object)) {
    if (key.field == field) return key.name;
  }
  return {};
}

}  // namespace

bool FilterTerm::holds(const FilterValue& value) const {
  bool fits = false;
  if (value.is == FilterValue::Is::text && !texts.empty()) {
    if (contains) {
      const std::string haystack = lower(value.text);
      fits = std::any_of(texts.begin(), texts.end(),
                         [&](const std::string& part) { return haystack.find(part) != std::string::npos; });
    } else {
      fits = std::find(texts.begin(), texts.end(), value.text) != texts.end();
    }
  } else if (value.is == FilterValue::Is::number) {
    fits = std::any_of(ranges.begin(), ranges.end(), [&](const FilterRange& range) {
      return value.number >= range.low && value.number <= range.high;
    });
  }
  return fits != negated;
}

bool Filter::asks_for(FilterField field) const {
  return std::any_of(terms_.begin(), terms_.end(),
                     [&](const FilterTerm& term) { return term.field == field; });
}

bool Filter::allows(FilterField field, const FilterValue& value) const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [&](const FilterTerm& term) { return term.field != field || term.holds(value); });
}

Result<Filter> parse_filter(FilterObject object, std::string_view text, Micros now_wall_us) {
  return FilterReader(object, text, now_wall_us).read();
}

std::string to_text(const Filter& filter) {
  std::string text;
  for (const FilterTerm& term : filter.terms()) {
    if (!text.empty()) text += ' ';
    if (term.negated) text += '-';
    text += key_name(filter.object(), term.field);
    text += term.label;
    text += term.contains ? '~' : '=';
    std::string values;
    for (const std::string& value : term.texts) values += (values.empty() ? "" : ",") + value_text(value);
    for (const FilterRange& range : term.ranges)
      values += (values.empty() ? "" : ",") + range_text(term.type, range);
    text += values;
  }
  return text;
}

}  // namespace muster
