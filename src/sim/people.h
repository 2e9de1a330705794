// Simulated people: what they submit, change and ask again, what they were told, and what they may rely on because of it.
// Must hold: they know only answers; whoever got none asks again with the same key, or gives up.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/inputs.h"
#include "sim/ledger.h"
#include "sim/random.h"

namespace muster::sim {

struct World;

class People {
 public:
  explicit People(World& world);

  void begin();  // plans everything they will ask for
  void hear(const Reply& reply);
  void shut_down();
  void say_lost(const std::string& worker);  // whoever says it has seen the machine dead
  // Everything goes well from here on: they release what is held and give the workers slots, until it is answered.
  void heal();
  void give_up_the_impossible();  // no worker is large enough for it
  bool content() const;           // nobody waits for an answer that has to come
  // Every submission that was answered for is there, and its key still gives the same answer.
  void check_promises();

 private:
  enum class Patience : std::uint8_t { once, few, until_answered };
  struct Wish {
    Input input;
    Patience patience = Patience::once;
    int tries = 0;
    bool answered = false;
    std::optional<Submitted> told;  // the first answer
  };

  void ask(std::size_t wish);
  void send(std::size_t wish);
  std::size_t add(Input input, Patience patience);
  void take_answer(std::size_t wish, const ReplyBody& body);
  void submit_something();
  void change_something();
  void ask_again();
  Submit make_submit();
  std::shared_ptr<const TaskTemplate> make_template(bool with_items);
  void add_items(Submit& submit);
  void add_dependencies(Submit& submit);
  Change make_change();
  std::vector<PositionSpan> some_positions(const FlatBatch& batch);
  Input make_setting();
  Input make_fleet_wish();
  WorkerId some_worker();
  void heal_worker(const WorkerRow& row);
  BatchId some_batch();

  World& world_;
  std::vector<Wish> wishes_;
  std::map<RequestId, std::size_t> open_;  // requests that may be answered
  RequestId next_request_ = 1;
  std::vector<BatchId> known_batches_;
  std::uint64_t made_ = 0;
  std::uint64_t changes_ = 0;  // with a key
  std::vector<std::shared_ptr<const TaskTemplate>> templates_;
};

}  // namespace muster::sim
