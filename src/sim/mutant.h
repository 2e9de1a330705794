// Mistakes that the simulator can plant, to show that it finds them: around links, stores and deciders, never inside them.
// Must hold: without a mutant each of these functions gives back what it was given.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/inputs.h"
#include "core/keeper_messages.h"

namespace muster::sim {

struct World;
class Machine;

enum class Mutant : std::uint8_t {
  none,
  no_epoch,            // a late result is taken as if it were of the current attempt
  epoch_in_memory,     // the numbers of attempts are forgotten by a restart
  lease_from_receipt,  // the agent counts its lease from the receipt of the answer
  speaks_first,        // effects before the commit
  silence_is_loss,     // a worker that did not call yet when the server starts is taken for dead
  wrong_recount,       // after a restart the counts of a batch are one off
  double_start,        // a grant that is said again is started again
  forgotten_cancel,    // the stop of a running task is lost by a restart
  same_boot,           // a reboot is not noticed
  no_fence,            // keepers know no deadline
  drain_forgotten,     // after a restart a worker that was paused or drained takes tasks again
  limits_forgotten,    // limits are lost by a restart
};
inline constexpr std::size_t kMutants = 13;
std::string_view to_text(Mutant mutant);
std::optional<Mutant> mutant_from_text(std::string_view text);

void mutate_snapshot(Mutant mutant, StoreSnapshot& snapshot);
void mutate_decision(World& world, std::uint64_t server_life, Decision& decision);
void mutate_hello(Mutant mutant, AgentHello& hello);
void mutate_request(Mutant mutant, KeeperRequest& request);
// What an agent hears, and what the server hears.
ServerMessage mutated_message(World& world, Machine& machine, const ServerMessage& message);
AgentMessage mutated_message(World& world, const AgentMessage& message);

}  // namespace muster::sim
