// Taking a target apart.
// A plus in the query is a blank, as forms and libraries write it; in the path it is itself.
#include "front/target.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/escape.h"

namespace muster::front {
namespace {

enum class Plus : std::uint8_t { itself, blank };

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode(std::string_view text, Plus plus, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus == Plus::blank) {
      c = ' ';
    }
    if (c == '\0') return false;
    out += c;
  }
  return true;
}

std::unexpected<Error> bad_target(std::string_view text, std::string_view why) {
  return refuse(ErrorKind::usage, kMalformedValue,
                "the address \"" + escape_text(truncate_text(text, 100)) + "\" " + std::string(why));
}

Result<void> parse_path(std::string_view text, Target& out) {
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    std::string segment;
    if (!decode(rest.substr(0, slash), Plus::itself, segment)) return bad_target(text, "has a broken escape");
    if (segment.empty()) return bad_target(text, "has an empty part");
    out.path.push_back(std::move(segment));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
    if (rest.empty()) return bad_target(text, "ends with a slash");
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text[0] != '/') return bad_target(text, "does not begin with a slash");
  Target target;
  const std::size_t mark = text.find('?');
  if (Result<void> path = parse_path(text.substr(0, mark), target); !path)
    return std::unexpected(path.error());
  if (mark == std::string_view::npos) return target;
  std::string_view rest = text.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    auto& [name, value] = target.query.emplace_back();
    const std::string_view encoded_value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    if (!decode(pair.substr(0, equals), Plus::blank, name) || !decode(encoded_value, Plus::blank, value)) {
      return bad_target(text, "has a broken escape");
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return target;
}

const std::string* QueryReader::find(std::string_view name) {
  known_.emplace_back(name);
  const std::string* found = nullptr;
  for (const auto& [key, value] : query_) {
    if (key != name) continue;
    if (found != nullptr) refuse_parameter(name, "is given twice");
    found = &value;
  }
  return found;
}

void QueryReader::refuse_parameter(std::string_view name, std::string_view why) {
  if (error_) return;
  error_ = Error{
      ErrorKind::usage,
      kMalformedValue,
      "the parameter " + escape_text(truncate_text(name, 60)) + " " + escape_text(truncate_text(why, 200)),
      {}};
}

void QueryReader::text(std::string_view name, std::string& out) {
  if (const std::string* found = find(name)) out = *found;
}

bool QueryReader::flag(std::string_view name) {
  std::string value;
  text(name, value);
  if (!value.empty() && value != "true" && value != "false")
    refuse_parameter(name, "has to be true or false");
  return value == "true";
}

void QueryReader::number(std::string_view name, std::uint64_t& out, std::uint64_t min, std::uint64_t max) {
  const std::string* found = find(name);
  if (found == nullptr) return;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), value);
  if (error == std::errc() && end == found->data() + found->size() && value >= min && value <= max) {
    out = value;
  } else {
    refuse_parameter(name,
                     "has to be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  }
}

void QueryReader::seconds(std::string_view name, std::int64_t& out_us, std::int64_t max_us) {
  const std::string* found = find(name);
  if (found == nullptr) return;
  double value = 0;
  const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), value);
  if (error == std::errc() && end == found->data() + found->size() && value >= 0 && std::isfinite(value)) {
    out_us = std::min<std::int64_t>(max_us, std::llround(std::min(value, 1e9) * 1e6));
  } else {
    refuse_parameter(name, "has to be a number of seconds");
  }
}

std::vector<std::string> QueryReader::texts(std::string_view name) {
  known_.emplace_back(name);
  std::vector<std::string> out;
  for (const auto& [key, value] : query_) {
    if (key == name) out.push_back(value);
  }
  return out;
}

Result<void> QueryReader::finish() {
  if (error_) return std::unexpected(*error_);
  for (const auto& [key, value] : query_) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "there is no parameter \"" + escape_text(truncate_text(key, 60)) + "\" here");
    }
  }
  return {};
}

}  // namespace muster::front
