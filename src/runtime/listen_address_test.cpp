// --listen: what is meant by it, and which addresses other machines can reach.
// Names are never looked up.
#include "runtime/listen_address.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

TEST(ListenAddress, FormsOfTheSame) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:7420"), (ListenAddress{"127.0.0.1", 7420}));
  EXPECT_EQ(parse_listen_address("localhost:1"), (ListenAddress{"127.0.0.1", 1}));
  EXPECT_EQ(parse_listen_address(":0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(parse_listen_address("8080"), (ListenAddress{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_listen_address("127.1.2.3:65535"), (ListenAddress{"127.1.2.3", 65535}));
  EXPECT_EQ(parse_listen_address("[::1]:5"), (ListenAddress{"::1", 5}));
  EXPECT_EQ((ListenAddress{"::1", 5}.url()), "http://[::1]:5");
  EXPECT_EQ((ListenAddress{"127.0.0.1", 5}.url()), "http://127.0.0.1:5");
}

TEST(ListenAddress, NonsenseIsRefused) {
  for (const char* text : {"", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "*:x",
                           "127.0.0.1:1x", "::1:5", "[::1]5", "[::1", "example.org:1", "127.0.0.1 :1"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
}

TEST(ListenAddress, WhatOtherMachinesReachIsKnownAsThat) {
  for (const char* text :
       {"0.0.0.0:1", "192.168.1.1:7420", "[::]:1", "*:7420", "128.0.0.1:1", "[2001:db8::1]:1"}) {
    const auto address = parse_listen_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_FALSE(address->is_loopback()) << text;
  }
  EXPECT_EQ(parse_listen_address("*:7420"), (ListenAddress{"0.0.0.0", 7420}));
  EXPECT_TRUE(parse_listen_address("*:7420")->is_any());
  EXPECT_TRUE(parse_listen_address("[::]:1")->is_any());
  EXPECT_FALSE(parse_listen_address("192.168.1.1:1")->is_any());
  EXPECT_TRUE(parse_listen_address("127.9.9.9:1")->is_loopback());
  EXPECT_TRUE(parse_listen_address("[::1]:1")->is_loopback());
}

}  // namespace
}  // namespace muster::runtime
