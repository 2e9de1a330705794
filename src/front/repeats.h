// Idempotency-Key of POSTs that make something else than tasks: who sends the same again gets the first answer again.
// Must hold: the key is written in the transaction of what it made, so that a repeat after any crash makes it once.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "front/native/call.h"

namespace muster::front {

struct Route;

class Repeats {
 public:
  // Runs the call, or answers it as the one before it was. One that comes while the first is under way waits for it.
  void run(const native::CallPtr& call);

 private:
  using Place = std::pair<std::string, std::string>;  // project, key
  struct UnderWay {
    std::string body_hash;
    std::vector<native::CallPtr> waiting;
  };
  void begin(const native::CallPtr& call, Place place, std::string body_hash);
  void ended(const Place& place);
  std::map<Place, UnderWay> under_way_;
};

}  // namespace muster::front
