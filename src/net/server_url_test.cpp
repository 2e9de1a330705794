// Addresses of servers: every form of the same, and what is refused.
// Refused above all: whatever would carry a token unencrypted off this machine.
#include "net/server_url.h"

#include <gtest/gtest.h>

#include "net/resolve.h"

namespace muster::net {
namespace {

constexpr const char* kPin = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

TEST(ServerUrl, forms_of_the_same) {
  EXPECT_EQ(parse_url("https://127.0.0.1").value(), (ServerUrl{"127.0.0.1", 7420, Scheme::https}));
  EXPECT_EQ(parse_url("https://lab-2.example.org:1/").value(),
            (ServerUrl{"lab-2.example.org", 1, Scheme::https}));
  EXPECT_EQ(parse_url("https://[2001:db8::1]:9").value().authority(), "[2001:db8::1]:9");
  EXPECT_EQ(parse_url("http://localhost").value(), (ServerUrl{"127.0.0.1", 7420}));
  const ServerUrl pinned =
      parse_url("https://10.0.0.1:80#sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").value();
  EXPECT_EQ(pinned, (ServerUrl{"10.0.0.1", 80, Scheme::https, kPin}));
  EXPECT_EQ(pinned.text(), "https://10.0.0.1:80");
  EXPECT_EQ(parse_url(pinned.pinned()).value(), pinned);
}

TEST(ServerUrl, refuses_the_rest_with_a_next_step) {
  for (const char* url :
       {"", "https://", "https://:80", "https://a b", "https://-x", "https://.x", "https://x/y",
        "https://u@x", "https://x#", "https://x#sha256//abc", "http://10.0.0.1", "http://x",
        "http://127.0.0.1#sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "HTTPS://x", "ftp://x"}) {
    const auto found = parse_url(url);
    ASSERT_FALSE(found) << url;
    EXPECT_EQ(found.error().code, kMalformedValue) << url;
    EXPECT_FALSE(found.error().next.empty()) << url;
  }
}

TEST(Pins, are_what_curl_takes) {
  EXPECT_TRUE(is_pin(kPin));
  for (const char* text : {"", "sha256//", "sha256//x=", "sha1//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                           "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF\"="})
    EXPECT_FALSE(is_pin(text)) << text;
}

TEST(Hosts, are_found_by_any_of_their_names) {
  const std::string text =
      "# c\n127.0.0.1 localhost\n10.1.2.3\tlab Lab.example # x\n::7 lab\nbad lab\n10.9.9.9 other";
  EXPECT_EQ(find_in_hosts(text, "LAB"), (std::vector<std::string>{"10.1.2.3", "::7"}));
  EXPECT_EQ(find_in_hosts(text, "lab.example"), (std::vector<std::string>{"10.1.2.3"}));
  EXPECT_TRUE(find_in_hosts(text, "x").empty());
  EXPECT_EQ(resolve_host("192.0.2.7"), (std::vector<std::string>{"192.0.2.7"}));
}

}  // namespace
}  // namespace muster::net
