// The order of things: input, commit, effects; and what happens when the commit does not.
// The store is a fake that counts; the engine is the real one.
#include "runtime/turns.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

enum class Fault : std::uint8_t { none, full, unknown };

// Keeps nothing but what it was asked to write; after a fault it has "forgotten" the last group.
class FakeStore final : public Store {
 public:
  StoreSnapshot load() override {
    ++loads;
    StoreSnapshot snapshot;
    snapshot.incarnation = static_cast<Incarnation>(loads);
    snapshot.sequences = written.sequences.value_or(Sequences{});
    return snapshot;
  }
  void commit(const Changes& changes) override {
    order->push_back("commit " + std::to_string(changes.batches.size()));
    if (fault == Fault::full) throw StoreFull("full");
    if (fault == Fault::unknown) throw StoreUnknown("unknown");
    written.merge(Changes(changes));
  }
  std::optional<BatchSnapshot> load_batch(BatchId id) override {
    ++batch_loads;
    if (id != 77 && id != 78) return std::nullopt;
    BatchSnapshot snapshot;
    snapshot.batch.id = id;
    snapshot.batch.name = "old";
    snapshot.batch.state = BatchState::succeeded;
    snapshot.batch.task_count = 1;
    snapshot.batch.counts[static_cast<std::size_t>(TaskState::succeeded)] = 1;
    SegmentRow segment;
    segment.batch = id;
    segment.count = 1;
    segment.template_id = 1;
    if (id == 78) segment.dependencies = {{DependencyKind::batch, false, 77, 0}};
    snapshot.segments.push_back(segment);
    snapshot.templates.push_back({1, std::make_shared<TaskTemplate>()});
    BatchSnapshot::Task task;
    task.state = TaskState::succeeded;
    task.attempt_number = 1;
    task.attempt_state = AttemptState::succeeded;
    snapshot.tasks.push_back(task);
    return snapshot;
  }
  std::vector<std::string>* order = nullptr;
  Fault fault = Fault::none;
  Changes written;
  int loads = 0;
  int batch_loads = 0;
};

class Recorder final : public TurnEffects {
 public:
  void reloaded() override {}
  void seal(std::vector<AuditRow>& rows) override { sealed += rows.size(); }
  std::size_t sealed = 0;
  void welcome(SessionId session, WorkerId worker) override {
    order->push_back("welcome " + std::to_string(session) + " " + std::to_string(worker));
  }
  void send(SessionId session, const ServerMessage& message) override {
    order->push_back("send " + std::to_string(session) + " " + std::to_string(message.grants.size()));
    last = message;
  }
  void close(SessionId session, const std::string&) override {
    order->push_back("close " + std::to_string(session));
  }
  void close_all(const std::string&) override { order->push_back("close all"); }
  void touched(std::span<const BatchId> batches) override {
    order->push_back("touched " + std::to_string(batches.size()));
  }
  void commit_failed(const std::string&, bool full) override { order->push_back(full ? "full" : "unknown"); }
  std::vector<std::string>* order = nullptr;
  ServerMessage last;
};

class TurnsTest : public testing::Test {
 protected:
  TurnsTest() : turns_(store_, {}, effects_) {
    store_.order = effects_.order = &order_;
    turns_.load(now_);
  }

  Submit submit() {
    auto body = std::make_shared<TaskTemplate>();
    body->name = "t";
    body->command = *compile_command({"true"}, std::nullopt, {}, ItemSource::none);
    body->cwd = "/";
    Submit input;
    input.principal = {"ada", "default"};
    input.body = body;
    return input;
  }
  front::ReplyHandler note(const std::string& name) {
    return [this, name](const ReplyBody& reply) {
      const Error* error = std::get_if<Error>(&reply);
      order_.push_back(name + (error == nullptr ? " ok" : " " + error->code));
    };
  }
  void connect(SessionId session, const std::string& spool) {
    AgentConnected connected;
    connected.session = session;
    connected.hello.worker_name = spool;
    connected.hello.spool_id = spool;
    connected.hello.facts.boot_id = "b";
    connected.hello.facts.capacity = {4, 0, 4, 1 << 20, 1 << 20};
    turns_.post(connected, {});
  }

  std::vector<std::string> order_;
  FakeStore store_;
  Recorder effects_;
  Now now_{1'000'000, 1'700'000'000'000'000};
  Turns turns_;
};

TEST_F(TurnsTest, OneCommitForAllThenTheAnswers) {
  turns_.post(submit(), note("a"));
  turns_.post(submit(), note("b"));
  turns_.run(now_);
  EXPECT_EQ(order_, (std::vector<std::string>{"commit 2", "a ok", "b ok", "touched 2"}));
  EXPECT_FALSE(turns_.has_inputs());
  EXPECT_EQ(turns_.groups(), 1U);
}

TEST_F(TurnsTest, AnAgentIsWelcomedBeforeItsFirstMessageAndGetsOne) {
  connect(5, "spool");
  AgentMessage full;
  full.session = 5;
  full.seq = 1;
  full.full = true;
  turns_.post(AgentSaid{full}, {});
  turns_.post(submit(), note("a"));
  turns_.post(submit(), note("b"));
  turns_.run(now_);
  EXPECT_EQ(order_,
            (std::vector<std::string>{"commit 2", "welcome 5 1", "send 5 2", "a ok", "b ok", "touched 2"}));
  EXPECT_EQ(effects_.last.templates.size(), 1U);
}

TEST_F(TurnsTest, AReplacedSessionIsClosedAndHearsNothing) {
  connect(5, "spool");
  connect(6, "spool");
  turns_.run(now_);
  EXPECT_EQ(order_, (std::vector<std::string>{"commit 0", "welcome 6 1", "send 6 0", "close 5"}));
}

TEST_F(TurnsTest, AFullDiskRefusesTheGroupAndEverythingStartsAnew) {
  connect(5, "spool");
  turns_.run(now_);
  order_.clear();
  store_.fault = Fault::full;
  turns_.post(submit(), note("a"));
  turns_.run(now_);
  EXPECT_EQ(order_, (std::vector<std::string>{"commit 1", "full", "close all", "a E507"}));
  EXPECT_EQ(store_.loads, 2);
  EXPECT_EQ(turns_.incarnation(), 2U);
  EXPECT_TRUE(turns_.has_inputs());  // the engine has to know that space is low
  store_.fault = Fault::none;
  turns_.run(now_);
  order_.clear();
  turns_.post(submit(), note("b"));
  turns_.run(now_);
  EXPECT_EQ(order_.front(), "b E507");
  turns_.post(DiskSpace{SpaceState::plenty}, {});
  turns_.post(submit(), note("c"));
  order_.clear();
  turns_.run(now_);
  EXPECT_EQ(order_[1], "c ok");
}

TEST_F(TurnsTest, AnUnknownCommitIsNeverAnsweredAsDone) {
  store_.fault = Fault::unknown;
  turns_.post(submit(), note("a"));
  ShutDown waiting;
  waiting.tasks = StopTasks::stop;
  turns_.post(waiting, note("s"));
  turns_.run(now_);
  EXPECT_EQ(order_, (std::vector<std::string>{"commit 1", "unknown", "close all", "a E503", "s E503"}));
  EXPECT_FALSE(turns_.engine().batch(1));
  store_.fault = Fault::none;
  order_.clear();
  turns_.post(submit(), note("b"));
  turns_.run(now_);
  EXPECT_EQ(order_[1], "b ok");
}

TEST_F(TurnsTest, ABatchIsLoadedOnceWithItsPrerequisites) {
  EXPECT_FALSE(turns_.load_batch(5));
  EXPECT_TRUE(turns_.load_batch(78));
  EXPECT_TRUE(turns_.load_batch(78));
  EXPECT_TRUE(turns_.load_batch(77));
  EXPECT_EQ(store_.batch_loads, 3);
  turns_.run(now_);
  EXPECT_TRUE(turns_.engine().has_batch(77));
  EXPECT_TRUE(turns_.engine().has_batch(78));
}

TEST_F(TurnsTest, NothingToWriteMeansNoCommit) {
  Submit dry = submit();
  dry.dry_run = true;
  turns_.post(dry, note("a"));
  turns_.run(now_);
  EXPECT_EQ(order_, std::vector<std::string>{"a ok"});
}

TEST_F(TurnsTest, TheEndAnswersEverybody) {
  turns_.post(submit(), note("a"));
  turns_.answer_all({ErrorKind::temporary, kServerStartingOrStopping, "", ""});
  EXPECT_EQ(order_, std::vector<std::string>{"a E108"});
}

TEST(MergeMessages, KeepsTheLaterNumbersAndEverythingElse) {
  ServerMessage into;
  into.seq = 4;
  into.echo_sent_mono_us = 100;
  into.forget = {{1, 1, 1, 1}};
  into.cpu_slots = 3;
  ServerMessage later;
  later.seq = 5;
  later.lease_us = 9;
  later.forget = {{1, 2, 1, 1}};
  later.grants.emplace_back();
  merge_messages(into, std::move(later));
  EXPECT_EQ(into.seq, 5U);
  EXPECT_EQ(into.echo_sent_mono_us, 100);
  EXPECT_EQ(into.lease_us, 9);
  EXPECT_EQ(into.forget.size(), 2U);
  EXPECT_EQ(into.grants.size(), 1U);
  EXPECT_FALSE(into.cpu_slots);
}

}  // namespace
}  // namespace muster::runtime
