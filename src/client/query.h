// Paths and queries of URLs: every value percent-encoded, so that no name can end a path or begin a parameter.
// Keys and paths are ours and written as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::client {

// RFC 3986: everything but letters, digits and -._~ becomes %XX.
std::string encode_component(std::string_view value);

// Query("/api/v1/tasks").add("selector", "42#1").str() == "/api/v1/tasks?selector=42%231"
class Query {
 public:
  explicit Query(std::string path) : target_(std::move(path)) {}
  Query& add(std::string_view key, std::string_view value);
  Query& add(std::string_view key, std::uint64_t value);
  // Nothing is added for an empty value.
  Query& add_given(std::string_view key, std::string_view value);
  const std::string& str() const { return target_; }

 private:
  std::string target_;
  char separator_ = '?';
};

}  // namespace muster::client
