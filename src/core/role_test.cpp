// Roles: the highest that holds counts, and what is written is read back.
// Anything that is not exactly a list of roles is refused.
#include "core/role.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Roles, TheHighestThatHoldsCounts) {
  const ProjectRoles roles{{"*", Role::viewer}, {"atlas", Role::operator_}};
  EXPECT_EQ(role_in(roles, "atlas"), Role::operator_);
  EXPECT_EQ(role_in(roles, "genome"), Role::viewer);
  EXPECT_EQ(role_in({{"atlas", Role::admin}}, "atla"), Role::none);
  EXPECT_EQ(role_in({{"atlas", Role::admin}}, "atlas2"), Role::none);
  EXPECT_TRUE(is_everywhere(roles));
  EXPECT_FALSE(is_everywhere({{"atlas", Role::admin}}));
}

TEST(Roles, AreReadBackAsTheyWereWritten) {
  ProjectRoles roles;
  set_role(roles, "genome", Role::submitter);
  set_role(roles, "*", Role::viewer);
  set_role(roles, "atlas", Role::admin);
  set_role(roles, "atlas", Role::operator_);
  EXPECT_EQ(to_text(roles), "*=viewer,atlas=operator,genome=submitter");
  EXPECT_EQ(project_roles_from_text(to_text(roles)), roles);
  set_role(roles, "atlas", Role::none);
  set_role(roles, "none", Role::none);
  EXPECT_EQ(to_text(roles), "*=viewer,genome=submitter");
  EXPECT_EQ(project_roles_from_text(""), ProjectRoles{});
}

TEST(Roles, AnythingElseIsRefused) {
  for (const char* text : {"atlas", "=viewer", "atlas=none", "atlas=Viewer", "a=viewer,", ",a=viewer",
                           "a=viewer,,b=viewer", "a b=viewer", "*x=viewer", "a=viewer=admin"}) {
    EXPECT_FALSE(project_roles_from_text(text)) << text;
  }
}

TEST(Names, ArePlainWords) {
  for (const char* name : {"ada", "a", "Ada.Lovelace-2@lab_x", "7"}) EXPECT_TRUE(is_plain_name(name)) << name;
  for (const char* name : {"", ".a", "-a", "a b", "a/b", "a\n", "*", "a,b", "a=b", "\xc3\xa9"}) {
    EXPECT_FALSE(is_plain_name(name)) << name;
  }
  EXPECT_FALSE(is_plain_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace muster
