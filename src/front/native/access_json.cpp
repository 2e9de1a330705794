// Writing the rows of access.
// A time that is not set is null; the hash of a token stays where it is.
#include "front/native/access_json.h"

namespace muster::front::native {
namespace {

void begin(wire::JsonWriter& out, std::string_view schema) {
  out.begin_object();
  if (!schema.empty()) out.key("schema").text(schema);
}

}  // namespace

std::string hex_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string user_json(const UserRow& row, std::string_view schema) {
  std::string json;
  wire::JsonWriter out(json);
  begin(out, schema);
  out.key("name").text(row.name).key("roles").begin_object();
  for (const ProjectRole& one : row.roles) out.key(one.project).text(to_text(one.role));
  out.end_object();
  out.key("disabled").flag(row.disabled).key("created").time(row.created_wall_us).end_object();
  return json;
}

std::string token_json(const TokenRow& row, Micros wall_us, std::string_view schema, std::string_view text) {
  std::string_view state = "good";
  if (row.expires_wall_us != 0 && row.expires_wall_us <= wall_us) state = "expired";
  if (row.revoked_wall_us != 0) state = row.kind == "join" ? "used" : "revoked";
  std::string json;
  wire::JsonWriter out(json);
  begin(out, schema);
  out.key("id").number(row.id).key("kind").text(row.kind).key("user").text(row.owner).key("state").text(
      state);
  out.key("project").text_or_null(row.project).key("role").text_or_null(row.role);
  out.key("worker").text_or_null(row.worker).key("note").text_or_null(row.note);
  out.key("created").time(row.created_wall_us).key("expires").time(row.expires_wall_us);
  out.key("last_used").time(row.last_used_wall_us).key("revoked").time(row.revoked_wall_us);
  if (!text.empty()) out.key("token").text(text);
  out.end_object();
  return json;
}

std::string project_json(const ProjectRow& row, std::string_view schema) {
  std::string json;
  wire::JsonWriter out(json);
  begin(out, schema);
  out.key("name").text(row.name).key("note").text_or_null(row.note).key("closed").flag(row.closed);
  out.key("created").time(row.created_wall_us).end_object();
  return json;
}

std::string secret_json(const SecretRow& row, std::string_view problem, std::string_view schema) {
  std::string json;
  wire::JsonWriter out(json);
  begin(out, schema);
  out.key("name").text(row.name).key("project").text(row.project).key("note").text_or_null(row.note);
  out.key("created").time(row.created_wall_us).key("changed").time(row.changed_wall_us);
  out.key("changed_by").text_or_null(row.changed_by).key("problem").text_or_null(problem).end_object();
  return json;
}

std::string audit_json(const AuditRow& row) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("seq").number(row.seq).key("time").time(row.wall_us);
  out.key("who").text_or_null(row.who).key("token");
  if (row.token == 0) {
    out.null();
  } else {
    out.number(row.token);
  }
  out.key("role").text_or_null(row.role).key("project").text_or_null(row.project);
  out.key("address").text_or_null(row.address).key("action").text(row.action);
  out.key("object").text_or_null(row.object).key("result").text(row.result);
  out.key("request").text_or_null(row.request).key("hash").text(hex_text(row.hash)).end_object();
  return json;
}

}  // namespace muster::front::native
