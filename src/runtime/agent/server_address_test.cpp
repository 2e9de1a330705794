// The server's URL: what is taken and what is refused.
// Refused is everything that would send the token off this machine.
#include "runtime/agent/server_address.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

TEST(ServerAddress, takes_loopback_in_every_spelling) {
  EXPECT_EQ(parse_server_url("http://127.0.0.1:7420").value(), (ServerAddress{"127.0.0.1", 7420}));
  EXPECT_EQ(parse_server_url("http://127.0.0.1").value(), (ServerAddress{"127.0.0.1", kServerPort}));
  EXPECT_EQ(parse_server_url("http://localhost:9/").value(), (ServerAddress{"127.0.0.1", 9}));
  EXPECT_EQ(parse_server_url("http://[::1]:65535/").value(), (ServerAddress{"::1", 65535}));
  EXPECT_EQ(parse_server_url("http://127.8.9.1:1").value().authority(), "127.8.9.1:1");
  EXPECT_EQ(parse_server_url("http://[::1]").value().authority(), "[::1]:7420");
}

TEST(ServerAddress, refuses_the_rest_with_a_next_step) {
  for (const char* url :
       {"", "http://", "https://127.0.0.1:7420/x", "127.0.0.1:7420", "http://10.0.0.1:7420",
        "http://example.org", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:74x",
        "http://127.0.0.1:7420/api", "http://[::1", "http://[::1]7420", "http://user@127.0.0.1"}) {
    const auto address = parse_server_url(url);
    ASSERT_FALSE(address.has_value()) << url;
    EXPECT_EQ(address.error().code, kMalformedValue) << url;
    EXPECT_FALSE(address.error().next.empty()) << url;
  }
}

}  // namespace
}  // namespace muster::runtime
