// Tests of addresses and of the order in which server and token are found; the whole order is tried end to end as well.
// Files are made in a folder of the test's own.
#include "client/endpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace muster::client {
namespace {

TEST(ParseUrl, takes_loopback_addresses) {
  EXPECT_EQ(parse_url("http://127.0.0.1:7420").value(), (Address{"127.0.0.1", 7420}));
  EXPECT_EQ(parse_url("http://127.0.0.1").value(), (Address{"127.0.0.1", 7420}));
  EXPECT_EQ(parse_url("http://localhost:1/").value(), (Address{"127.0.0.1", 1}));
  EXPECT_EQ(parse_url("http://[::1]:65535").value(), (Address{"::1", 65535}));
  EXPECT_EQ(parse_url("http://[::1]").value(), (Address{"::1", 7420}));
  EXPECT_EQ(parse_url("http://127.8.8.8:80").value(), (Address{"127.8.8.8", 80}));
}

TEST(ParseUrl, refuses_the_rest) {
  for (const char* url : {"",
                          "http://",
                          "http://:80",
                          "https://127.0.0.1/x",
                          "ftp://127.0.0.1",
                          "127.0.0.1:7420",
                          "http://10.0.0.1",
                          "http://0.0.0.0",
                          "http://[::]",
                          "http://example.org",
                          "http://127.0.0.1:0",
                          "http://127.0.0.1:65536",
                          "http://127.0.0.1:",
                          "http://127.0.0.1:x",
                          "http://127.0.0.1/x",
                          "http://127.0.0.1?x",
                          "http://a@127.0.0.1",
                          "http://[::1",
                          "http://::1",
                          "http://[127.0.0.1]x",
                          "http://127.0.0.1\r\nX: y"}) {
    const auto address = parse_url(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code, kMalformedValue) << url;
  }
}

class Endpoints : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "muster-endpoint-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }
  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(std::string(name));
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }
  Result<Endpoint> find(const EndpointOptions& options = {}) { return find_endpoint(options, environment()); }

  std::string folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(Endpoints, come_from_the_data_folder) {
  write("server.url", "http://127.0.0.1:5000\n");
  write("admin.token", "tok\n");
  variables_["MUSTER_DATA"] = folder_;
  const auto endpoint = find();
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->address.port, 5000);
  EXPECT_EQ(endpoint->token, "tok");
  EXPECT_EQ(endpoint->source, "data folder " + folder_);
}

TEST_F(Endpoints, prefer_what_is_typed) {
  write("server.url", "http://127.0.0.1:5000");
  write("admin.token", "tok");
  write("mine", "typed\r\n");
  variables_["MUSTER_DATA"] = folder_;
  variables_["MUSTER_URL"] = "http://127.0.0.1:5001";
  variables_["MUSTER_TOKEN"] = "env";
  EXPECT_EQ(find()->address.port, 5001);
  EXPECT_EQ(find()->token, "env");
  EndpointOptions typed;
  typed.url = "http://127.0.0.1:5002";
  typed.token_file = folder_ + "/mine";
  EXPECT_EQ(find(typed)->address.port, 5002);
  EXPECT_EQ(find(typed)->token, "typed");
  EndpointOptions folder;
  folder.data_folder = folder_;
  EXPECT_EQ(find(folder)->address.port, 5000);
}

TEST_F(Endpoints, of_a_token_that_others_can_read_are_refused) {
  write("server.url", "http://127.0.0.1:5000");
  write("admin.token", "tok", 0644);
  variables_["MUSTER_DATA"] = folder_;
  EXPECT_EQ(find().error().code, kTokenFileOpen);
  EXPECT_EQ(exit_code_of(find().error().kind), 4);
}

TEST_F(Endpoints, without_a_server_or_a_token) {
  EXPECT_EQ(find().error().code, kNoServer);
  variables_["HOME"] = folder_;
  EXPECT_EQ(find().error().code, kNoServer);
  EXPECT_NE(find().error().what.find(folder_ + "/.local/share/muster"), std::string::npos);
  variables_["MUSTER_URL"] = "http://127.0.0.1:5001";
  EXPECT_EQ(find().error().code, kTokenMissing);
  variables_["MUSTER_TOKEN"] = "two words";
  EXPECT_EQ(find().error().code, kTokenWrong);
}

TEST_F(Endpoints, come_from_a_context) {
  write("config/muster/config.toml",
        "current = \"lab\"\n[contexts.lab]\nurl = \"http://127.0.0.1:5003\"\ntoken_file = \"~/lab.token\"\n");
  write("lab.token", "lab");
  variables_["XDG_CONFIG_HOME"] = folder_ + "/config";
  variables_["HOME"] = folder_;
  const auto endpoint = find();
  ASSERT_TRUE(endpoint) << endpoint.error().what;
  EXPECT_EQ(endpoint->address.port, 5003);
  EXPECT_EQ(endpoint->token, "lab");
  EXPECT_EQ(endpoint->source, "context 'lab'");
}

}  // namespace
}  // namespace muster::client
