// Strict reading of JSON: limits while parsing, then member by member.
// Every message names the member and what would be right.
#include "wire/native/json_reader.h"

#include <algorithm>
#include <boost/json/stream_parser.hpp>
#include <cmath>
#include <limits>

#include "core/escape.h"

namespace muster::wire {
namespace json = boost::json;
namespace {

std::unexpected<Error> malformed(std::string what) {
  return refuse(ErrorKind::usage, kMalformedBody, std::move(what),
                "see the API description for this request's members");
}

std::string quoted(std::string_view name) { return "\"" + escape_text(truncate_text(name, 60)) + "\""; }

struct Walk {
  const JsonLimits& limits;
  std::size_t keys = 0;
  std::string wrong;

  bool text(std::string_view value) {
    if (value.size() <= limits.string_bytes) return true;
    wrong = "the body has a string longer than " + std::to_string(limits.string_bytes) + " bytes";
    return false;
  }
  bool value(const json::value& at) {
    switch (at.kind()) {
      case json::kind::string:
        return text(at.get_string());
      case json::kind::array:
        return std::all_of(at.get_array().begin(), at.get_array().end(),
                           [this](const json::value& v) { return value(v); });
      case json::kind::object:
        return members(at.get_object());
      default:
        return true;
    }
  }
  bool members(const json::object& object) {
    keys += object.size();
    if (keys > limits.keys) {
      wrong = "the body has more than " + std::to_string(limits.keys) + " member names";
      return false;
    }
    return std::all_of(object.begin(), object.end(), [this](const json::key_value_pair& pair) {
      return text(pair.key()) && value(pair.value());
    });
  }
};

std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const std::size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace

Result<void> JsonDocument::parse(std::string_view text, const JsonLimits& limits) {
  json::parse_options options;
  options.max_depth = limits.depth;
  // The parser's own scratch memory: member names and strings in the making.
  unsigned char scratch[2048];
  json::stream_parser parser(json::storage_ptr{}, options, scratch);
  parser.reset(&resource_);
  json::error_code error;
  const std::size_t used = parser.write(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (error) {
    if (error == json::error::too_deep) {
      return malformed("the body is nested deeper than " + std::to_string(limits.depth) + " levels");
    }
    const std::size_t offset = error == json::error::incomplete ? text.size() : used;
    return malformed("the body is not JSON: " + error.message() + " at " + place_of(text, offset));
  }
  root_.emplace(parser.release());
  Walk walk{limits, 0, {}};
  if (!walk.value(*root_)) return malformed(walk.wrong);
  return {};
}

ObjectReader::ObjectReader(const json::value& value, std::string_view what) : what_(what) {
  known_.reserve(32);
  object_ = value.if_object();
  if (object_ == nullptr) error_ = malformed(what_ + " has to be an object").error();
}

const json::value* ObjectReader::member(std::string_view name) {
  known_.push_back(name);
  if (error_ || object_ == nullptr) return nullptr;
  const json::value* found = object_->if_contains(name);
  if (found != nullptr) ++taken_;
  return found;
}

bool ObjectReader::has(std::string_view name) { return object_ != nullptr && object_->contains(name); }

void ObjectReader::refuse_member(std::string_view name, std::string_view why) {
  if (!error_) error_ = malformed(quoted(name) + " in " + what_ + " " + std::string(why)).error();
}

void ObjectReader::text(std::string_view name, std::string& out) {
  const json::value* value = member(name);
  if (value == nullptr) return;
  if (const json::string* text = value->if_string()) {
    out.assign(text->data(), text->size());
  } else {
    refuse_member(name, "has to be a string");
  }
}

void ObjectReader::optional_text(std::string_view name, std::optional<std::string>& out) {
  if (has(name))
    text(name, out.emplace());
  else
    member(name);
}

void ObjectReader::flag(std::string_view name, bool& out) {
  const json::value* value = member(name);
  if (value == nullptr) return;
  if (const bool* flag = value->if_bool()) {
    out = *flag;
  } else {
    refuse_member(name, "has to be true or false");
  }
}

void ObjectReader::optional_flag(std::string_view name, std::optional<bool>& out) {
  if (has(name))
    flag(name, out.emplace());
  else
    member(name);
}

std::optional<std::int64_t> ObjectReader::take_signed(std::string_view name, std::int64_t min,
                                                      std::int64_t max) {
  const json::value* value = member(name);
  if (value == nullptr) return std::nullopt;
  const std::int64_t* number = value->if_int64();
  if (number != nullptr && *number >= min && *number <= max) return *number;
  refuse_member(name, "has to be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<std::uint64_t> ObjectReader::take_number(std::string_view name, std::uint64_t max) {
  // Beyond 2^53 a number is not the same to every reader of JSON.
  const auto most = static_cast<std::int64_t>(std::min<std::uint64_t>(max, 1ULL << 53));
  const std::optional<std::int64_t> number = take_signed(name, 0, most);
  if (!number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

void ObjectReader::number(std::string_view name, std::uint64_t& out, std::uint64_t max) {
  out = take_number(name, max).value_or(out);
}

void ObjectReader::number(std::string_view name, std::uint32_t& out, std::uint64_t max) {
  out = static_cast<std::uint32_t>(take_number(name, std::min<std::uint64_t>(max, UINT32_MAX)).value_or(out));
}

void ObjectReader::number(std::string_view name, std::int32_t& out) {
  out = static_cast<std::int32_t>(
      take_signed(name, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max())
          .value_or(out));
}

void ObjectReader::optional_number(std::string_view name, std::optional<std::uint64_t>& out) {
  if (const auto number = take_number(name, UINT64_MAX)) out = number;
}

void ObjectReader::optional_number(std::string_view name, std::optional<std::uint32_t>& out) {
  if (const auto number = take_number(name, UINT32_MAX)) out = static_cast<std::uint32_t>(*number);
}

void ObjectReader::optional_number(std::string_view name, std::optional<std::int32_t>& out) {
  const auto number =
      take_signed(name, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  if (number) out = static_cast<std::int32_t>(*number);
}

std::optional<std::int64_t> ObjectReader::take_seconds(std::string_view name) {
  constexpr double kCentury_s = 100.0 * 366 * 24 * 3600;
  const json::value* value = member(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const double seconds = value->to_number<double>();
    if (seconds >= 0 && seconds <= kCentury_s) return std::llround(seconds * 1e6);
  }
  refuse_member(name, "has to be a number of seconds, 0 or more");
  return std::nullopt;
}

void ObjectReader::seconds(std::string_view name, std::int64_t& out_us) {
  out_us = take_seconds(name).value_or(out_us);
}

void ObjectReader::optional_seconds(std::string_view name, std::optional<std::int64_t>& out_us) {
  if (const auto taken = take_seconds(name)) out_us = taken;
}

void ObjectReader::texts(std::string_view name, std::vector<std::string>& out) {
  const json::value* value = member(name);
  if (value == nullptr) return;
  const json::array* list = value->if_array();
  if (list == nullptr) return refuse_member(name, "has to be a list of strings");
  out.reserve(list->size());
  for (const json::value& one : *list) {
    const json::string* text = one.if_string();
    if (text == nullptr) return refuse_member(name, "has to be a list of strings");
    out.emplace_back(text->data(), text->size());
  }
}

void ObjectReader::text_map(std::string_view name, std::vector<std::pair<std::string, std::string>>& out) {
  const json::value* value = member(name);
  if (value == nullptr) return;
  const json::object* object = value->if_object();
  if (object == nullptr) return refuse_member(name, "has to be an object of strings");
  for (const json::key_value_pair& pair : *object) {
    const json::string* text = pair.value().if_string();
    if (text == nullptr) return refuse_member(name, "has to be an object of strings");
    out.emplace_back(std::string(pair.key()), std::string(text->data(), text->size()));
  }
}

void ObjectReader::number_map(std::string_view name,
                              std::vector<std::pair<std::string, std::uint64_t>>& out) {
  const json::value* value = member(name);
  if (value == nullptr) return;
  const json::object* object = value->if_object();
  if (object == nullptr) return refuse_member(name, "has to be an object of whole numbers");
  for (const json::key_value_pair& pair : *object) {
    const std::int64_t* number = pair.value().if_int64();
    if (number == nullptr || *number < 0 || *number > (1LL << 53))
      return refuse_member(name, "has to be an object of whole numbers");
    out.emplace_back(std::string(pair.key()), static_cast<std::uint64_t>(*number));
  }
}

Result<void> ObjectReader::finish() {
  if (error_) return std::unexpected(*error_);
  if (taken_ == object_->size()) return {};
  for (const json::key_value_pair& pair : *object_) {
    if (std::find(known_.begin(), known_.end(), std::string_view(pair.key())) == known_.end()) {
      return malformed(quoted(pair.key()) + " is not a member of " + what_);
    }
  }
  return {};
}

}  // namespace muster::wire
