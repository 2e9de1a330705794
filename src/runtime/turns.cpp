// Group commit without waiting: the group is what has arrived when the loop comes around.
// While a group is handled the engine is ahead of the store; nobody reads it before the commit.
#include "runtime/turns.h"

#include <algorithm>
#include <iterator>

#include "core/check.h"
#include "core/failpoint.h"
#include "runtime/clock.h"

namespace muster::runtime {
namespace {

// Bounds the time of one group; what is beyond it is the next one.
constexpr std::size_t kGroupInputs = 4096;

template <class T>
void append(std::vector<T>& into, std::vector<T>&& from) {
  if (into.empty()) {
    into = std::move(from);
  } else {
    into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

RequestId* request_of(Input& input) {
  return std::visit(
      [](auto& one) -> RequestId* {
        if constexpr (requires { one.request; }) return &one.request;
        return nullptr;
      },
      input);
}

}  // namespace

void merge_messages(ServerMessage& into, ServerMessage&& later) {
  into.seq = later.seq;
  if (later.echo_sent_mono_us != 0) into.echo_sent_mono_us = later.echo_sent_mono_us;
  into.lease_us = later.lease_us;
  into.sync_interval_us = later.sync_interval_us;
  into.cpu_slots = later.cpu_slots;
  into.gpu_slots = later.gpu_slots;
  into.named = later.named;
  append(into.templates, std::move(later.templates));
  append(into.grants, std::move(later.grants));
  append(into.stops, std::move(later.stops));
  append(into.forget, std::move(later.forget));
}

Turns::Turns(Store& store, engine::EngineOptions options, TurnEffects& effects)
    : store_(store), options_(options), effects_(effects) {}

void Turns::load(Now now) {
  engine_.reset();
  StoreSnapshot snapshot = store_.load();
  incarnation_ = snapshot.incarnation;
  failpoint("server.loaded");
  engine_.emplace(options_);
  engine_->restore(std::move(snapshot), now);
}

void Turns::post(Input input, front::ReplyHandler then) {
  if (RequestId* request = request_of(input); request != nullptr && then) {
    *request = ++last_request_;
    waiting_.emplace(*request, std::move(then));
  }
  inputs_.push_back(std::move(input));
}

void Turns::post(Input input, AuditRow audit, front::ReplyHandler then) {
  RequestId* request = request_of(input);
  MUSTER_CHECK(request != nullptr, "what is audited is answered");
  *request = ++last_request_;
  audits_.emplace(*request, std::move(audit));
  if (then) waiting_.emplace(*request, std::move(then));
  inputs_.push_back(std::move(input));
}

void Turns::complete_audits(Decision& decision) {
  if (audits_.empty()) return;
  for (const Effect& effect : decision.effects) {
    const Reply* reply = std::get_if<Reply>(&effect);
    const auto found = reply == nullptr ? audits_.end() : audits_.find(reply->request);
    if (found == audits_.end()) continue;
    AuditRow row = std::move(found->second);
    audits_.erase(found);
    const Error* error = std::get_if<Error>(&reply->body);
    row.result = error == nullptr ? "ok" : error->code;
    if (const Submitted* made = std::get_if<Submitted>(&reply->body); made != nullptr && row.object.empty()) {
      row.object = std::to_string(made->batch);
    }
    decision.changes.audit.push_back(std::move(row));
  }
}

bool Turns::load_batch(BatchId batch) {
  for (const BatchId missing : engine_->missing_for(batch)) {
    if (loading_.contains(missing)) continue;
    std::optional<BatchSnapshot> snapshot = store_.load_batch(missing);
    if (!snapshot) return false;
    loading_.emplace(missing, groups_);
    if (missing == batch) {  // and what it waits for, one step far
      for (const SegmentRow& segment : snapshot->segments) {
        for (const Dependency& dependency : segment.dependencies) {
          if (engine_->has_batch(dependency.batch) || !loading_.emplace(dependency.batch, groups_).second)
            continue;
          inputs_.push_back(LoadedBatch{*store_.load_batch(dependency.batch)});
        }
      }
    }
    inputs_.push_back(LoadedBatch{std::move(*snapshot)});
  }
  return true;
}

void Turns::handle(Input& input, Now now, Group& group) {
  if (const RequestId* request = request_of(input); request != nullptr && *request != 0) {
    group.requests.push_back(*request);
  }
  if (const auto* connected = std::get_if<AgentConnected>(&input)) {
    group.hellos.emplace_back(connected->session, connected->hello.spool_id);
  }
  if (auto* loaded = std::get_if<LoadedBatch>(&input)) {
    const BatchId id = loaded->snapshot.batch.id;
    const auto read = loading_.extract(id);
    // Another group may have been committed since it was read, and changed it. What this group changes stays in memory.
    const bool is_old = read.empty() || read.mapped() + 1 != groups_;
    if (is_old && !engine_->has_batch(id)) loaded->snapshot = *store_.load_batch(id);
  }
  Decision decision = engine_->handle(input, now);
  complete_audits(decision);
  // What an input holds (a batch with all its tasks, a body) is not needed while the disk writes.
  input = Tick{};
  if (group.changes.empty()) {
    group.changes = std::move(decision.changes);
  } else {
    group.changes.merge(std::move(decision.changes));
  }
  append(group.effects, std::move(decision.effects));
  append(group.touched, std::move(decision.touched));
}

void Turns::run(Now now) {
  Group group;
  const std::size_t end = std::min(inputs_.size(), next_ + kGroupInputs);
  handled_ += end - next_;
  ++groups_;
  for (; next_ < end; ++next_) handle(inputs_[next_], now, group);
  if (next_ == inputs_.size()) {
    inputs_.clear();
    next_ = 0;
  }
  if (!group.changes.audit.empty()) effects_.seal(group.changes.audit);
  try {
    commit(group.changes);
  } catch (const StoreFull& full) {
    return recover(group, full.what(), true, now);
  } catch (const StoreUnknown& unknown) {
    return recover(group, unknown.what(), false, now);
  }
  perform(group);
  failpoint("server.performed");
  engine_->committed();
}

void Turns::commit(const Changes& changes) {
  if (changes.empty()) return;
  const Micros start_us = mono_now_us();
  failpoint("server.commit.before");
  store_.commit(changes);
  failpoint("server.commit.after");
  commit_times_.observe(mono_now_us() - start_us);
}

void Turns::perform(Group& group) {
  perform_messages(group);
  failpoint("server.agents_told");
  if (!group.changes.empty()) effects_.committed(group.changes);
  for (Effect& effect : group.effects) {
    if (const Reply* reply = std::get_if<Reply>(&effect)) answer(reply->request, reply->body);
  }
  if (group.touched.empty()) return;
  std::sort(group.touched.begin(), group.touched.end());
  group.touched.erase(std::unique(group.touched.begin(), group.touched.end()), group.touched.end());
  effects_.touched(group.touched);
}

void Turns::perform_messages(Group& group) {
  std::map<SessionId, ServerMessage> messages;
  std::map<SessionId, std::string> closed;
  for (Effect& effect : group.effects) {
    if (auto* close = std::get_if<CloseSession>(&effect))
      closed.emplace(close->session, std::move(close->why));
    auto* to_agent = std::get_if<ToAgent>(&effect);
    if (to_agent == nullptr) continue;
    const auto [found, fresh] = messages.try_emplace(to_agent->message.session);
    if (fresh) {
      found->second = std::move(to_agent->message);
    } else {
      merge_messages(found->second, std::move(to_agent->message));
    }
  }
  std::map<std::string, WorkerId> workers;
  if (!group.hellos.empty()) {
    for (const engine::WorkerView& worker : engine_->workers()) {
      if (worker.row.state != WorkerState::removed) workers[worker.row.spool_id] = worker.row.id;
    }
  }
  for (const auto& [session, spool_id] : group.hellos) {
    if (!closed.contains(session)) effects_.welcome(session, workers[spool_id]);
  }
  for (const auto& [session, message] : messages) {
    if (!closed.contains(session)) effects_.send(session, message);
  }
  for (const auto& [session, why] : closed) effects_.close(session, why);
}

void Turns::answer(RequestId request, const ReplyBody& reply) {
  const auto found = waiting_.find(request);
  if (found == waiting_.end()) return;
  const front::ReplyHandler then = std::move(found->second);
  waiting_.erase(found);
  then(reply);
}

void Turns::answer_all(const Error& error) {
  std::map<RequestId, front::ReplyHandler> waiting = std::exchange(waiting_, {});
  for (auto& [request, then] : waiting) then(error);
}

// What the group did is forgotten: the engine is read anew, agents come back by themselves and say again what they have.
// What came after the group was said to the engine that is gone, so it is answered too.
void Turns::recover(const Group& group, const std::string& why, bool full, Now now) {
  effects_.commit_failed(why, full);
  load(now);
  loading_.clear();
  inputs_.clear();
  next_ = 0;
  if (full) inputs_.push_back(DiskSpace{SpaceState::low});
  audits_.clear();
  effects_.reloaded();
  effects_.close_all("the server reads its database anew");
  const Error unwritten{ErrorKind::temporary, kDiskFull,
                        "the disk of the server is full: nothing new is accepted",
                        "make room in its data folder and try again; what is running is still recorded"};
  const Error unknown{ErrorKind::temporary, kBusy,
                      "the database did not confirm the change: it is not known whether it was made",
                      "look before you repeat it; a submission with a key may be repeated as it is"};
  for (const RequestId request : group.requests) answer(request, full ? unwritten : unknown);
  answer_all({ErrorKind::temporary, kBusy, "the server had to read its database anew; nothing was done",
              "try again"});
}

}  // namespace muster::runtime
