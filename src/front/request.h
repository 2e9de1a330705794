// A request and its answer as plain values, so that everything above the sockets is tested without one.
// Field names are lower case; values are as received, without blanks around them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::front {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };

// Reads only; everything else may change something.
inline bool is_safe(Method method) {
  return method == Method::get || method == Method::head || method == Method::options;
}

struct RequestHead {
  Method method = Method::get;
  std::string target;  // origin form: path and query, still encoded
  std::vector<std::pair<std::string, std::string>> fields;
  // The value of the first field of that (lower-case) name; empty if there is none.
  std::string_view find(std::string_view name) const;
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

// Where the body of an answer without an end goes. A connection that is gone makes write() a no-op.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual bool is_open() const = 0;               // false: nobody reads any more
  virtual std::size_t waiting_bytes() const = 0;  // written, and not taken by the reader yet
  virtual void write(std::string_view bytes) = 0;
  virtual void end() = 0;
};

// Whom an answer is for; it decides what a browser is allowed to do with it.
enum class Audience : std::uint8_t {
  program,    // data: kept nowhere, shown as nothing
  page,       // the web page: asked for anew each time, runs its own scripts and no others
  page_part,  // a file of the page whose name changes with its contents: kept as long as there is room
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::shared_ptr<const std::string> shared_body =
      nullptr;  // set: sent instead of `body`, without a copy of its own
  // Set: the body has no length and ends with the connection; called when the head is sent.
  std::function<void(std::shared_ptr<ByteSink>)> stream = nullptr;
  Audience audience = Audience::program;
};

// Called exactly once, on the thread of the loop, now or later. A connection that is gone makes it a no-op.
using Respond = std::move_only_function<void(Response)>;

// Takes a body while it arrives. feed() gives false when the rest is not wanted (the refusal comes with finish()).
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual bool feed(std::string_view chunk) = 0;
  // The body is complete, or feed() gave false. Called once.
  virtual void finish(Respond respond) = 0;
};

}  // namespace muster::front
