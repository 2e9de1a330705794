// A template comes back equal with every field filled.
// A message that core could not use is refused.
#include "wire/common/task_template_codec.h"

#include <gtest/gtest.h>

#include "wire/common/task_template.pb.h"

namespace muster::wire {
namespace {

TaskTemplate filled() {
  TaskTemplate body;
  body.name = "name \xff";
  body.command.kind = CommandKind::shell;
  body.command.placeholders = {{ValueKind::index, 0, "#"}, {ValueKind::field, 1, "sample"}};
  body.command.words = {{{PieceKind::literal, 0, "/bin/sh"}},
                        {{PieceKind::literal, 0, "-c"}},
                        {{PieceKind::reference, 1, "\"$M1\""},
                         {PieceKind::value, 0, ""},
                         {PieceKind::literal, 0, std::string("a\0b", 3)}},
                        {}};
  body.command.env_bindings = {{"M1", 1}, {"M2", 0}};
  body.columns = {"id", "sample"};
  body.resources = {.cpu_slots = 2, .gpu_slots = 1, .cpus = 3, .mem_mb = 4096, .disk_mb = 1ULL << 40};
  body.environment = {{"A", "1"}, {"B", ""}};
  body.labels = {{"study", "PACA"}};
  body.working_directory = WorkingDirectory::attempt;
  body.cwd = "/data/x";
  body.time_limit_us = 3'600'000'000;
  body.grace_us = 5'000'000;
  body.retries = 7;
  body.rerun = Rerun::never;
  body.log_max_bytes = 1ULL << 33;
  return body;
}

TaskTemplate there_and_back(const TaskTemplate& body) {
  const Result<TaskTemplate> back = decode_task_template(encode_task_template(body));
  return back ? *back : TaskTemplate{};
}

proto::TaskTemplate message_of(const TaskTemplate& body) {
  proto::TaskTemplate message;
  message.ParseFromString(encode_task_template(body));
  return message;
}

bool is_refused(const proto::TaskTemplate& message) {
  const Result<TaskTemplate> body = decode_task_template(message.SerializeAsString());
  return !body && body.error().code == kMalformedBody;
}

TEST(TaskTemplateMessage, ComesBackEqual) {
  EXPECT_EQ(there_and_back(filled()), filled());
  TaskTemplate plain;
  plain.command.words = {{{PieceKind::literal, 0, "true"}}};
  EXPECT_EQ(there_and_back(plain), plain);
  EXPECT_FALSE(is_refused(message_of(plain)));
}

TEST(TaskTemplateMessage, NoMessageIsRefused) {
  EXPECT_FALSE(decode_task_template("\xff\xff"));
  const std::string bytes = encode_task_template(filled());
  EXPECT_FALSE(decode_task_template(std::string_view(bytes).substr(0, bytes.size() - 1)));
}

TEST(TaskTemplateMessage, UnknownEnumeratorsAreRefused) {
  for (int field = 0; field < 5; ++field) {
    proto::TaskTemplate message = message_of(filled());
    proto::CommandTemplate& command = *message.mutable_command();
    if (field == 0) command.set_kind(2);
    if (field == 1) command.mutable_placeholders(0)->set_kind(2);
    if (field == 2) command.mutable_words(0)->mutable_pieces(0)->set_kind(3);
    if (field == 3) message.set_working_directory(2);
    if (field == 4) message.set_rerun(2);
    EXPECT_TRUE(is_refused(message)) << field;
  }
}

TEST(TaskTemplateMessage, NumbersOutOfRangeAreRefused) {
  for (int field = 0; field < 4; ++field) {
    proto::TaskTemplate message = message_of(filled());
    proto::CommandTemplate& command = *message.mutable_command();
    if (field == 0) command.mutable_placeholders(1)->set_column(2);
    if (field == 1) command.mutable_words(2)->mutable_pieces(0)->set_placeholder(2);
    if (field == 2) command.mutable_env_bindings(0)->set_placeholder(9);
    if (field == 3) command.clear_words();
    EXPECT_TRUE(is_refused(message)) << field;
  }
}

}  // namespace
}  // namespace muster::wire
