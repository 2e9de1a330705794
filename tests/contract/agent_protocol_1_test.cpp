// The bytes of agent protocol 1, kept as they were: servers and agents of today still read both directions of it.
// tests/golden/agent-protocol-1/ is never written again; what these frames say is spelled out here.
#include <gtest/gtest.h>

#include "core/agent_protocol.h"
#include "golden_bytes.h"
#include "wire/agent/agent_codec.h"

namespace muster::wire {
namespace {

int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::string kept(const std::string& name) {
  std::ifstream file("tests/golden/agent-protocol-1/" + name + ".hex");
  EXPECT_TRUE(file) << name;
  std::string bytes;
  for (std::string line; std::getline(file, line);) {
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
      bytes += static_cast<char>(digit(line[i]) * 16 + digit(line[i + 1]));
  }
  return bytes;
}

TEST(AgentProtocol1, AServerReadsWhatAgentsOfItSay) {
  const auto hello = decode_hello(kept("hello"));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->protocol_min, 1U);
  EXPECT_EQ(hello->worker_name, "node");
  EXPECT_EQ(hello->spool_id, "spool");
  EXPECT_EQ(hello->facts.version, "0.1.0");
  EXPECT_EQ(hello->facts.capacity.cpu_slots, 4U);
  EXPECT_EQ(hello->facts.gpus.size(), 2U);
  const auto message = decode_agent_message(kept("agent_message"));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->session, 9U);
  EXPECT_TRUE(message->full);
  ASSERT_EQ(message->have.size(), 6U);
  EXPECT_EQ(message->have[4].attempt, (AttemptRef{42, 5, 3, 7}));
  EXPECT_EQ(message->have[4].phase, AttemptState::executing);
  ASSERT_EQ(message->finished.size(), 3U);
  const Finished& failed = message->finished.back();
  EXPECT_EQ(failed.cause, Cause::exit);
  EXPECT_EQ(failed.exit_code, -3);
  EXPECT_EQ(failed.usage.peak_memory_bytes, 5U << 20);
  EXPECT_EQ(failed.message, "cannot \xff");
  const std::string logs = kept("log_records");
  const auto records = decode_log_records(logs);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->records.size(), 3U);
  EXPECT_EQ(records->records[0].bytes, "hello\n");
}

TEST(AgentProtocol1, AnAgentReadsWhatServersOfItSay) {
  EXPECT_EQ(decode_welcome(kept("welcome")), (Welcome{9, 4, 1, "0.2"}));
  EXPECT_EQ(decode_refused(kept("refused")), (Refused{"E107", "what", "next"}));
  EXPECT_EQ(decode_logs_taken(kept("logs_taken")), (LogsTaken{3, 2, 4096}));
  const auto message = decode_server_message(kept("server_message"));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->lease_us, 86'400'000'000);
  EXPECT_EQ(message->gpu_slots, 0U);
  ASSERT_EQ(message->templates.size(), 1U);
  EXPECT_EQ(message->templates[0].body.columns, (std::vector<std::string>{"x"}));
  ASSERT_EQ(message->grants.size(), 2U);
  EXPECT_EQ(message->grants[0].count, 3U);
  EXPECT_EQ(message->grants[0].fields, (std::vector<std::string>{"a", "", "c\n"}));
  ASSERT_EQ(message->stops.size(), 3U);
  EXPECT_EQ(message->stops[2].reason, StopReason::stale);
  EXPECT_EQ(message->forget.size(), 3U);
}

// What a later version adds stands behind what there was: kinds and fields that a reader does not know are passed over.
TEST(AgentProtocol1, LaterFieldsAreIgnoredInEveryFrame) {
  const std::string later = std::string("\xfa\x7f\x03new", 6) + std::string("\xf0\x7f\x05", 3);
  EXPECT_EQ(decode_hello(kept("hello") + later).value(), decode_hello(kept("hello")).value());
  EXPECT_EQ(decode_agent_message(kept("agent_message") + later).value(),
            decode_agent_message(kept("agent_message")).value());
  EXPECT_EQ(decode_server_message(kept("server_message") + later).value(),
            decode_server_message(kept("server_message")).value());
  EXPECT_EQ(decode_welcome(kept("welcome") + later).value(), decode_welcome(kept("welcome")).value());
  EXPECT_EQ(decode_refused(kept("refused") + later).value(), decode_refused(kept("refused")).value());
}

TEST(AgentProtocol, TheHighestThatBothSpeakIsAgreedOn) {
  EXPECT_EQ(agreed_protocol(1, 1), 1U);
  EXPECT_EQ(agreed_protocol(1, 9), kAgentProtocol);
  EXPECT_EQ(agreed_protocol(kAgentProtocol + 1, 9), 0U);
  EXPECT_EQ(agreed_protocol(0, 0), 0U);
  EXPECT_EQ(agreed_protocol(3, 2), 0U);
}

}  // namespace
}  // namespace muster::wire
