// One HTTP/1.1 request out of bytes: first its head, then its body piece by piece; no socket, no copy of the body.
// Refuses what is past the contract's limits (header 16 KiB in 64 lines) or can be read in two ways.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "front/request.h"

namespace muster::runtime {

enum class HttpProgress : std::uint8_t {
  need_more,  // all bytes were taken, or wait for more
  head_done,  // the head is complete: decide, then go on with the rest
  done,       // the request is complete
  refused,    // see status(); the connection ends after the answer
};

class HttpParser {
 public:
  HttpParser();
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // Forgets the last request; settings of limits stay.
  void reset();
  // Takes bytes from the front of `bytes`; `used` of them are done with. Stops behind the head and behind the end.
  // Body pieces go to `on_body`; when it gives false the rest of the request is not wanted, and the result is `done`.
  HttpProgress put(std::string_view bytes, std::size_t& used,
                   const std::function<bool(std::string_view)>& on_body);

  const front::RequestHead& head() const;
  front::RequestHead& head();
  bool keep_alive() const;
  bool is_upgrade() const;
  bool expects_continue() const;
  bool body_cut() const;  // `done` although the body was not read to its end
  // From Content-Length; nothing for a chunked body.
  std::uint64_t content_length() const;
  bool has_body() const;
  // Of a refusal: 400 or 431, and a sentence.
  int status() const;
  std::string_view why() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::runtime
