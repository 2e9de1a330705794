// Other processes of ours: who holds a lock file, how to signal exactly that one, how to start one that outlives us.
// A process is only ever addressed through a descriptor that was opened before it was proved to be the right one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace muster::runtime {

// A process by descriptor: signals reach it or nobody.
class OtherProcess {
 public:
  // Who holds a lock file (flock, its id as text).
  // Nothing when nobody holds the lock, or when the holder cannot be proved (it belongs to somebody else).
  static std::optional<OtherProcess> holding(const std::string& lock);
  // Who answers at a Unix socket; nothing when nobody does.
  static std::optional<OtherProcess> listening(const std::string& folder, const std::string& name);
  OtherProcess(OtherProcess&& other) noexcept
      : pid_(other.pid_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  OtherProcess& operator=(OtherProcess&& other) noexcept;
  ~OtherProcess();

  pid_t pid() const { return pid_; }
  // False when it has ended.
  bool send_signal(int signal) const;
  // True when it has ended within the time.
  bool wait_for_end(Micros timeout_us) const;

 private:
  OtherProcess(pid_t pid, int descriptor) : pid_(pid), descriptor_(descriptor) {}
  pid_t pid_ = 0;
  int descriptor_ = -1;
};

// Whether anybody holds the lock file. Does not disturb a holder.
bool is_locked(const std::string& lock);

// The process that listens on a TCP port of this machine, if it is one of this user's (or the user is root).
struct PortOwner {
  pid_t pid = 0;
  bool is_muster = false;  // it runs the program of this name
};
std::optional<PortOwner> port_owner(std::uint16_t port);

struct DetachedProcess {
  std::vector<std::string> arguments;  // behind the program's own name
  std::string output;                  // file that standard output and error are appended to; empty: nowhere
  std::string folder;                  // working directory
  int keep_descriptor = -1;            // becomes descriptor 3 of the new process; every other one is closed
};
// This very program again, in a session of its own, with signals as by default. The new process id.
Result<pid_t> start_detached(const DetachedProcess& process);

}  // namespace muster::runtime
