// Turns of the engine as transactions: inputs in the order of arrival, one commit for all that are there, then the effects.
// Nothing leaves before the commit returned; after a commit that failed, engine, sessions and unanswered requests start anew.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/inputs.h"
#include "engine/engine.h"
#include "front/backend.h"
#include "front/meters.h"
#include "ports/store.h"

namespace muster::runtime {

// Where effects go. Called after a commit, on the loop's thread.
class TurnEffects {
 public:
  virtual ~TurnEffects() = default;
  // The session's hello was taken in: `worker` is who it is. Comes before the first message to it.
  virtual void welcome(SessionId session, WorkerId worker) = 0;
  // Everything this group has to say to the session, in one message.
  virtual void send(SessionId session, const ServerMessage& message) = 0;
  virtual void close(SessionId session, const std::string& why) = 0;
  // The engine was loaded anew: it knows no session any more.
  virtual void close_all(const std::string& why) = 0;
  // What was written, all of it.
  virtual void committed(const Changes&) {}
  virtual void touched(std::span<const BatchId> batches) = 0;
  // Everything was read anew, what others hold of the store has to be too.
  virtual void reloaded() = 0;
  // The rows are about to be written: the audit rows get their numbers and hashes.
  virtual void seal(std::vector<AuditRow>& rows) = 0;
  // A commit failed, and why; `full`: the disk takes no more.
  virtual void commit_failed(const std::string& why, bool full) = 0;
};

class Turns {
 public:
  // All outlive this.
  Turns(Store& store, engine::EngineOptions options, TurnEffects& effects);

  // Reads the store. Throws what the store throws. Once, before anything else.
  void load(Now now);

  // `then` may be empty. A Submit, Change, … gets its request number here.
  void post(Input input, front::ReplyHandler then);
  // `audit` gets the result from the answer, and is written with what the input changes.
  void post(Input input, AuditRow audit, front::ReplyHandler then);
  // Posts a LoadedBatch for each batch that the engine lacks before an input may name this one. False: there is no such batch.
  bool load_batch(BatchId batch);

  bool has_inputs() const { return next_ < inputs_.size(); }
  // One group: handles what is there (up to a bound), commits, performs. Throws when the store cannot be read again.
  void run(Now now);
  // Everybody who still waits for an answer gets this one.
  void answer_all(const Error& error);

  const engine::Engine& engine() const { return *engine_; }
  Incarnation incarnation() const { return incarnation_; }
  std::uint64_t groups() const { return groups_; }
  std::uint64_t handled() const { return handled_; }
  const front::Histogram& commit_times() const { return commit_times_; }

 private:
  struct Group {
    std::vector<RequestId> requests;                        // of its inputs
    std::vector<std::pair<SessionId, std::string>> hellos;  // session, spool id
    Changes changes;
    std::vector<Effect> effects;
    std::vector<BatchId> touched;
  };
  void handle(Input& input, Now now, Group& group);
  void commit(const Changes& changes);
  void complete_audits(Decision& decision);
  void perform(Group& group);
  void perform_messages(Group& group);
  void recover(const Group& group, const std::string& why, bool full, Now now);
  void answer(RequestId request, const ReplyBody& reply);

  Store& store_;
  engine::EngineOptions options_;
  TurnEffects& effects_;
  std::optional<engine::Engine> engine_;
  Incarnation incarnation_ = 0;
  std::vector<Input> inputs_;
  std::size_t next_ = 0;                      // of inputs_, not handled yet
  std::map<BatchId, std::uint64_t> loading_;  // posted as LoadedBatch; read when so many groups had been run
  RequestId last_request_ = 0;
  std::map<RequestId, front::ReplyHandler> waiting_;
  std::map<RequestId, AuditRow> audits_;  // of inputs that are not handled yet, or not answered
  std::uint64_t groups_ = 0;
  std::uint64_t handled_ = 0;
  front::Histogram commit_times_;
};

// Two messages of one session as one: the later numbers, everything of both in order.
void merge_messages(ServerMessage& into, ServerMessage&& later);

}  // namespace muster::runtime
