// Credentials of workers that joined: each is good for one worker, and is replaced over the worker's own connection once a day.
// The old one opens nothing more from the moment the worker says that it has kept the new one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/inputs.h"
#include "front/tokens.h"

namespace muster::runtime {

class AgentCredentials {
 public:
  struct Doors {
    // Commits rows; `done` is called when they are on disk, and never when they are not.
    std::function<void(std::vector<TokenRow> rows, std::function<void()> done)> write;
    std::function<void(SessionId session, const std::string& token)> offer;
  };

  // `tokens` outlives this.
  AgentCredentials(front::Tokens& tokens, Doors doors, Micros renew_us);

  // An agent has said hello with this token; what was offered to its worker before and not kept is good no more.
  void connected(SessionId session, const front::Identity& who, Micros wall_us);
  void gone(SessionId session) { sessions_.erase(session); }
  // It has the offered one.
  void kept(SessionId session, Micros wall_us);
  // About once a second: offers what is due.
  void look(Micros wall_us);

 private:
  struct Held {
    front::Identity who;
    std::uint64_t offered = 0;  // the new token's id; 0: none
  };
  void offer(SessionId session, Held& held, Micros wall_us);

  front::Tokens& tokens_;
  Doors doors_;
  Micros renew_us_;
  std::map<SessionId, Held> sessions_;
};

}  // namespace muster::runtime
