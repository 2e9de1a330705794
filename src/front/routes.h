// The native API as one table: what there is, who may ask for it, and what answers.
// Deny by default: a route is reached only with the role its row names; /openapi.json is made from the same rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/role.h"
#include "front/native/call.h"
#include "front/request.h"

namespace muster::front {

enum class Body : std::uint8_t { none, json, json_or_items };

// Where the role of a row has to be held.
enum class Reach : std::uint8_t {
  project,   // in the project of the call
  own,       // there, and a submitter changes only what is theirs
  server,    // in every project
  key,       // nobody's role: whoever holds a key, as long as the one who made it may come in
  yourself,  // anywhere; whoever holds the row's role in every project may ask for others too
};
std::string_view to_text(Reach reach);

// What a repeat of a POST with the same Idempotency-Key is answered with.
enum class Repeat : std::uint8_t {
  none,          // what the route does, it does again
  again,         // what the first was answered with
  again_secret,  // the same; of the body nothing may be kept that a guess could be compared with
  rebuilt,       // the resource makes the answer anew, because there is something in it that is kept nowhere
};

struct Route {
  Method method = Method::other;
  std::string_view path;  // below /api/v1; `*` is any one part
  native::Resource resource = nullptr;
  Body body = Body::none;
  std::string_view operation;
  Role role = Role::admin;
  Reach reach = Reach::server;
  std::string_view summary;
  std::string_view parameters;  // of the query, beside `project`; words
  bool waits = false;           // may be answered when something happened
  Repeat repeat = Repeat::none;
};

// Not below /api/v1, but for those who may look everywhere alone.
inline constexpr Route kMetricsRoute{
    Method::get, "metrics",    nullptr,       Body::none,
    "metrics",   Role::viewer, Reach::server, "what the server counts, for Prometheus",
    "",          false,        Repeat::none};

std::span<const Route> all_routes();
bool path_matches(std::string_view pattern, const std::vector<std::string>& path);
std::string_view method_text(Method method);

// The description of all this, OpenAPI 3.1.
std::string openapi_json(std::string_view version);

}  // namespace muster::front
