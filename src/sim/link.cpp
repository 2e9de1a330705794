// How messages travel, get lost and arrive late, and how the ends of a connection learn that it is gone.
// Must hold: nothing arrives at an agent or server that was not there when the connection was made.
#include "sim/link.h"

#include <algorithm>
#include <utility>

#include "sim/machine.h"
#include "sim/world.h"

namespace muster::sim {

bool Link::reaches_server() const {
  return !cut_ && world_.server.up() && world_.server.life() == server_life_;
}
bool Link::reaches_agent() const { return !cut_ && machine_.agent_life() == agent_life_; }

template <class Deliver>
void Link::send(Way way, const Deliver& deliver) {
  if (cut_) return;
  const Rules& rules = world_.rules;
  Random& random = world_.random;
  int copies = 1;
  if (!rules.in_order && !world_.healed) {
    const bool stalled = world_.now_us() < machine_.held_until_us(way);
    if (stalled || random.chance(rules.loss_permille)) copies = 0;
    if (random.chance(rules.double_permille)) ++copies;
  }
  for (int copy = 0; copy < copies; ++copy) {
    Micros delay_us = random.spread(20, world_.healed ? 1000 : rules.delay_us);
    if (!world_.healed && random.chance(rules.slow_permille)) delay_us = random.between(0, rules.slow_us);
    Micros when_us = world_.now_us() + delay_us;
    if (rules.in_order)
      when_us = last_us(way) = std::max({when_us, last_us(way), machine_.held_until_us(way)});
    world_.schedule.at(when_us, deliver);
  }
}

void Link::say_hello(const AgentHello& hello) {
  // Every second machine is another one than the server's.
  const WorkerPlace place = machine_.number() % 2 == 0 ? WorkerPlace::here : WorkerPlace::elsewhere;
  send(Way::to_server, [this, hello, place] {
    if (reaches_server()) world_.server.take_hello(*this, hello, place);
  });
}

void Link::welcome() {
  send(Way::to_agent, [this] {
    machine_.when_awake([this] {
      if (reaches_agent()) machine_.welcomed(*this);
    });
  });
}

void Link::to_server(const AgentMessage& message) {
  send(Way::to_server, [this, message] {
    if (reaches_server()) world_.server.take_message(*this, message);
  });
}

void Link::to_agent(const ServerMessage& message) {
  send(Way::to_agent, [this, message] {
    machine_.when_awake([this, message] {
      if (reaches_agent()) machine_.hear(*this, message);
    });
  });
}

void Link::logs_taken(std::uint64_t keeper, std::uint64_t segment, std::uint64_t offset) {
  send(Way::to_agent, [this, keeper, segment, offset] {
    machine_.when_awake([this, keeper, segment, offset] {
      if (reaches_agent()) machine_.hear_logs_taken(*this, keeper, segment, offset);
    });
  });
}

void Link::break_off() {
  if (cut_) return;
  cut_ = true;
  world_.trace.note(world_.now_us(), "cut", {machine_.number(), session_});
  const Micros longest_us = world_.healed ? 1'000 : 15'000'000;
  world_.schedule.after(world_.random.spread(1, longest_us),
                        [this] { world_.server.link_gone(session_, server_life_); });
  world_.schedule.after(world_.random.spread(1, longest_us), [this] {
    machine_.when_awake([this] {
      if (machine_.agent_life() == agent_life_) machine_.link_lost(*this);
    });
  });
}

// What was sent before still arrives, then the end of the stream.
void Link::agent_left() {
  const Micros seen_us =
      std::max(last_us(Way::to_server), world_.now_us() + world_.random.spread(1, 100'000));
  world_.schedule.at(seen_us, [this] { world_.server.link_gone(session_, server_life_); });
}

void Link::server_left() {
  const Micros seen_us = std::max(last_us(Way::to_agent), world_.now_us() + world_.random.spread(1, 100'000));
  world_.schedule.at(seen_us, [this] {
    machine_.when_awake([this] {
      if (machine_.agent_life() == agent_life_) machine_.link_lost(*this);
    });
  });
}

}  // namespace muster::sim
