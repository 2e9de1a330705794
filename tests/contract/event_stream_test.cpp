// The event stream without sockets: slots, places in the ring, slow readers, other people's projects.
// Time is the test's: a tick tells what is due, and nothing else does.
#include "front/event_stream.h"

#include <gtest/gtest.h>

#include "front_world.h"

namespace muster {
namespace {

using front::EventStream;
using front::Subscription;
using test::FrontWorld;

// A reader that keeps what it is told, and takes it when the test says so.
class Reader final : public front::ByteSink {
 public:
  bool is_open() const override { return open; }
  std::size_t waiting_bytes() const override { return waiting; }
  void write(std::string_view bytes) override { text += bytes; }
  void end() override { open = false; }
  std::string take() { return std::exchange(text, {}); }
  std::string text;
  bool open = true;
  std::size_t waiting = 0;
};

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// The id that a reader would send back.
std::string last_id(const std::string& text) {
  const std::size_t at = text.rfind("id: ");
  return at == std::string::npos ? "" : text.substr(at + 4, text.find('\n', at) - at - 4);
}

class EventStreams : public testing::Test {
 protected:
  EventStreams() {
    world_.facts_.incarnation = 1;
    Submit input;
    input.request = 1;
    input.principal.user = "ada";
    auto body = std::make_shared<TaskTemplate>();
    body->command = *compile_command({"true"}, std::nullopt, {}, ItemSource::none);
    body->cwd = "/";
    input.body = body;
    input.series = {{1, 5, 1}};
    batch_ = std::get<Submitted>(*world_.turn(input)).batch;
  }

  std::shared_ptr<Reader> subscribe(std::string after = {}, std::string project = "default",
                                    BatchId batch = 0, bool with_tasks = false) {
    auto reader = std::make_shared<Reader>();
    stream_.subscribe({reader, std::move(project), batch, with_tasks, std::move(after), {}});
    return reader;
  }
  void touch() {
    const BatchId touched[] = {batch_};
    stream_.touched(touched);
  }
  // A tenth of a second later.
  void tick() {
    world_.now_.mono_us += 100'000;
    stream_.tick();
  }

  FrontWorld world_;
  front::EventStreamLimits limits_{.slots_max = 10, .events_per_slot = 3, .tasks_per_slot = 4};
  EventStream stream_{world_, limits_};
  BatchId batch_ = 0;
};

TEST_F(EventStreams, ABatchIsToldOnceHoweverOftenItChanged) {
  const auto reader = subscribe();
  EXPECT_EQ(count(reader->take(), "event: hello\n"), 1U);
  for (int i = 0; i < 1000; ++i) touch();
  tick();
  const std::string text = reader->take();
  EXPECT_EQ(count(text, "event: batch\n"), 1U);
  EXPECT_NE(text.find("\"tasks\":5"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("id: 1-1\n")) << text;
  touch();
  stream_.tick();  // the same instant: not yet
  EXPECT_EQ(reader->take(), "");
  EXPECT_LE(stream_.next_due_us(), world_.now_.mono_us + limits_.pause_us);
  tick();
  EXPECT_EQ(count(reader->take(), "event: batch\n"), 1U);
}

TEST_F(EventStreams, WhoComesBackReadsOnFromItsPlace) {
  const auto first = subscribe();
  touch();
  tick();
  const std::string place = last_id(first->take());
  touch();
  tick();
  const auto again = subscribe(place);
  EXPECT_NE(again->take().find("\"resumed\":true"), std::string::npos);
  tick();
  EXPECT_EQ(count(again->take(), "event: batch\n"), 1U);
}

TEST_F(EventStreams, APlaceThatIsGoneMeansToBeginAnew) {
  for (const char* place : {"0-1", "1-99", "nonsense", "1-"}) {
    const auto reader = subscribe(place);
    EXPECT_NE(reader->take().find("\"resumed\":false"), std::string::npos);
    tick();
    EXPECT_EQ(count(reader->take(), "event: resync\n"), 1U) << place;
  }
  const auto reader = subscribe();
  touch();
  tick();
  const std::string place = last_id(reader->take());
  for (int i = 0; i < 20; ++i) {
    touch();
    tick();
  }
  const auto late = subscribe(place);
  tick();
  EXPECT_EQ(count(late->take(), "event: resync\n"), 1U);
}

TEST_F(EventStreams, WhoReadsSlowlyIsLeftAloneAndThenBeginsAnew) {
  const auto slow = subscribe();
  slow->take();
  slow->waiting = limits_.backlog_bytes_max + 1;
  for (int i = 0; i < 20; ++i) {
    touch();
    tick();
  }
  EXPECT_EQ(slow->take(), "");
  slow->waiting = 0;
  tick();
  EXPECT_EQ(count(slow->take(), "event: resync\n"), 1U);
  touch();
  tick();
  EXPECT_EQ(count(slow->take(), "event: batch\n"), 1U);
}

TEST_F(EventStreams, NobodyHearsOfAnotherProject) {
  const auto other = subscribe({}, "theirs");
  other->take();
  touch();
  Changes changes;
  changes.events.push_back({1, 1, EventKind::held, batch_, 0, 0, 0, "ada", "a secret"});
  stream_.committed(changes);
  tick();
  EXPECT_EQ(other->take(), "");
}

TEST_F(EventStreams, EventsPastTheBoundAreCounted) {
  const auto reader = subscribe();
  Changes changes;
  for (std::uint64_t seq = 1; seq <= 10; ++seq)
    changes.events.push_back({seq, 1, EventKind::held, batch_, 0, 0, 0, "ada", "event: no message"});
  stream_.committed(changes);
  tick();
  const std::string text = reader->take();
  EXPECT_EQ(count(text, "\nevent: event\n"), 3U) << text;
  EXPECT_EQ(count(text, "event: left-out\ndata: {\"events\":7}"), 1U) << text;
}

TEST_F(EventStreams, TasksAreToldWhileSomebodyWatchesThem) {
  const auto reader = subscribe({}, "default", batch_, true);
  Changes changes;
  for (Position position = 0; position < 2; ++position) {
    TaskRow row;
    row.batch = batch_;
    row.position = position;
    row.state = TaskState::running;
    row.attempt.number = 1;
    changes.tasks.push_back(row);
  }
  stream_.committed(changes);
  touch();
  tick();
  const std::string text = reader->take();
  EXPECT_NE(text.find("\"tasks\":[[1,\"running\",1,null,0],[2,\"running\",1,null,0]]"), std::string::npos)
      << text;
  for (int i = 0; i < 3; ++i) stream_.committed(changes);
  tick();
  EXPECT_NE(reader->take().find("\"many\":true"), std::string::npos);
}

TEST_F(EventStreams, SilenceIsBrokenByAComment) {
  const auto reader = subscribe();
  reader->take();
  world_.now_.mono_us += limits_.keep_alive_us;
  EXPECT_LE(stream_.next_due_us(), world_.now_.mono_us);
  stream_.tick();
  EXPECT_EQ(reader->take(), ": alive\n\n");
}

TEST_F(EventStreams, WhoIsGoneOrMayNoLongerIsForgotten) {
  const auto gone = subscribe();
  auto shut_out = std::make_shared<Reader>();
  stream_.subscribe({shut_out, "default", 0, false, "", [] { return false; }});
  gone->open = false;
  stream_.every_second();
  EXPECT_FALSE(shut_out->open);
  tick();
  EXPECT_EQ(stream_.size(), 0U);
}

}  // namespace
}  // namespace muster
