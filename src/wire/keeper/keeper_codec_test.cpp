// The keeper's bytes: values come back as they went, golden bytes stay as they are, broken bytes are refused.
// A keeper lives as long as its tasks, so a change of the golden bytes breaks running machines.
#include "wire/keeper/keeper_codec.h"

#include <gtest/gtest.h>

namespace muster::wire {
namespace {

KeeperRequest full_request() {
  KeeperRequest request;
  KeeperStart start;
  start.attempt = {42, 17, 2, 5};
  start.when = StartWhen::in_run_queue;
  start.arguments = {"echo", "", "a b"};
  start.environment = {{"PATH", "/bin"}, {"EMPTY", ""}, {"EQUALS", "a=b"}};
  start.cwd = "/data";
  start.scratch = "/s/42/17/2";
  start.time_limit_us = 1'000'000;
  start.grace_us = 10;
  start.mem_mb = 64;
  start.log_max_bytes = 1 << 20;
  start.records_first = true;
  start.note = "n";
  request.starts = {start};
  request.stops = {{{42, 16, 1, 5}, 300}};
  request.forget = {{1, 2, 3, 4}};
  request.run_queue_width = 0;
  request.deadline_mono_us = 99;
  request.logs_taken_segment = 7;
  request.list = true;
  request.leave_when_empty = true;
  return request;
}

KeeperReport full_report() {
  KeeperReport report;
  report.started = {{{42, 17, 2, 5}, 4711, 123456, 1'700'000'000'000'000, "gpu 1"}};
  KeeperEnd end;
  end.attempt = {42, 18, 1, 5};
  end.kind = EndKind::launch_failed;
  end.by = EndedBy::stop;
  end.exit_code = 3;
  end.signal = 9;
  end.launch_errno = 2;
  end.message = "no such command: foo";
  end.started_wall_us = 11;
  end.ended_wall_us = 12;
  end.usage = {1, 2, 3, 4, 5, 6};
  end.stdout_bytes = 7;
  end.stderr_bytes = 8;
  end.log_segment = 9;
  end.log_offset = 10;
  report.ended = {end};
  report.queued = {{{42, 19, 1, 5}, "gpu 0"}};
  report.inventory = true;
  report.log_segment = 13;
  report.log_offset = 14;
  return report;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

// The messages in a stream of bytes, greeting included, fed `step` bytes at a time.
std::vector<std::string> cut(const std::string& stream, std::size_t step) {
  KeeperFrameReader reader;
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    reader.append(std::string_view(stream).substr(at, step));
    while (true) {
      auto message = reader.next();
      EXPECT_TRUE(message.has_value());
      if (!message || !*message) break;
      messages.emplace_back(**message);
    }
  }
  return messages;
}

TEST(KeeperCodec, RequestsComeBackAsTheyWent) {
  std::string stream(1, kKeeperProtocol);
  append_keeper_request(full_request(), stream);
  append_keeper_request(KeeperRequest{}, stream);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    const auto messages = cut(stream, step);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(*decode_keeper_request(messages[0]), full_request());
    EXPECT_EQ(*decode_keeper_request(messages[1]), KeeperRequest{});
  }
}

TEST(KeeperCodec, ReportsComeBackAsTheyWent) {
  std::string stream(1, kKeeperProtocol);
  append_keeper_report(full_report(), stream);
  const auto messages = cut(stream, stream.size());
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(*decode_keeper_report(messages[0]), full_report());
}

TEST(KeeperCodec, SingleValuesComeBackAsTheyWent) {
  std::string bytes;
  append_keeper_end(full_report().ended[0], bytes);
  EXPECT_EQ(*decode_keeper_end(bytes), full_report().ended[0]);
  bytes.clear();
  append_keeper_started(full_report().started[0], bytes);
  EXPECT_EQ(*decode_keeper_started(bytes), full_report().started[0]);
}

TEST(KeeperCodec, GoldenBytes) {
  std::string request;
  append_keeper_request(full_request(), request);
  EXPECT_EQ(hex(request),
            "810000000a5c0a08082a10111802200510011a046563686f1a001a036120622209504154483d2f62"
            "696e2206454d5054593d220a455155414c533d613d622a052f64617461320a2f732f34322f31372f"
            "3238c0843d400a484050808040580162016e120d0a08082a10101801200510ac021a080801100218"
            "03200420002863300738014001");
  std::string report;
  append_keeper_report(full_report(), report);
  EXPECT_EQ(hex(report),
            "820000000a210a08082a10111802200510e72418c0c407208080f9c0c1c482032a05677075203112"
            "440a08082a101218012005100218012003280930023a146e6f207375636820636f6d6d616e643a20"
            "666f6f400b480c520c080110021803200428053006580760086809700a1a110a08082a1013180120"
            "05120567707520302001280d300e");
}

TEST(KeeperCodec, LargeRequestsAreSplitInOrder) {
  KeeperRequest request = full_request();
  KeeperStart big = request.starts[0];
  big.arguments = {std::string(400 << 10, 'x')};
  request.starts.assign(10, big);
  for (std::uint64_t i = 0; i < 10; ++i) request.starts[i].attempt.index = i;
  std::string stream(1, kKeeperProtocol);
  append_keeper_request(request, stream);
  const auto messages = cut(stream, stream.size());
  ASSERT_GT(messages.size(), 1U);
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto part = decode_keeper_request(messages[i]);
    ASSERT_TRUE(part.has_value());
    for (const KeeperStart& start : part->starts) EXPECT_EQ(start.attempt.index, next++);
    EXPECT_EQ(part->stops.empty(), i + 1 != messages.size());
    EXPECT_EQ(part->list, i + 1 == messages.size());
  }
  EXPECT_EQ(next, 10U);
}

TEST(KeeperCodec, AStopOfWhatIsQueuedAloneComesBack) {
  KeeperRequest request;
  request.stops = {{{42, 17, 1, 5}, 0, true}};
  std::string bytes;
  append_keeper_request(request, bytes);
  const auto back = decode_keeper_request(std::string_view(bytes).substr(4));  // behind its length
  ASSERT_TRUE(back);
  EXPECT_EQ(back->stops, request.stops);
}

TEST(KeeperCodec, UnknownFieldsAreIgnored) {
  std::string bytes;
  append_keeper_end(full_report().ended[0], bytes);
  bytes += std::string("\xfa\x07\x03", 3) + "new";  // field 127
  EXPECT_EQ(*decode_keeper_end(bytes), full_report().ended[0]);
}

TEST(KeeperCodec, BrokenBytesAreRefused) {
  EXPECT_EQ(decode_keeper_request("\x0a\x7f").error().code, kMalformedBody);
  EXPECT_EQ(decode_keeper_report(std::string_view("\xff\xff\xff\xff\xff", 5)).error().code, kMalformedBody);
  EXPECT_FALSE(decode_keeper_end(std::string_view("\x10\x63", 2)).has_value());                // kind 99
  EXPECT_FALSE(decode_keeper_end(std::string_view("\x18\x63", 2)).has_value());                // by 99
  EXPECT_FALSE(decode_keeper_request(std::string_view("\x0a\x04\x22\x02NO", 6)).has_value());  // no value
}

TEST(KeeperCodec, AStreamOfAnotherProtocolOrLengthIsRefused) {
  KeeperFrameReader other;
  other.append("\x02");
  EXPECT_FALSE(other.next().has_value());
  KeeperFrameReader huge;
  huge.append(std::string_view("\x01\xff\xff\xff\x7f", 5));
  EXPECT_FALSE(huge.next().has_value());
}

}  // namespace
}  // namespace muster::wire
