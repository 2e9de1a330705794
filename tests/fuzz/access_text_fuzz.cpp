// Any text as a token, a list of roles, a name: refused, or exactly what was written.
// Input: the text; a token is good only as it was minted.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/role.h"
#include "front/tokens.h"

namespace {

using namespace muster;

struct Minted {
  Minted() {
    front::TokenWish wish;
    wish.owner = "ada";
    token = tokens.mint(wish, 1).text;
  }
  front::Tokens tokens{{}};
  std::string token;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Minted minted;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (minted.tokens.check(text, 2)) MUSTER_CHECK(text == minted.token, "a token opens as it was minted");
  MUSTER_CHECK(minted.tokens.refused_id(text) == 0 || text == minted.token, "nothing else names a token");
  // The same with one byte of a good token changed, put in or cut off.
  if (size >= 2) {
    std::string changed = minted.token;
    const std::size_t at = data[0] % changed.size();
    changed[at] = static_cast<char>(data[1]);
    MUSTER_CHECK(minted.tokens.check(changed, 2).has_value() == (changed == minted.token),
                 "a flipped byte shows");
    changed = minted.token.substr(0, at) + std::string(text) + minted.token.substr(at);
    MUSTER_CHECK(!minted.tokens.check(changed, 2), "bytes put in show");
  }
  if (const auto roles = project_roles_from_text(text)) {
    MUSTER_CHECK(project_roles_from_text(to_text(*roles)) == roles, "roles are read back");
    for (const ProjectRole& one : *roles) {
      MUSTER_CHECK(one.role != Role::none && role_in(*roles, one.project) >= one.role,
                   "a role that is held counts");
    }
  }
  if (const auto role = role_from_text(text)) MUSTER_CHECK(to_text(*role) == text, "a role is read back");
  if (is_plain_name(text)) {
    MUSTER_CHECK(project_roles_from_text(std::string(text) + "=viewer").has_value(),
                 "a name can hold a role");
  }
  return 0;
}
