// A connection to a keeper over a real socket pair: reports in groups, inventories whole, the end told once.
// The test plays the keeper.
#include "runtime/agent/keeper_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>

#include "wire/keeper/keeper_codec.h"

namespace muster::runtime {
namespace {

KeeperReport ended(TaskIndex index) {
  KeeperReport report;
  KeeperEnd end;
  end.attempt = {1, index, 1, 1};
  report.ended.push_back(end);
  report.log_segment = 1;
  report.log_offset = index * 10;
  return report;
}

struct Told : KeeperLinkUser {
  void keeper_inventory(agent::KeeperId, KeeperReport report) override {
    inventories.push_back(std::move(report));
  }
  void keeper_said(agent::KeeperId, KeeperReport report) override {
    reports.push_back(std::move(report));
    if (then) then();
  }
  void keeper_hung_up(agent::KeeperId, const std::string& why) override { ends.push_back(why); }
  bool has_plenty() const override { return plenty; }
  bool plenty = false;
  std::vector<KeeperReport> inventories;
  std::vector<KeeperReport> reports;
  std::vector<std::string> ends;
  std::function<void()> then;
};

class KeeperLinkTest : public testing::Test {
 protected:
  KeeperLinkTest() {
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    keeper = blobs::File(ends[0]);
    link = std::make_unique<KeeperLink>(loop, 7, blobs::File(ends[1]), told);
    bytes.push_back(wire::kKeeperProtocol);
  }
  void say(const KeeperReport& report) { wire::append_keeper_report(report, bytes); }
  void flush() {
    ASSERT_EQ(send(keeper.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    bytes.clear();
  }
  template <class Done>
  void run_until(Done done) {
    while (!done()) ASSERT_EQ(loop.run_one_for(std::chrono::seconds(20)), 1U) << "nothing happened";
  }

  boost::asio::io_context loop;
  Told told;
  blobs::File keeper;
  std::unique_ptr<KeeperLink> link;
  std::string bytes;
};

TEST_F(KeeperLinkTest, takes_what_is_there_as_one_report_and_inventories_apart) {
  say(ended(1));
  say(ended(2));
  KeeperReport inventory = ended(9);
  inventory.inventory = true;
  say(inventory);
  say(ended(3));
  flush();
  link->start();
  run_until([&] { return told.reports.size() == 2; });
  EXPECT_EQ(told.reports[0].ended.size(), 2U);
  EXPECT_EQ(told.reports[0].log_offset, 20U);
  ASSERT_EQ(told.inventories.size(), 1U);
  EXPECT_EQ(told.reports[1].ended[0].attempt.index, 3U);
}

TEST_F(KeeperLinkTest, waits_for_more_only_while_there_is_plenty_to_do) {
  for (const bool plenty : {false, true}) {
    told.plenty = plenty;
    told.reports.clear();
    for (TaskIndex index = 1; index <= 20; ++index) say(ended(index));
    flush();
    if (!plenty) link->start();
    run_until([&] { return !told.reports.empty(); });
    say(ended(21));
    flush();
    const auto before = std::chrono::steady_clock::now();
    run_until([&] { return told.reports.size() == 2; });
    const auto waited = std::chrono::steady_clock::now() - before;
    // Without plenty nothing sets a time, so only the wait itself can be asked for.
    if (plenty) {
      EXPECT_GE(waited, std::chrono::milliseconds(15));
    }
  }
}

TEST_F(KeeperLinkTest, says_its_version_and_requests_in_order) {
  link->start();
  KeeperRequest request;
  request.list = true;
  link->send(request);
  request = {};
  request.run_queue_width = 4;
  link->send(request);
  char received[256];
  const ssize_t got = recv(keeper.get(), received, sizeof received, 0);
  wire::KeeperFrameReader frames;
  frames.append({received, static_cast<std::size_t>(got)});
  EXPECT_TRUE(wire::decode_keeper_request(**frames.next()).value().list);
  EXPECT_EQ(wire::decode_keeper_request(**frames.next()).value().run_queue_width, 4);
}

TEST_F(KeeperLinkTest, a_full_socket_delays_and_loses_nothing) {
  link->start();
  KeeperRequest request;
  request.forget.assign(1000, {1, 2, 3, 4});
  std::string expected(1, wire::kKeeperProtocol);
  for (int k = 0; k < 400; ++k) {
    link->send(request);
    wire::append_keeper_request(request, expected);
  }
  std::string received;
  run_until([&] {
    char piece[65536];
    for (ssize_t got = 0; (got = recv(keeper.get(), piece, sizeof piece, MSG_DONTWAIT)) > 0;) {
      received.append(piece, static_cast<std::size_t>(got));
    }
    return received.size() >= expected.size();
  });
  EXPECT_EQ(received, expected);
}

TEST_F(KeeperLinkTest, tells_the_end_once_after_the_last_report) {
  say(ended(1));
  flush();
  keeper.close();
  link->start();
  run_until([&] { return !told.ends.empty(); });
  EXPECT_EQ(told.reports.size(), 1U);
  EXPECT_EQ(told.ends.size(), 1U);
}

TEST_F(KeeperLinkTest, another_version_is_an_end) {
  bytes[0] = static_cast<char>(wire::kKeeperProtocol + 1);
  say(ended(1));
  flush();
  link->start();
  run_until([&] { return !told.ends.empty(); });
  EXPECT_TRUE(told.reports.empty());
}

TEST_F(KeeperLinkTest, may_be_ended_from_inside_a_report) {
  told.then = [&] { link.reset(); };
  say(ended(1));
  flush();
  link->start();
  run_until([&] { return !told.reports.empty(); });
  keeper.close();
  loop.run_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(told.ends.empty());
}

TEST(KeeperLink, patience_grows_with_the_load_and_ends) {
  EXPECT_EQ(report_pause_us(0), 0);
  EXPECT_EQ(report_pause_us(1), 1000);
  EXPECT_EQ(report_pause_us(94), 20'000);
}

}  // namespace
}  // namespace muster::runtime
