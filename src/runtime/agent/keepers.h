// All keepers of a worker's folder, living and dead: who answers, whose tasks died, whose logs are still to be sent.
// A keeper is dead only when its process is proved gone and nothing its tasks started lives any more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/agent.h"
#include "runtime/agent/folder_remover.h"
#include "runtime/agent/worker_folder.h"
#include "wire/agent/agent_codec.h"

namespace boost::asio {
class io_context;
}

namespace muster::runtime {

// Called on the loop's thread.
class KeepersUser {
 public:
  virtual ~KeepersUser() = default;
  // KeeperJoined, KeeperSaid, KeeperDied or LogsTaken.
  virtual void take(agent::Input input) = 0;
  // Once: every keeper whose folder existed at the start has joined or died.
  virtual void keepers_known() = 0;
  // There may be a log frame to send.
  virtual void logs_grew() = 0;
  // After stop_all(): no keeper lives any more.
  virtual void keepers_gone() = 0;
  // A keeper that lives had broken its connection: what was on the way to it may be lost. To be called later, not from inside.
  virtual void start_over() = 0;
  // Whether attempts of this keeper are not forgotten yet: as long the records in its folder are needed.
  virtual bool remembers(agent::KeeperId keeper) const = 0;
  // Whether the keepers have enough to do for a while.
  virtual bool has_plenty() const = 0;
};

struct KeepersOptions {
  std::string boot_id;  // of the machine now: what another boot has left behind is dead without further look
  std::string version;  // of this program: keepers of another one finish what they have
  std::string run_as;   // user whom new keepers run tasks as; empty: the agent's own
};

class Keepers {
 public:
  // All outlive this.
  Keepers(boost::asio::io_context& loop, const WorkerFolder& folder, FolderRemover& remover,
          KeepersOptions options, KeepersUser& user);
  ~Keepers();
  Keepers(const Keepers&) = delete;
  Keepers& operator=(const Keepers&) = delete;

  // Looks at every folder, then keeps one keeper of this version alive for new tasks.
  void start();
  // What is said to one that does not answer just now is lost; its next inventory, or its death, tells the agent.
  void send(agent::KeeperId keeper, const KeeperRequest& request);
  // TERM to every keeper: its tasks get TERM, their grace, KILL. A second call kills at once.
  void stop_all();

  // ---- logs
  // The next frame of any keeper; nothing: all was sent, or enough is unanswered.
  std::optional<std::string> next_log_frame();
  void logs_taken(const wire::LogsTaken& answer);
  // A new connection to the server: what was not answered is sent again.
  void rewind_logs();
  // Looks whether logs have grown without a report (a task that runs and writes).
  void look_at_logs();
  void save_log_places();

  // Removes the folders of dead keepers of which nothing is needed any more.
  void drop_done();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::runtime
