// Looking for what a key has made, in what is under way and in what is written.
// A key belongs to a user, a project and an operation; its text is kept as a hash alone.
#include "front/repeats.h"

#include <sodium.h>

#include <algorithm>

#include "core/check.h"
#include "front/native/access_json.h"
#include "front/routes.h"

namespace muster::front {
namespace {

constexpr std::size_t kKeyBytesMax = 255;

std::string sha256(std::string_view text) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return hash;
}

bool is_dry_run(const native::CallPtr& call) {
  return std::any_of(call->target.query.begin(), call->target.query.end(),
                     [](const auto& pair) { return pair.first == "dry_run" && pair.second == "true"; });
}

std::string key_of(const native::CallPtr& call) {
  return std::string(call->route.operation) + " " + call->who.owner + " " +
         native::hex_text(sha256(call->idempotency_key));
}

// A plain hash of a short password could be guessed from the database.
Result<std::string> body_hash_of(const native::CallPtr& call) {
  if (call->route.repeat == Repeat::again_secret) return call->vault.keyed_hash("body", call->body);
  return sha256(call->body);
}

Error used_before() {
  return {ErrorKind::wrong_state, kKeyReused, "the Idempotency-Key was used for another request",
          "use a new key for a new request"};
}

}  // namespace

void Repeats::run(const native::CallPtr& call) {
  const Route& route = call->route;
  if (route.repeat == Repeat::none || call->idempotency_key.empty() || is_dry_run(call))
    return route.resource(call);
  if (call->idempotency_key.size() > kKeyBytesMax) {
    return call->fail({ErrorKind::usage, kMalformedValue, "the Idempotency-Key is longer than 255 bytes",
                       "a random number of 128 bits is enough"});
  }
  Result<std::string> body_hash = body_hash_of(call);
  if (native::failed(call, body_hash)) return;
  Place place(call->access.project, key_of(call));
  if (const auto found = under_way_.find(place); found != under_way_.end()) {
    if (found->second.body_hash != *body_hash) return call->fail(used_before());
    found->second.waiting.push_back(call);
    return;
  }
  const std::optional<KeyRow> known = call->backend.history().key(place.first, place.second);
  if (known && known->body_hash != *body_hash) return call->fail(used_before());
  if (!known) return begin(call, std::move(place), std::move(*body_hash));
  if (route.repeat != Repeat::rebuilt) return call->answer(200, known->answer);
  call->made_before = known;
  route.resource(call);
}

void Repeats::begin(const native::CallPtr& call, Place place, std::string body_hash) {
  KeyRow row;
  row.project = place.first;
  row.key = place.second;
  row.body_hash = body_hash;
  row.created_wall_us = call->backend.now().wall_us;
  call->key = std::move(row);
  call->respond = [this, place, respond = std::move(call->respond)](Response response) mutable {
    respond(std::move(response));
    ended(place);
  };
  under_way_[std::move(place)].body_hash = std::move(body_hash);
  call->route.resource(call);
}

// Those that waited find what was made, or try it themselves, one of them at a time.
void Repeats::ended(const Place& place) {
  const auto found = under_way_.extract(place);
  MUSTER_CHECK(!found.empty(), "what ends was under way");
  for (const native::CallPtr& call : found.mapped().waiting) run(call);
}

}  // namespace muster::front
