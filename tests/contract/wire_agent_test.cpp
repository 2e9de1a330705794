// Frames between agent and server: every value comes back as it went, golden bytes stay as they are, broken ones are refused.
// Agents of the last version read these bytes, so a change of a golden file is a change of the protocol.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "golden_bytes.h"
#include "wire/agent/agent.pb.h"
#include "wire/agent/agent_codec.h"

namespace muster::wire {
namespace {

WorkerFacts sample_facts() {
  WorkerFacts facts;
  facts.host = "node-1";
  facts.boot_id = "5c6f";
  facts.version = "0.1.0";
  facts.capacity = {4, 2, 8, 32768, 100000};
  facts.gpus = {"GPU A", "GPU B"};
  facts.process_id = 4711;
  return facts;
}

AgentHello sample_hello() { return {1, 3, "node", "spool", sample_facts()}; }

Finished failed_end() {
  Finished end;
  end.attempt = {42, 19, 2, 7};
  end.outcome = AttemptState::failed;
  end.cause = Cause::exit;
  end.exit_code = -3;
  end.signal = 9;
  end.started_wall_us = 1'700'000'000'000'000;
  end.ended_wall_us = 1'700'000'000'500'000;
  end.usage = {500'000, 300'000, 20'000, 5 << 20, 4096, 8192};
  end.stdout_bytes = 17;
  end.stderr_bytes = 3;
  end.log_cut = true;
  end.message = "cannot \xff";
  return end;
}

AgentMessage sample_message() {
  AgentMessage message;
  message.session = 9;
  message.seq = 12;
  message.seen_seq = 11;
  message.sent_mono_us = 123'456'789;
  message.full = true;
  for (const TaskIndex index : {1, 2, 3, 10})
    message.have.push_back({{42, index, 1, 7}, AttemptState::assigned});
  message.have.push_back({{42, 5, 3, 7}, AttemptState::executing});
  message.have.push_back({{43, 5, 1, 8}, AttemptState::stopping});
  for (TaskIndex index = 17; index < 19; ++index) {
    Finished end;
    end.attempt = {42, index, 1, 7};
    end.started_wall_us = 1'700'000'000'000'000 + static_cast<Micros>(index);
    end.ended_wall_us = end.started_wall_us + 400;
    end.usage.wall_us = 400;
    message.finished.push_back(end);
  }
  message.finished.push_back(failed_end());
  message.facts = sample_facts();
  return message;
}

ServerMessage sample_server_message() {
  ServerMessage message;
  message.session = 9;
  message.seq = 3;
  message.echo_sent_mono_us = 123;
  message.lease_us = 86'400'000'000;
  message.sync_interval_us = 5'000'000;
  message.gpu_slots = 0;
  TaskTemplate body;
  body.name = "echo";
  body.command = *compile_command({"echo", "{x}", "{#}"}, std::nullopt, {"x"}, ItemSource::table);
  body.columns = {"x"};
  body.environment = {{"K", "V"}};
  body.cwd = "/tmp";
  message.templates.push_back({5, body});
  message.grants.push_back({5, 42, 1, 2, 3, 100, 1, 7, {"a", "", "c\n"}, {}});
  message.grants.push_back({6, 43, 9, 1, 1, 200, 2, 7, {}, {}});
  message.stops.push_back({{42, 7, 1, 7}, StopReason::cancel});
  message.stops.push_back({{42, 8, 1, 7}, StopReason::cancel});
  message.stops.push_back({{42, 9, 1, 7}, StopReason::stale});
  message.forget = {{42, 1, 1, 7}, {42, 2, 1, 7}, {41, 3, 4, 6}};
  return message;
}

LogRecords sample_logs() {
  LogRecords records;
  records.keeper = 3;
  records.segment = 2;
  records.offset = 4096;
  records.records.push_back({{42, 1, 1, 7}, 1, 0, "hello\n"});
  records.records.push_back({{42, 1, 1, 7}, 2, 1 << 20, std::string_view("\0x", 2)});
  records.records.push_back({{42, 2, 1, 7}, 1, 7, ""});
  return records;
}

TEST(AgentFrames, ValuesComeBack) {
  EXPECT_EQ(decode_hello(encode_hello(sample_hello())), sample_hello());
  const Welcome welcome{9, 4, 1, "0.2"};
  EXPECT_EQ(decode_welcome(encode_welcome(welcome)), welcome);
  const Refused refused{"E107", "what", "next"};
  EXPECT_EQ(decode_refused(encode_refused(refused)), refused);
  EXPECT_EQ(decode_agent_message(encode_agent_message(sample_message())), sample_message());
  EXPECT_EQ(decode_agent_message(encode_agent_message({})), AgentMessage{});
  EXPECT_EQ(decode_server_message(encode_server_message(sample_server_message())), sample_server_message());
  EXPECT_EQ(decode_server_message(encode_server_message({})), ServerMessage{});
  const std::string frame = encode_log_records(sample_logs());
  EXPECT_EQ(decode_log_records(frame), sample_logs());
  EXPECT_EQ(decode_credential(encode_credential("mst_agent_7_secret_crc")), "mst_agent_7_secret_crc");
  EXPECT_FALSE(decode_credential(encode_credential("")));
  EXPECT_EQ(frame_kind(encode_credential_kept()), FrameKind::credential_kept);
  const Program program{"0.2.0", std::string(32, 'h'), 4711};
  EXPECT_EQ(decode_program(encode_program(program)), program);
  EXPECT_FALSE(decode_program(encode_program({"0.2.0", "short", 1})));
  EXPECT_FALSE(decode_program(encode_program({"../0.2.0", std::string(32, 'h'), 1})));
  const LogsTaken taken{3, 2, 4096};
  EXPECT_EQ(decode_logs_taken(encode_logs_taken(taken)), taken);
}

TEST(AgentFrames, BytesStay) {
  golden::expect_golden("agent/hello.hex", golden::hex_lines(encode_hello(sample_hello())));
  golden::expect_golden("agent/welcome.hex", golden::hex_lines(encode_welcome({9, 4, 1, "0.2"})));
  golden::expect_golden("agent/refused.hex", golden::hex_lines(encode_refused({"E107", "what", "next"})));
  golden::expect_golden("agent/agent_message.hex", golden::hex_lines(encode_agent_message(sample_message())));
  golden::expect_golden("agent/server_message.hex",
                        golden::hex_lines(encode_server_message(sample_server_message())));
  golden::expect_golden("agent/log_records.hex", golden::hex_lines(encode_log_records(sample_logs())));
  golden::expect_golden("agent/credential.hex",
                        golden::hex_lines(encode_credential("mst_agent_7_secret_crc")));
  golden::expect_golden("agent/credential_kept.hex", golden::hex_lines(encode_credential_kept()));
  golden::expect_golden("agent/program.hex",
                        golden::hex_lines(encode_program({"0.2.0", std::string(32, 'h'), 4711})));
  golden::expect_golden("agent/logs_taken.hex", golden::hex_lines(encode_logs_taken({3, 2, 4096})));
}

// Batches that are granted as ranges travel as ranges: the goal of 100,000 tasks/s depends on it.
TEST(AgentFrames, ManyAttemptsAreFewBytes) {
  AgentMessage message;
  for (TaskIndex index = 1; index <= 1000; ++index)
    message.have.push_back({{42, index, 1, 7}, AttemptState::assigned});
  EXPECT_LT(encode_agent_message(message).size(), 1100U);
  message.have.clear();
  for (TaskIndex index = 1; index <= 1000; ++index) {
    Finished end;
    end.attempt = {42, index, 1, 7};
    end.started_wall_us = 1'700'000'000'000'000 + static_cast<Micros>(index) * 400;
    end.ended_wall_us = end.started_wall_us + 380;
    end.usage = {380, 200, 180, 1 << 20, 0, 0};
    message.finished.push_back(end);
  }
  EXPECT_LT(encode_agent_message(message).size(), 17'000U);
  ServerMessage server;
  server.grants.push_back({1, 42, 1, 1, 1000, 1, 1, 7, {}, {}});
  EXPECT_LT(encode_server_message(server).size(), 40U);
}

TEST(AgentFrames, UnknownFieldsAndKindsAreIgnored) {
  std::string frame = encode_logs_taken({3, 2, 4096});
  frame += std::string("\xfa\x06\x03new", 6);  // field 111, bytes
  frame += "\xf0\x06\x05";                     // field 110, varint
  EXPECT_EQ(decode_logs_taken(frame), (LogsTaken{3, 2, 4096}));
  std::string logs = encode_log_records(sample_logs());
  logs += std::string("\xfa\x06\x03new", 6) + "\xf0\x06\x05" + std::string("\xf5\x06\x01\x02\x03\x04", 6);
  EXPECT_EQ(decode_log_records(logs), sample_logs());
  EXPECT_EQ(frame_kind(""), std::nullopt);
  EXPECT_EQ(frame_kind(std::string(1, '\0')), std::nullopt);
  EXPECT_EQ(frame_kind("\x40whatever"), std::nullopt);
  EXPECT_EQ(frame_kind("\xff"), std::nullopt);
}

std::string frame_of(FrameKind kind, const google::protobuf::MessageLite& message) {
  return static_cast<char>(kind) + message.SerializeAsString();
}

TEST(AgentFrames, NumbersOutOfBoundsAreRefused) {
  const auto refused = [](const agent::AgentMessage& message) {
    const auto result = decode_agent_message(frame_of(FrameKind::agent_message, message));
    return !result && result.error().code == kMalformedBody;
  };
  const auto one_have = [] {
    agent::AgentMessage message;
    agent::HaveRun& run = *message.add_have();
    run.mutable_attempts()->set_batch(1);
    run.mutable_attempts()->add_index_steps(5);
    return message;
  };
  EXPECT_FALSE(refused(one_have()));
  agent::AgentMessage message = one_have();
  message.mutable_have(0)->add_phases(7);  // succeeded is no phase of what is there
  EXPECT_TRUE(refused(message));
  message.mutable_have(0)->set_phases(0, 99);
  EXPECT_TRUE(refused(message));
  message = one_have();
  message.mutable_have(0)->add_phases(0);
  message.mutable_have(0)->add_phases(0);  // a column of another length
  EXPECT_TRUE(refused(message));
  message = one_have();
  message.mutable_have(0)->mutable_attempts()->set_index_steps(0, -5);
  EXPECT_TRUE(refused(message));
  message = {};
  agent::FinishedRun& ended = *message.add_finished();
  ended.mutable_attempts()->add_index_steps(1);
  EXPECT_FALSE(refused(message));
  ended.add_outcomes(3);  // executing is no outcome
  EXPECT_TRUE(refused(message));
  ended.set_outcomes(0, 8);
  ended.add_causes(kCauses);
  EXPECT_TRUE(refused(message));
  ended.set_causes(0, 1);
  EXPECT_FALSE(refused(message));
  ended.add_messages(std::string(65 * 1024, 'x'));
  EXPECT_TRUE(refused(message));
}

TEST(AgentFrames, GrantsOutOfBoundsAreRefused) {
  agent::ServerMessage message;
  agent::Grant& grant = *message.add_grants();
  const auto refused = [&] { return !decode_server_message(frame_of(FrameKind::server_message, message)); };
  grant.set_count(3);
  EXPECT_FALSE(refused());
  grant.set_count(kAttemptsPerFrameMax + 1);
  EXPECT_TRUE(refused());
  grant.set_count(3);
  grant.set_step(1ULL << 52);
  EXPECT_TRUE(refused());
  grant.set_step(1);
  grant.set_first_index(~0ULL);
  EXPECT_TRUE(refused());
  grant.set_first_index(1);
  grant.set_field_bytes("abc");
  for (int i = 0; i < 3; ++i) grant.add_field_lengths(1);
  EXPECT_FALSE(refused());
  grant.set_field_bytes("ab");
  EXPECT_TRUE(refused());
  grant.set_field_bytes("abcd");
  EXPECT_TRUE(refused());
  grant.set_field_bytes("abc");
  grant.add_field_lengths(0);  // four fields for three tasks
  EXPECT_TRUE(refused());
  grant.clear_field_lengths();
  grant.clear_field_bytes();
  message.add_stops()->set_reason(4);
  EXPECT_TRUE(refused());
  message.clear_stops();
  message.add_templates()->set_body("\xff");
  EXPECT_TRUE(refused());
}

TEST(AgentFrames, LogRecordsOutOfBoundsAreRefused) {
  agent::LogRecords records;
  agent::LogRecord& record = *records.add_records();
  const auto refused = [&] { return !decode_log_records(frame_of(FrameKind::log_records, records)); };
  record.set_stream(1);
  EXPECT_FALSE(refused());
  record.set_stream(3);
  EXPECT_TRUE(refused());
  record.set_stream(2);
  record.set_data(std::string(kLogDataBytesMax, 'x'));
  EXPECT_FALSE(refused());
  record.set_data(std::string(kLogDataBytesMax + 1, 'x'));
  EXPECT_TRUE(refused());
  record.clear_data();
  record.set_offset(1ULL << 60);
  EXPECT_TRUE(refused());
}

// A frame that was cut anywhere is a value of fewer fields or an error, and never reads past its end.
TEST(AgentFrames, CutFramesAreSafe) {
  for (const std::string& frame :
       {encode_agent_message(sample_message()), encode_server_message(sample_server_message()),
        encode_log_records(sample_logs()), encode_hello(sample_hello())}) {
    for (std::size_t size = 1; size < frame.size(); ++size) {
      const std::string cut(frame, 0, size);  // its own memory, so that a sanitizer sees the end
      (void)decode_agent_message('\x03' + cut.substr(1));
      (void)decode_server_message('\x04' + cut.substr(1));
      (void)decode_log_records('\x05' + cut.substr(1));
      (void)decode_hello('\x01' + cut.substr(1));
    }
  }
}

TEST(AgentFrames, AnyMessageComesBack) {
  const bool fine = rc::check([] {
    AgentMessage message;
    message.session = *rc::gen::arbitrary<SessionId>();
    message.seq = *rc::gen::arbitrary<std::uint64_t>();
    message.sent_mono_us = *rc::gen::arbitrary<Micros>();
    for (int left = *rc::gen::inRange(0, 40); left > 0; --left) {
      Finished end;
      end.attempt = {*rc::gen::inRange<BatchId>(1, 3), *rc::gen::inRange<TaskIndex>(0, 1ULL << 53),
                     *rc::gen::inRange<std::uint32_t>(1, 3), *rc::gen::inRange<Incarnation>(1, 3)};
      end.outcome = static_cast<AttemptState>(*rc::gen::inRange(7, 12));
      end.cause = static_cast<Cause>(*rc::gen::inRange(0, 12));
      end.exit_code = *rc::gen::element(0, 0, 1, -1);
      end.signal = *rc::gen::element(0, 0, 9);
      end.started_wall_us = *rc::gen::arbitrary<Micros>();
      end.ended_wall_us = *rc::gen::arbitrary<Micros>();
      end.usage.wall_us = *rc::gen::element<Micros>(0, 5, -1);
      end.usage.peak_memory_bytes = *rc::gen::element<std::uint64_t>(0, 1 << 20);
      end.stdout_bytes = *rc::gen::element<std::uint64_t>(0, 0, 7);
      end.log_cut = *rc::gen::arbitrary<bool>();
      end.message = *rc::gen::element<std::string>("", "", "m");
      message.finished.push_back(end);
    }
    const Result<AgentMessage> back = decode_agent_message(encode_agent_message(message));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == message);
  });
  EXPECT_TRUE(fine);
}

}  // namespace
}  // namespace muster::wire
