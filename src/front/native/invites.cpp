// /invites makes a key that lets one worker in; /join takes it and gives the worker a credential of its own.
// A key is used up in the transaction that writes the credential: of two that come with it, one gets in.
#include <algorithm>

#include "core/escape.h"
#include "core/join_key.h"
#include "front/native/call.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

constexpr Micros kTtlMost_us = 7LL * 24 * 3600 * 1'000'000;

std::string invite_json(const CallPtr& call, const TokenRow& row, const std::string& token) {
  const ServerFacts& facts = call->backend.facts();
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.invite/1");
  out.key("key").text(join_key_text({token, facts.pin}));
  out.key("url").text(facts.join_url).key("pin").text_or_null(facts.pin);
  out.key("name").text_or_null(row.worker).key("expires").time(row.expires_wall_us).end_object();
  return json;
}

}  // namespace

void invite(const CallPtr& call) {
  const Result<wire::InviteRequest> request = wire::read_invite(call->body);
  if (failed(call, request)) return;
  if (request->ttl_us <= 0 || request->ttl_us > kTtlMost_us) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "a key is good for at least a moment and at most 7 days",
                       "the default is 10 minutes: --ttl 10m"});
  }
  const Micros wall_us = call->backend.now().wall_us;
  TokenWish wish;
  wish.kind = TokenKind::join;
  wish.owner = call->principal.user;
  wish.worker = request->name;
  wish.expires_wall_us = wall_us + request->ttl_us;
  const Result<std::string> bytes = call->repeatable_bytes();
  if (failed(call, bytes)) return;
  if (call->made_before) {
    const std::uint64_t id = call->made_before->first_number;
    const TokenRow* row = call->tokens.find(id);
    const std::string text = call->tokens.text_again(id, *bytes);
    if (row == nullptr || text.empty()) return call->fail(cannot_tell_again());
    return call->answer(200, invite_json(call, *row, text));
  }
  MintedToken minted = call->tokens.mint(wish, wall_us, *bytes);
  call->object = std::to_string(minted.row.id);
  if (call->key) call->key->first_number = minted.row.id;
  WriteRows input;
  input.rows.tokens = {minted.row};
  write_and_answer(call, std::move(input), 201, invite_json(call, minted.row, minted.text));
}

void join(const CallPtr& call) {
  const Result<wire::JoinRequest> request = wire::read_join(call->body);
  if (failed(call, request)) return;
  const Micros wall_us = call->backend.now().wall_us;
  const Identity& who = call->who;
  std::optional<TokenRow> used = call->tokens.revoke(who.token_id, wall_us);
  if (!used) {
    return call->fail(
        {ErrorKind::not_allowed, kTokenWrong, "this key has been used", "ask for a new one: muster invite"});
  }
  TokenWish wish;
  wish.kind = TokenKind::agent;
  wish.owner = who.owner;
  wish.worker = who.worker.empty() ? request->name : who.worker;
  wish.spool_id = request->spool_id;
  wish.expires_wall_us = wall_us + kAgentTokenLife_us;
  MintedToken minted = call->tokens.mint(wish, wall_us);
  call->object = wish.worker;
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.joined/1").key("token").text(minted.text);
  out.key("name").text(wish.worker).key("expires").time(wish.expires_wall_us);
  out.key("version").text(call->backend.facts().version).end_object();
  WriteRows input;
  input.rows.tokens = {std::move(*used), std::move(minted.row)};
  write_and_answer(call, std::move(input), 201, std::move(json));
}

}  // namespace muster::front::native
