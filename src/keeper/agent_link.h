// The keeper's end of the socket: one agent at a time, a new one takes the place of the old.
// Nothing here blocks; an agent that does not read is cut off before its reports fill the memory.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "blobs/file.h"
#include "core/error.h"
#include "core/keeper_messages.h"
#include "wire/keeper/keeper_codec.h"

namespace muster::keeper {

class AgentLink {
 public:
  // Binds `socket` in an open folder, for this user alone.
  static Result<AgentLink> listen(int folder);

  int listener() const { return listener_.get(); }
  int connection() const { return connection_.get(); }  // -1: nobody is there
  bool connected() const { return static_cast<bool>(connection_); }

  // Takes the newest waiting connection; false when none waits.
  bool accept();
  // Reads what is there and gives each request to `take`. Closes the connection when the other side did, or sent nonsense.
  void receive(const std::function<void(KeeperRequest&&)>& take);
  // Sends as much as the socket takes, the rest later.
  void send(const KeeperReport& report);
  void flush();
  bool has_unsent() const { return !unsent_.empty(); }
  void close();

 private:
  blobs::File listener_;
  blobs::File connection_;
  wire::KeeperFrameReader reader_;
  std::string unsent_;
};

}  // namespace muster::keeper
