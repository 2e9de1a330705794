// JSON of the native API, read through views that never fail (request bodies are written with wire/native/json_writer.h).
// A view of something absent is `missing` and gives the fallback, so that a newer or older server is still readable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace muster::client {

// A view of one value; the Document it comes from must be alive.
class Json {
 public:
  Json() = default;
  explicit Json(const void* value) : value_(value) {}

  Json operator[](std::string_view key) const;  // missing when absent, or when this is no object
  bool missing() const { return value_ == nullptr; }
  bool is_null() const;  // also when missing
  bool is_text() const;
  bool is_number() const;
  bool is_truth() const;
  bool is_object() const;
  bool is_array() const;

  std::string_view text(std::string_view fallback = {}) const;
  std::uint64_t number(std::uint64_t fallback = 0) const;  // negative ones give the fallback
  std::int64_t integer(std::int64_t fallback = 0) const;
  double real(double fallback = 0) const;
  bool truth(bool fallback = false) const;

  // Elements of an array or members of an object, in order.
  std::size_t size() const;
  Json at(std::size_t position) const;
  std::string_view key(std::size_t position) const;

  // Numbers as short as they can be read back; `indent` blanks per level, 0 for one line.
  std::string serialize(unsigned indent = 0) const;

 private:
  const void* value_ = nullptr;
};

class Document {
 public:
  // kMalformedBody when `text` is not one JSON value.
  static Result<Document> parse(std::string text);
  Json root() const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const void> value_;
};

// JSON cannot carry anything else.
bool is_utf8(std::string_view text);

}  // namespace muster::client
