// Two ends of a socket pair: who is trusted, who is not, and that the key stays while the certificate is renewed.
// Nothing passes between ends of which one distrusts the other.
#include "net/tls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "net/certificate.h"

namespace muster::net {
namespace {

constexpr Micros kNow_us = 1'700'000'000'000'000;
constexpr Micros kYear_us = 365LL * 24 * 3600 * 1'000'000;

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "muster-tls-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    files_ = {folder_ + "/tls.crt", folder_ + "/tls.key"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  TlsContext make_server(Micros wall_us = kNow_us) {
    EXPECT_TRUE(keep_own_certificate(files_, {"127.0.0.1", "lab.example"}, wall_us));
    return std::move(TlsContext::server(files_.certificate, files_.key).value());
  }
  std::string certificate() const {
    std::ifstream file(files_.certificate);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string folder_;
  CertificateFiles files_;
};

struct Pair {
  Pair(const TlsContext& server, const TlsContext& client, const std::string& host) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    near = server.open(sockets[0]);
    far = client.open(sockets[1], host);
  }
  ~Pair() {
    near.reset();
    far.reset();
    close(sockets[0]);
    close(sockets[1]);
  }
  // The client's last step.
  TlsStep shake_hands() {
    TlsStep step = TlsStep::wants_read;
    for (int turn = 0; turn < 20 && (step == TlsStep::wants_read || step == TlsStep::wants_write); ++turn) {
      step = far->handshake();
      near->handshake();
    }
    return step;
  }
  int sockets[2] = {};
  std::unique_ptr<TlsSession> near;
  std::unique_ptr<TlsSession> far;
};

TEST_F(Tls, bytes_go_both_ways_under_the_right_pin) {
  const TlsContext server = make_server();
  const TlsContext client = std::move(TlsContext::client({server.pin(), {}}).value());
  Pair pair(server, client, "anybody");
  ASSERT_EQ(pair.shake_hands(), TlsStep::done) << pair.far->why();
  char buffer[16] = {};
  EXPECT_EQ(pair.near->read(buffer, sizeof buffer).step, TlsStep::wants_read);
  EXPECT_EQ(pair.far->write("hello", 5).bytes, 5U);
  EXPECT_EQ(pair.near->read(buffer, sizeof buffer).bytes, 5U);
  EXPECT_EQ(std::string(buffer), "hello");
  pair.near->say_end();
  EXPECT_EQ(pair.far->read(buffer, sizeof buffer).step, TlsStep::ended);
}

TEST_F(Tls, another_key_is_told_from_an_absent_server) {
  const TlsContext server = make_server();
  const TlsContext client =
      std::move(TlsContext::client({"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", {}}).value());
  Pair pair(server, client, "127.0.0.1");
  EXPECT_EQ(pair.shake_hands(), TlsStep::failed);
  EXPECT_TRUE(pair.far->is_distrusted());
  EXPECT_NE(pair.far->why().find(server.pin()), std::string::npos);
}

TEST_F(Tls, a_certificate_is_checked_against_authorities_and_host) {
  // Judged at the real time: the library reads the clock itself.
  const Micros now_us = static_cast<Micros>(time(nullptr)) * 1'000'000;
  const TlsContext server = make_server(now_us);
  const TlsContext knows = std::move(TlsContext::client({{}, files_.certificate}).value());
  for (const auto& [host, good] :
       {std::pair("127.0.0.1", true), {"lab.example", true}, {"127.0.0.2", false}, {"x", false}}) {
    Pair pair(server, knows, host);
    EXPECT_EQ(pair.shake_hands() == TlsStep::done, good) << host << ": " << pair.far->why();
    EXPECT_EQ(pair.far->is_distrusted(), !good) << host;
  }
  EXPECT_FALSE(TlsContext::client({{}, folder_ + "/none"}));
}

TEST_F(Tls, plain_text_is_recognised_on_both_sides) {
  const TlsContext server = make_server();
  const TlsContext client = std::move(TlsContext::client({server.pin(), {}}).value());
  Pair pair(server, client, "x");
  ASSERT_GT(write(pair.sockets[1], "GET / HTTP/1.1\r\n\r\n", 18), 0);
  char buffer[16];
  EXPECT_EQ(pair.near->read(buffer, sizeof buffer).step, TlsStep::failed);
  EXPECT_TRUE(pair.near->is_plain_http());
}

TEST_F(Tls, the_key_stays_and_the_certificate_is_renewed) {
  const std::string pin = make_server().pin();
  struct stat facts{};
  ASSERT_EQ(stat(files_.key.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  const std::string first = certificate();
  make_server(kNow_us + kYear_us);
  EXPECT_EQ(certificate(), first);
  EXPECT_EQ(make_server(kNow_us + 10 * kYear_us).pin(), pin);
  const std::string second = certificate();
  EXPECT_NE(second, first);
  ASSERT_TRUE(keep_own_certificate(files_, {"127.0.0.1", "10.1.1.1"}, kNow_us + 10 * kYear_us));
  EXPECT_NE(certificate(), second);
}

TEST_F(Tls, a_key_that_others_may_read_is_refused) {
  make_server();
  ASSERT_EQ(chmod(files_.key.c_str(), 0640), 0);
  const auto kept = keep_own_certificate(files_, {"127.0.0.1"}, kNow_us);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, kTokenFileOpen);
  EXPECT_FALSE(TlsContext::server(folder_ + "/none", files_.key));
}

}  // namespace
}  // namespace muster::net
