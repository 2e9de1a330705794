// /links makes a link that signs a browser in; /sessions takes it and gives the page a token of its own.
// A link is used up in the transaction that writes the token, and gives no more than the token that asked for it.
#include "front/native/call.h"
#include "wire/native/json_reader.h"

namespace muster::front::native {
namespace {

constexpr Micros kLinkLife_us = 120'000'000;
constexpr Micros kLinkLifeMax_us = 3600LL * 1'000'000;
// As long as people stay signed in; they end it in the page, or with `muster token revoke`.
constexpr Micros kSessionLife_us = 7LL * 24 * 3600 * 1'000'000;
constexpr std::size_t kNoteBytesMax = 200;

Result<Micros> read_link_life(const CallPtr& call) {
  wire::JsonDocument document;
  if (Result<void> parsed = document.parse(call->body); !parsed)
    return std::unexpected(std::move(parsed.error()));
  std::int64_t life_us = kLinkLife_us;
  wire::ObjectReader reader(document.root(), "the body");
  reader.seconds("ttl_s", life_us);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  if (life_us <= 0 || life_us > kLinkLifeMax_us) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  "a link is good for at least a moment and at most 1 hour",
                  "the default is 2 minutes: --ttl 2m");
  }
  return life_us;
}

Result<std::string> read_note(const CallPtr& call) {
  wire::JsonDocument document;
  if (Result<void> parsed = document.parse(call->body); !parsed)
    return std::unexpected(std::move(parsed.error()));
  std::string note = "web page";
  wire::ObjectReader reader(document.root(), "the body");
  reader.text("note", note);
  if (note.size() > kNoteBytesMax) reader.refuse_member("note", "is longer than 200 bytes");
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return note;
}

std::string link_json(const TokenRow& row, const std::string& text) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.link/1").key("link").text(text);
  // Behind the # a browser sends nothing to anybody.
  out.key("path").text("/open#" + text).key("expires").time(row.expires_wall_us).end_object();
  return json;
}

}  // namespace

void create_link(const CallPtr& call) {
  const Result<Micros> life_us = read_link_life(call);
  if (failed(call, life_us)) return;
  const Result<std::string> bytes = call->repeatable_bytes();
  if (failed(call, bytes)) return;
  if (call->made_before) {
    const std::uint64_t id = call->made_before->first_number;
    const TokenRow* row = call->tokens.find(id);
    const std::string text = call->tokens.text_again(id, *bytes);
    if (row == nullptr || text.empty()) return call->fail(cannot_tell_again());
    return call->answer(200, link_json(*row, text));
  }
  const Micros wall_us = call->backend.now().wall_us;
  TokenWish wish;
  wish.kind = TokenKind::link;
  wish.owner = call->who.owner;
  wish.project = call->who.project;
  wish.role = call->who.role;
  wish.expires_wall_us = wall_us + *life_us;
  const MintedToken minted = call->tokens.mint(wish, wall_us, *bytes);
  call->object = std::to_string(minted.row.id);
  if (call->key) call->key->first_number = minted.row.id;
  WriteRows input;
  input.rows.tokens = {minted.row};
  write_and_answer(call, std::move(input), 201, link_json(minted.row, minted.text));
}

void create_session(const CallPtr& call) {
  Result<std::string> note = read_note(call);
  if (failed(call, note)) return;
  const Micros wall_us = call->backend.now().wall_us;
  const Identity& who = call->who;
  std::optional<TokenRow> used = call->tokens.revoke(who.token_id, wall_us);
  if (!used) {
    return call->fail(
        {ErrorKind::not_allowed, kTokenWrong, "this link has been used", "ask for a new one: muster open"});
  }
  TokenWish wish;
  wish.kind = TokenKind::user;
  wish.owner = who.owner;
  wish.project = who.project;
  wish.role = who.role;
  wish.note = std::move(*note);
  wish.expires_wall_us = wall_us + kSessionLife_us;
  MintedToken minted = call->tokens.mint(wish, wall_us);
  call->object = std::to_string(minted.row.id);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.session/1").key("id").number(minted.row.id);
  out.key("token").text(minted.text).key("user").text(who.owner).key("expires").time(wish.expires_wall_us);
  out.end_object();
  WriteRows input;
  input.rows.tokens = {std::move(*used), std::move(minted.row)};
  write_and_answer(call, std::move(input), 201, std::move(json));
}

}  // namespace muster::front::native
