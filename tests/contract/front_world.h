// A server without sockets, clock and disk, for tests of the front: the real engine, the store in memory, logs in a temporary folder.
// Every post is a turn of its own; an agent is played by the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "blobs/log_store.h"
#include "engine/engine.h"
#include "front/front.h"
#include "store/memory/memory_store.h"

namespace muster::test {

class FrontWorld final : public front::Backend {
 public:
  FrontWorld() : FrontWorld(own_store_) {}
  // Over the content of another world: as after a restart, with nothing final in memory.
  explicit FrontWorld(store::MemoryStore& store) : store_(store) {
    char name[] = "/tmp/muster-front-XXXXXX";
    folder_ = mkdtemp(name);
    logs_.emplace(*blobs::LogStore::open(folder_));
    engine_.restore(store_.load(), now_);
  }
  ~FrontWorld() override { std::filesystem::remove_all(folder_); }

  Now now() const override { return now_; }
  const engine::Engine& engine() const override { return engine_; }
  History& history() override { return store_; }
  AccessStore& access() override { return store_; }
  void post_audited(Input input, AuditRow, front::ReplyHandler then) override {
    post(std::move(input), std::move(then));
  }
  blobs::LogStore& logs() override { return *logs_; }
  const front::ServerFacts& facts() const override { return facts_; }
  front::ServerMeters meters() override { return meters_; }
  std::shared_ptr<const std::string> own_program() override {
    return std::make_shared<const std::string>("a program");
  }
  void shut_down(const Principal&, StopTasks tasks) override { shut_down_ = tasks; }
  bool load(BatchId batch) override {
    if (engine_.has_batch(batch)) return true;
    std::optional<BatchSnapshot> snapshot = store_.load_batch(batch);
    if (!snapshot) return false;
    for (const SegmentRow& segment : snapshot->segments) {
      for (const Dependency& dependency : segment.dependencies) load(dependency.batch);
    }
    turn(LoadedBatch{std::move(*snapshot)});
    return true;
  }
  void post(Input input, front::ReplyHandler then) override {
    std::visit(
        [](auto& one) {
          if constexpr (requires { one.request; }) one.request = 1;
        },
        input);
    std::optional<ReplyBody> reply = turn(input);
    if (then && reply) then(*reply);
  }

  // One turn; what it grants is kept, what it replies is given back.
  std::optional<ReplyBody> turn(const Input& input) {
    Decision decision = engine_.handle(input, now_);
    if (!decision.changes.empty()) store_.commit(decision.changes);
    std::optional<ReplyBody> reply;
    for (Effect& effect : decision.effects) {
      if (auto* one = std::get_if<Reply>(&effect)) reply = std::move(one->body);
      if (auto* message = std::get_if<ToAgent>(&effect)) take(message->message);
    }
    if (front_ != nullptr) front_->committed(decision.changes);
    if (front_ != nullptr) front_->touched(decision.touched);
    return reply;
  }

  // ---- the agent
  void connect(std::uint32_t slots) {
    AgentConnected connected;
    connected.session = 1;
    connected.hello.worker_name = "w1";
    connected.hello.spool_id = "spool";
    connected.hello.facts.boot_id = "boot";
    connected.hello.facts.capacity = {slots, 0, slots, 1 << 20, 1 << 20};
    turn(connected);
    AgentMessage full = message();
    full.full = true;
    turn(AgentSaid{full});
  }
  AgentMessage message() {
    AgentMessage message;
    message.session = 1;
    message.seq = ++seq_;
    message.seen_seq = 1'000'000;
    return message;
  }
  void end(const AttemptRef& attempt, int exit_code) {
    AgentMessage said = message();
    Finished end;
    end.attempt = attempt;
    end.outcome = exit_code == 0 ? AttemptState::succeeded : AttemptState::failed;
    end.cause = exit_code == 0 ? Cause::none : Cause::exit;
    end.exit_code = exit_code;
    end.started_wall_us = now_.wall_us - 1000;
    end.ended_wall_us = now_.wall_us;
    said.finished.push_back(end);
    turn(AgentSaid{said});
  }
  void execute(const AttemptRef& attempt) {
    AgentMessage said = message();
    said.have.push_back({attempt, AttemptState::executing});
    turn(AgentSaid{said});
  }
  // Granted and neither ended nor stopped, in the order of grants.
  std::vector<AttemptRef> granted;

  Now now_{1'000'000, 1'700'000'000'000'000};
  front::ServerFacts facts_;
  front::ServerMeters meters_;
  front::Front* front_ = nullptr;
  std::optional<StopTasks> shut_down_;
  store::MemoryStore own_store_;
  store::MemoryStore& store_;

 private:
  void take(const ServerMessage& message) {
    for (const Grant& grant : message.grants) {
      for (std::uint64_t k = 0; k < grant.count; ++k) {
        granted.push_back(
            {grant.batch, grant.first_index + k * grant.step, grant.attempt, grant.incarnation});
      }
    }
    for (const Stop& stop : message.stops) std::erase(granted, stop.attempt);
  }
  std::string folder_;
  std::optional<blobs::LogStore> logs_;
  engine::Engine engine_;
  std::uint64_t seq_ = 0;
};

}  // namespace muster::test
