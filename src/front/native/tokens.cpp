// /tokens: everybody makes and ends their own, admins those of others. The text of a token is in one answer, once.
// A token never gives more than its owner has, nor more than the token that asked for it.
#include <algorithm>

#include "core/escape.h"
#include "front/native/access_json.h"
#include "front/native/call.h"
#include "wire/native/json_reader.h"

namespace muster::front::native {
namespace {

constexpr Micros kDay_us = 86'400LL * 1'000'000;
constexpr Micros kLife_us = 90 * kDay_us;
constexpr Micros kLifeMax_us = 366 * kDay_us;
constexpr std::size_t kNoteBytesMax = 200;

Error only_own() {
  return {ErrorKind::not_allowed, kNotAllowed, "only an admin may see or change tokens of others",
          "list your own: muster token list"};
}

Result<TokenWish> read_wish(const CallPtr& call) {
  wire::JsonDocument document;
  if (Result<void> parsed = document.parse(call->body); !parsed)
    return std::unexpected(std::move(parsed.error()));
  TokenWish wish;
  wish.owner = call->who.owner;
  std::int64_t life_us = kLife_us;
  wire::ObjectReader reader(document.root(), "the body");
  reader.text("user", wish.owner);
  reader.text("project", wish.project);
  reader.text("role", wish.role);
  reader.text("note", wish.note);
  reader.seconds("expires_s", life_us);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  if (life_us <= 0 || life_us > kLifeMax_us) {
    return refuse(ErrorKind::usage, kMalformedValue, "a token is good for at most 366 days", "");
  }
  if (wish.note.size() > kNoteBytesMax) {
    return refuse(ErrorKind::usage, kMalformedValue, "the note is longer than 200 bytes", "say it shorter");
  }
  wish.expires_wall_us = call->backend.now().wall_us + life_us;
  return wish;
}

Result<void> check_wish(const CallPtr& call, TokenWish& wish) {
  if (!call->may_manage(wish.owner)) return std::unexpected(only_own());
  if (call->directory.user(wish.owner) == nullptr) {
    return std::unexpected(
        no_such_thing("there is no user \"" + escape_text(truncate_text(wish.owner, 64)) + "\"",
                      "make them first: muster user create NAME"));
  }
  if (!wish.role.empty() && !role_from_text(wish.role)) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  "\"" + escape_text(truncate_text(wish.role, 40)) + "\" is no role",
                  "a role is viewer, submitter, operator or admin");
  }
  if (!wish.project.empty() && call->directory.project(wish.project) == nullptr) {
    return std::unexpected(
        no_such_thing("there is no project \"" + escape_text(truncate_text(wish.project, 64)) + "\"",
                      "list them: muster project list"));
  }
  if (wish.owner != call->who.owner) return {};
  // One's own: no more than the token at hand.
  if (!call->who.project.empty()) {
    if (!wish.project.empty() && wish.project != call->who.project) return std::unexpected(only_own());
    wish.project = call->who.project;
  }
  if (!call->who.role.empty()) {
    const Role most = role_from_text(call->who.role).value_or(Role::none);
    if (wish.role.empty() || role_from_text(wish.role).value_or(Role::none) > most)
      wish.role = call->who.role;
  }
  return {};
}

}  // namespace

Error cannot_tell_again() {
  return {ErrorKind::wrong_state, kWrongState,
          "it was made before, and what it was told is not known any more: the server's key is another one",
          "revoke it and make another: muster token list"};
}

void list_tokens(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  std::string user;
  read_page(query, call->options, page);
  query.text("user", user);
  if (failed(call, query.finish())) return;
  if (!user.empty() && !call->may_manage(user)) return call->fail(only_own());
  std::uint64_t after = 0;
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<1>(page.after);
    if (!cursor) return call->fail(bad_cursor(page.after));
    after = (*cursor)[0];
  }
  const auto& all = call->tokens.all();
  const Micros wall_us = call->backend.now().wall_us;
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.tokens/1");
  auto next = all.upper_bound(after);
  for (std::uint64_t written = 0; next != all.end(); ++next) {
    const TokenRow& row = next->second;
    if (!call->may_manage(row.owner) || (!user.empty() && row.owner != user)) continue;
    if (written++ == page.limit) break;
    out.raw(token_json(row, wall_us, "", ""));
    after = row.id;
  }
  wire::end_list(out, next == all.end() ? "" : std::to_string(after));
  call->answer(200, std::move(json));
}

void create_token(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<TokenWish> wish = read_wish(call);
  if (failed(call, wish)) return;
  call->object = wish->owner;
  if (failed(call, check_wish(call, *wish))) return;
  if (call->dry_run) {
    TokenRow planned;
    planned.kind = to_text(TokenKind::user);
    planned.owner = wish->owner;
    planned.project = wish->project;
    planned.role = wish->role;
    planned.note = wish->note;
    planned.expires_wall_us = wish->expires_wall_us;
    return call->answer(200, token_json(planned, 0, "muster.token/1", ""));
  }
  const Micros wall_us = call->backend.now().wall_us;
  const Result<std::string> bytes = call->repeatable_bytes();
  if (failed(call, bytes)) return;
  if (call->made_before) {
    const std::uint64_t id = call->made_before->first_number;
    const TokenRow* row = call->tokens.find(id);
    if (row == nullptr) return call->fail(cannot_tell_again());
    return call->answer(200,
                        token_json(*row, wall_us, "muster.token/1", call->tokens.text_again(id, *bytes)));
  }
  MintedToken minted = call->tokens.mint(*wish, wall_us, *bytes);
  call->object = std::to_string(minted.row.id) + " of " + wish->owner;
  if (call->key) call->key->first_number = minted.row.id;
  WriteRows input;
  input.rows.tokens.push_back(minted.row);
  write_and_answer(call, std::move(input), 201,
                   token_json(minted.row, wall_us, "muster.token/1", minted.text));
}

void revoke_token(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  std::uint64_t id = 0;
  const std::string& text = call->part(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool number = error == std::errc() && end == text.data() + text.size();
  const TokenRow* row = number ? call->tokens.find(id) : nullptr;
  if (row == nullptr || !call->may_manage(row->owner)) {
    if (call->access.everywhere < Role::admin) return call->fail(only_own());
    return call->fail(no_such_thing("there is no token \"" + escape_text(truncate_text(text, 40)) + "\"",
                                    "list them: muster token list"));
  }
  if (call->dry_run)
    return call->answer(200, token_json(*row, call->backend.now().wall_us, "muster.token/1", ""));
  WriteRows input;
  if (auto revoked = call->tokens.revoke(id, call->backend.now().wall_us)) {
    input.rows.tokens.push_back(std::move(*revoked));
  }
  call->post(std::move(input), [call, id](const ReplyBody& reply) {
    if (const Error* failure = std::get_if<Error>(&reply)) return call->fail(*failure);
    call->answer(200, token_json(*call->tokens.find(id), call->backend.now().wall_us, "muster.token/1", ""));
  });
}

}  // namespace muster::front::native
