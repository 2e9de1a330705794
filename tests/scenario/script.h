// A server without loop and sockets, for scripts of messages: commits each turn, keeps what was said.
// Must hold: after each turn the audit is empty, and an engine restored from the store equals the live one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "store/memory/memory_store.h"

namespace muster::engine {

inline constexpr Micros kSecond = 1'000'000;

class Script : public testing::Test {
 protected:
  Script() { restart(); }

  void restart() {
    engine = Engine(options);
    engine.restore(store.load(), now);
    sessions.clear();
  }

  const Decision& tell(const Input& input) {
    now.mono_us += 10;
    now.wall_us += 10;
    last = engine.handle(input, now);
    store.commit(last.changes);
    engine.committed();
    EXPECT_EQ(engine.audit(), std::vector<std::string>{});
    Engine other(options);
    other.restore(store.look(), now);
    EXPECT_EQ(engine.dump(), other.dump());
    return last;
  }

  ReplyBody answer() const {
    for (const Effect& effect : last.effects) {
      if (const auto* reply = std::get_if<Reply>(&effect)) return reply->body;
    }
    ADD_FAILURE() << "no answer";
    return ShutDownDone{};
  }
  std::string code() const {
    const ReplyBody body = answer();
    const auto* error = std::get_if<Error>(&body);
    return error == nullptr ? "" : error->code;
  }
  std::vector<ServerMessage> said(SessionId session) const {
    std::vector<ServerMessage> messages;
    for (const Effect& effect : last.effects) {
      const auto* to_agent = std::get_if<ToAgent>(&effect);
      if (to_agent != nullptr && to_agent->message.session == session) messages.push_back(to_agent->message);
    }
    return messages;
  }
  std::vector<AttemptRef> granted(SessionId session) const {
    std::vector<AttemptRef> all;
    for (const ServerMessage& message : said(session)) {
      for (const Grant& grant : message.grants) {
        for (std::uint64_t k = 0; k < grant.count; ++k) {
          all.push_back({grant.batch, grant.first_index + k * grant.step, grant.attempt, grant.incarnation});
        }
      }
    }
    return all;
  }

  static std::shared_ptr<TaskTemplate> body() {
    auto one = std::make_shared<TaskTemplate>();
    one->name = "work";
    one->command.words = {{Piece{PieceKind::literal, 0, "true"}}};
    one->working_directory = WorkingDirectory::given;
    one->cwd = "/";
    return one;
  }
  Submit tasks(std::uint64_t count, std::shared_ptr<TaskTemplate> of = body()) {
    Submit submit;
    submit.request = ++request;
    submit.body = std::move(of);
    submit.series = {{1, count, 1}};
    return submit;
  }
  Change change(ChangeVerb verb, BatchId batch, std::vector<IndexSpan> ranges = {}) {
    Change input;
    input.request = ++request;
    input.verb = verb;
    input.targets = {{batch, std::move(ranges)}};
    return input;
  }

  AgentHello hello(const std::string& folder, std::uint32_t slots, const std::string& boot = "boot1") {
    AgentHello one;
    one.worker_name = folder;
    one.spool_id = folder;
    one.facts.boot_id = boot;
    one.facts.capacity = {slots, 2, 8, 4096, 4096};
    return one;
  }
  // Connects and says that it has nothing.
  void connect(SessionId session, const std::string& folder, std::uint32_t slots,
               const std::string& boot = "boot1") {
    tell(AgentConnected{session, hello(folder, slots, boot)});
    full(session, {});
  }
  AgentMessage message(SessionId session) {
    AgentMessage one;
    one.session = session;
    one.seq = ++sessions[session];
    one.seen_seq = seen;
    one.sent_mono_us = now.mono_us;
    return one;
  }
  void full(SessionId session, std::vector<Have> have) {
    AgentMessage one = message(session);
    one.full = true;
    one.have = std::move(have);
    tell(AgentSaid{one});
  }
  void ends(SessionId session, AttemptRef attempt, AttemptState outcome, Cause cause = Cause::none,
            int exit_code = 0) {
    Finished end;
    end.attempt = attempt;
    end.outcome = outcome;
    end.cause = cause;
    end.exit_code = exit_code;
    end.started_wall_us = outcome == AttemptState::refused || cause == Cause::launch ? 0 : now.wall_us;
    AgentMessage one = message(session);
    one.finished = {end};
    tell(AgentSaid{one});
  }
  void wait(Micros for_us) {
    now.mono_us += for_us;
    now.wall_us += for_us;
    tell(Tick{});
  }
  TaskState state(TaskRef task) const { return engine.task(task)->state; }

  EngineOptions options;
  store::MemoryStore store;
  Engine engine;
  Now now{1000 * kSecond, 5000 * kSecond};
  Decision last;
  RequestId request = 0;
  std::uint64_t seen = 1000;  // the agent has taken in everything
  std::map<SessionId, std::uint64_t> sessions;
};

}  // namespace muster::engine
