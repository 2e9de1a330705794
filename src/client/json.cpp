// Boost.JSON behind the views of json.h.
// Boost's own writer is not used: it spells 4.2 as 4.2E0, which people and some tools do not expect.
#include "client/json.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "core/escape.h"
#include "wire/native/json_writer.h"

namespace muster::client {

namespace json = boost::json;

namespace {

const json::value* cast(const void* value) { return static_cast<const json::value*>(value); }

void new_line(std::string& out, unsigned indent, unsigned level) {
  if (indent == 0) return;
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * level, ' ');
}

void append_double(std::string& out, double number) {
  std::array<char, 40> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), error == std::errc() ? end : digits.data());
}

void append_value(std::string& out, const json::value& value, unsigned indent, unsigned level);

void append_object(std::string& out, const json::object& object, unsigned indent, unsigned level) {
  out.push_back('{');
  bool first = true;
  for (const auto& member : object) {
    if (!std::exchange(first, false)) out.push_back(',');
    new_line(out, indent, level + 1);
    wire::append_json_string(out, {member.key().data(), member.key().size()});
    out.append(indent == 0 ? ":" : ": ");
    append_value(out, member.value(), indent, level + 1);
  }
  if (!object.empty()) new_line(out, indent, level);
  out.push_back('}');
}

void append_array(std::string& out, const json::array& array, unsigned indent, unsigned level) {
  out.push_back('[');
  bool first = true;
  for (const json::value& element : array) {
    if (!std::exchange(first, false)) out.push_back(',');
    new_line(out, indent, level + 1);
    append_value(out, element, indent, level + 1);
  }
  if (!array.empty()) new_line(out, indent, level);
  out.push_back(']');
}

void append_value(std::string& out, const json::value& value, unsigned indent, unsigned level) {
  switch (value.kind()) {
    case json::kind::null:
      out.append("null");
      break;
    case json::kind::bool_:
      out.append(value.get_bool() ? "true" : "false");
      break;
    case json::kind::int64:
      out.append(std::to_string(value.get_int64()));
      break;
    case json::kind::uint64:
      out.append(std::to_string(value.get_uint64()));
      break;
    case json::kind::double_:
      append_double(out, value.get_double());
      break;
    case json::kind::string:
      wire::append_json_string(out, {value.get_string().data(), value.get_string().size()});
      break;
    case json::kind::array:
      append_array(out, value.get_array(), indent, level);
      break;
    case json::kind::object:
      append_object(out, value.get_object(), indent, level);
      break;
  }
}

}  // namespace

Json Json::operator[](std::string_view key) const {
  if (!is_object()) return {};
  return Json(cast(value_)->get_object().if_contains(json::string_view(key.data(), key.size())));
}

bool Json::is_null() const { return value_ == nullptr || cast(value_)->is_null(); }
bool Json::is_text() const { return value_ != nullptr && cast(value_)->is_string(); }
bool Json::is_number() const { return value_ != nullptr && cast(value_)->is_number(); }
bool Json::is_truth() const { return value_ != nullptr && cast(value_)->is_bool(); }
bool Json::is_object() const { return value_ != nullptr && cast(value_)->is_object(); }
bool Json::is_array() const { return value_ != nullptr && cast(value_)->is_array(); }

std::string_view Json::text(std::string_view fallback) const {
  if (!is_text()) return fallback;
  const json::string& text = cast(value_)->get_string();
  return {text.data(), text.size()};
}

std::uint64_t Json::number(std::uint64_t fallback) const {
  if (value_ == nullptr) return fallback;
  if (cast(value_)->is_uint64()) return cast(value_)->get_uint64();
  if (cast(value_)->is_int64() && cast(value_)->get_int64() >= 0) {
    return static_cast<std::uint64_t>(cast(value_)->get_int64());
  }
  if (cast(value_)->is_double() && cast(value_)->get_double() >= 0 && cast(value_)->get_double() < 1.8e19) {
    return static_cast<std::uint64_t>(cast(value_)->get_double());
  }
  return fallback;
}

std::int64_t Json::integer(std::int64_t fallback) const {
  if (value_ != nullptr && cast(value_)->is_int64()) return cast(value_)->get_int64();
  return fallback;
}

double Json::real(double fallback) const {
  if (!is_number()) return fallback;
  return cast(value_)->to_number<double>();
}

bool Json::truth(bool fallback) const { return is_truth() ? cast(value_)->get_bool() : fallback; }

std::size_t Json::size() const {
  if (is_array()) return cast(value_)->get_array().size();
  if (is_object()) return cast(value_)->get_object().size();
  return 0;
}

Json Json::at(std::size_t position) const {
  if (position >= size()) return {};
  if (is_array()) return Json(&cast(value_)->get_array()[position]);
  return Json(&(cast(value_)->get_object().begin() + static_cast<std::ptrdiff_t>(position))->value());
}

std::string_view Json::key(std::size_t position) const {
  if (!is_object() || position >= size()) return {};
  const auto key = (cast(value_)->get_object().begin() + static_cast<std::ptrdiff_t>(position))->key();
  return {key.data(), key.size()};
}

std::string Json::serialize(unsigned indent) const {
  std::string out;
  if (value_ != nullptr) append_value(out, *cast(value_), indent, 0);
  return out;
}

Result<Document> Document::parse(std::string text) {
  json::error_code error;
  json::parse_options limits;
  limits.max_depth = 64;
  auto value = std::make_shared<json::value>(json::parse(text, error, {}, limits));
  if (error) {
    return refuse(ErrorKind::temporary, kMalformedBody,
                  "the server's answer is not JSON: " + error.message());
  }
  Document document;
  document.text_ = std::move(text);
  document.value_ = std::move(value);
  return document;
}

Json Document::root() const { return Json(value_.get()); }

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    if (!character.valid) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

}  // namespace muster::client
