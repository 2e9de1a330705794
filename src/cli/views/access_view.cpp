// The columns of users, tokens, projects and audit rows.
// Roles are shown as they are typed: project=role.
#include "cli/views/columns.h"
#include "client/text.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

Cell roles_of(const Json& user, const ViewContext& context) {
  const Json roles = user["roles"];
  std::string all;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    all += join_text(i == 0 ? "" : ",", roles.key(i), '=', roles.at(i).text());
  }
  return all.empty() ? dash(context) : Cell{all};
}

constexpr ViewColumn kUserColumns[] = {
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"roles", "ROLES", kMain, kLeft, 1, 12, &roles_of},
    {"disabled", "DISABLED", kMain, kLeft, 2, 0, &flag_at<"disabled">},
    {"created", "CREATED", kMain, kLeft, 3, 0, &time_at<"created">},
};

constexpr ViewColumn kTokenColumns[] = {
    {"id", "ID", kMain, kRight, 0, 0, &number_at<"id">},
    {"kind", "KIND", kMain, kLeft, 4, 0, &text_at<"kind">},
    {"user", "USER", kMain, kLeft, 0, 8, &text_at<"user">},
    {"state", "STATE", kMain, kLeft, 0, 0, &text_at<"state">},
    {"project", "PROJECT", kMain, kLeft, 3, 8, &text_at<"project">},
    {"role", "ROLE", kMain, kLeft, 3, 0, &text_at<"role">},
    {"note", "NOTE", kMain, kLeft, 5, 12, &text_at<"note">},
    {"expires", "EXPIRES", kMain, kLeft, 1, 0, &time_at<"expires">},
    {"last_used", "USED", kMain, kLeft, 2, 0, &time_at<"last_used">},
    {"created", "CREATED", kWide, kLeft, 9, 0, &time_at<"created">},
    {"revoked", "REVOKED", kWide, kLeft, 9, 0, &time_at<"revoked">},
    {"worker", "WORKER", kWide, kLeft, 9, 8, &text_at<"worker">},
};

constexpr ViewColumn kProjectColumns[] = {
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"note", "NOTE", kMain, kLeft, 1, 12, &text_at<"note">},
    {"closed", "CLOSED", kMain, kLeft, 2, 0, &flag_at<"closed">},
    {"created", "CREATED", kMain, kLeft, 3, 0, &time_at<"created">},
};

constexpr ViewColumn kSecretColumns[] = {
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"note", "NOTE", kMain, kLeft, 2, 12, &text_at<"note">},
    {"changed", "CHANGED", kMain, kLeft, 1, 0, &time_at<"changed">},
    {"changed_by", "BY", kMain, kLeft, 3, 8, &text_at<"changed_by">},
    {"problem", "PROBLEM", kMain, kLeft, 0, 12, &text_at<"problem">},
    {"project", "PROJECT", kWide, kLeft, 9, 8, &text_at<"project">},
    {"created", "CREATED", kWide, kLeft, 9, 0, &time_at<"created">},
};

constexpr ViewColumn kAuditColumns[] = {
    {"seq", "SEQ", kMain, kRight, 5, 0, &number_at<"seq">},
    {"time", "TIME", kMain, kLeft, 1, 0, &time_at<"time">},
    {"who", "WHO", kMain, kLeft, 0, 8, &text_at<"who">},
    {"role", "ROLE", kMain, kLeft, 4, 0, &text_at<"role">},
    {"project", "PROJECT", kMain, kLeft, 3, 8, &text_at<"project">},
    {"action", "ACTION", kMain, kLeft, 0, 12, &text_at<"action">},
    {"object", "OBJECT", kMain, kLeft, 2, 12, &text_at<"object">},
    {"result", "RESULT", kMain, kLeft, 0, 0, &text_at<"result">},
    {"address", "ADDRESS", kMain, kLeft, 6, 8, &text_at<"address">},
    {"token", "TOKEN", kWide, kRight, 9, 0, &number_at<"token">},
    {"request", "REQUEST", kWide, kLeft, 9, 0, &text_at<"request">},
    {"hash", "HASH", kWide, kLeft, 9, 8, &text_at<"hash">},
};

std::string name_of(const Json& thing) { return std::string(thing["name"].text()); }

}  // namespace

const View kUserView = {"user", "users", "muster.users/1", kUserColumns, &name_of};
const View kTokenView = {"token", "tokens", "muster.tokens/1", kTokenColumns,
                         [](const Json& token) { return token["id"].serialize(); }};
const View kProjectView = {"project", "projects", "muster.projects/1", kProjectColumns, &name_of};
const View kSecretView = {"secret", "secrets", "muster.secrets/1", kSecretColumns, &name_of};
const View kAuditView = {"audit row", "audit rows", "muster.audits/1", kAuditColumns,
                         [](const Json& row) { return row["seq"].serialize(); }};

}  // namespace muster::cli
