// Users, tokens, projects and audit rows as JSON. What opens anything is never in it.
// With a schema it is a whole answer, without one an item of a list.
#pragma once

#include <string>
#include <string_view>

#include "core/rows.h"
#include "wire/native/answers.h"
#include "wire/native/json_writer.h"

namespace muster::front::native {

std::string user_json(const UserRow& row, std::string_view schema);
// `text`: the token itself, in the one answer that tells it.
std::string token_json(const TokenRow& row, Micros wall_us, std::string_view schema, std::string_view text);
std::string project_json(const ProjectRow& row, std::string_view schema);
// `problem`: why its value cannot be opened here; empty: it can.
std::string secret_json(const SecretRow& row, std::string_view problem, std::string_view schema);
std::string audit_json(const AuditRow& row);
std::string hex_text(std::string_view bytes);

}  // namespace muster::front::native
