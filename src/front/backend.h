// What the front needs of the rest of the server, as one interface: committed state to read, and a door for inputs.
// Everything is called on the loop's thread, and between turns: what is read here is on disk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/inputs.h"
#include "engine/engine.h"
#include "front/meters.h"
#include "ports/store.h"

namespace muster::blobs {
class LogStore;
}

namespace muster::front {

struct ServerFacts {
  std::string version;
  std::string url;
  std::string data_folder;
  std::string store;  // "sqlite", "memory"
  Micros started_wall_us = 0;
  Incarnation incarnation = 0;
  SpaceState space = SpaceState::plenty;
  std::string join_url;  // the address for workers on other machines; the url when there can be none
  std::string pin;       // of the server's key; empty: plain HTTP
  bool ready = true;     // false while starting or ending
};

using ReplyHandler = std::function<void(const ReplyBody&)>;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Now now() const = 0;
  virtual const engine::Engine& engine() const = 0;
  virtual History& history() = 0;
  virtual AccessStore& access() = 0;
  virtual blobs::LogStore& logs() = 0;
  virtual const ServerFacts& facts() const = 0;
  virtual ServerMeters meters() = 0;  // as of now

  // Sets the input's `request` and hands it to the next turn. `then` (may be empty) is called once: after the commit with the
  // engine's answer, or with an Error when the commit failed or the server ends.
  virtual void post(Input input, ReplyHandler then) = 0;

  // The same, and `audit` is completed with the result (and the batch a submission made) and written in the same transaction.
  virtual void post_audited(Input input, AuditRow audit, ReplyHandler then) = 0;

  // Posts the wish; the server ends by itself when it is fulfilled. Asking again is harmless; `keep_running` hastens an end.
  virtual void shut_down(const Principal& who, StopTasks tasks) = 0;

  // The program for machines that do not have it, or have an older one; null when there is none.
  virtual std::shared_ptr<const std::string> own_program() = 0;

  // Makes the engine hold the batch when the next posted input is handled. False: there is no such batch.
  virtual bool load(BatchId batch) = 0;
};

}  // namespace muster::front
