// The door of the server without its sockets: who may ask what, which resource answers, who waits for what.
// Deny by default: no route is reached without a token of the right kind, the right Host and, for a change, Origin and JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ids.h"
#include "front/backend.h"
#include "front/directory.h"
#include "front/request.h"
#include "front/tokens.h"
#include "front/vault.h"
#include "front/web_page.h"

namespace muster::front {

struct FrontOptions {
  std::vector<std::string> hosts;  // accepted in Host and Origin, beside the loopback names; without port
  // Also every numeric address: a page of another site carries that site's name, never a bare address.
  bool any_address = false;
  std::uint64_t json_body_bytes_max = 16ULL << 20;
  std::uint64_t stream_body_bytes_max = 4ULL << 30;
  std::uint64_t stream_tasks_max = 10'000'000;
  std::uint32_t page_max = 1000;
  Micros wait_max_us = 60'000'000;          // longest long poll
  std::span<const WebFile> web_files;       // of the web page; empty: this build has none
  std::uint32_t requests_per_second = 500;  // of one token, off this machine; 0: as many as they like
};

// What follows from a header alone.
struct Admission {
  std::optional<Response> refusal;   // answer with this; the body is not read
  std::optional<Identity> identity;  // nothing on the two open routes
  Access access;
  std::string address;  // where the request came from
  std::string request;  // its number
  std::uint64_t body_bytes_max = 0;
  std::unique_ptr<BodySink>
      sink;  // set: the body goes there, finish() answers; else collect it and call handle()
  std::optional<std::size_t> route;  // for answered()
  bool agent_upgrade = false;        // to be turned into an agent's WebSocket; handle() is not called
};

class Front {
 public:
  Front(Backend& backend, Tokens& tokens, Directory& directory, Vault& vault, FrontOptions options);
  ~Front();

  Admission admit(const RequestHead& head, std::string address = {});
  // `admission` is what admit() gave for this head, without refusal and sink.
  void handle(const RequestHead& head, const Admission& admission, std::string body, Respond respond);

  // To be counted: an answer to what was admitted to `route`, and how long it took from the request's end.
  void answered(std::optional<std::size_t> route, int status, Micros duration_us);

  // After a commit: what was written.
  void committed(const Changes& changes);
  // After a commit: counts or states of these batches changed. After log bytes were kept: `log_grown`.
  void touched(std::span<const BatchId> batches);
  void log_grown(BatchId batch);
  // Answers long polls that are over. next_due_us: when to call it (mono); INT64_MAX: nobody waits.
  void tick();
  void every_second();
  Micros next_due_us() const;
  std::size_t waiting() const;
  // The server ends: everybody who waits is answered with an error.
  void close();

 private:
  struct State;
  void look_at(const RequestHead& head, Admission& admission);
  std::unique_ptr<State> state_;
};

// An error as application/problem+json, with the HTTP status of its kind.
Response problem(const Error& error);

}  // namespace muster::front
