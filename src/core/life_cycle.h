// The shape of every life cycle: a constexpr array of {from, event, to}, and what the compiler proves about it.
// A pair that the table does not list is a bug and stops the process, unless the caller asks first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/check.h"

namespace muster {

template <class State, class Event>
struct Transition {
  State from;
  Event event;
  State to;
};

enum class Finality : std::uint8_t { live, final_state };

template <class State>
struct StateInfo {
  State state;
  std::string_view name;  // as people, the API and the database know it
  Finality finality;
  std::string_view meaning;
};

// States are listed in the order of their enumerators, the initial one first.
template <class State, class Event, std::size_t kStates, std::size_t kEvents, std::size_t kRows>
struct LifeCycle {
  std::string_view name;
  std::array<StateInfo<State>, kStates> states;
  std::array<std::string_view, kEvents> events;
  std::array<Transition<State, Event>, kRows> table;
  // Events by which a person brings a final thing back; only these leave a final state.
  std::array<bool, kEvents> reopens;

  constexpr std::optional<State> find(State from, Event event) const {
    for (const auto& row : table) {
      if (row.from == from && row.event == event) return row.to;
    }
    return std::nullopt;
  }
  constexpr State next(State from, Event event) const {
    const std::optional<State> to = find(from, event);
    if (!to) check_failed("life cycle", __FILE__, __LINE__, "the event is not in the table for this state");
    return *to;
  }
  constexpr std::string_view text(State state) const { return states[static_cast<std::size_t>(state)].name; }
  constexpr std::string_view text(Event event) const { return events[static_cast<std::size_t>(event)]; }
  constexpr bool is_final(State state) const {
    return states[static_cast<std::size_t>(state)].finality == Finality::final_state;
  }
  constexpr std::optional<State> from_text(std::string_view text_of_state) const {
    for (const auto& info : states) {
      if (info.name == text_of_state) return info.state;
    }
    return std::nullopt;
  }
};

namespace life_cycle_proof {

template <class Cycle>
constexpr bool states_in_order(const Cycle& cycle) {
  for (std::size_t i = 0; i < cycle.states.size(); ++i) {
    if (static_cast<std::size_t>(cycle.states[i].state) != i) return false;
  }
  return true;
}

template <class Cycle>
constexpr bool no_pair_twice(const Cycle& cycle) {
  for (std::size_t i = 0; i < cycle.table.size(); ++i) {
    for (std::size_t j = i + 1; j < cycle.table.size(); ++j) {
      if (cycle.table[i].from == cycle.table[j].from && cycle.table[i].event == cycle.table[j].event)
        return false;
    }
  }
  return true;
}

template <class Cycle>
constexpr bool every_state_reachable(const Cycle& cycle) {
  std::array<bool, 64> reached{};
  reached[0] = true;
  for (std::size_t round = 0; round < cycle.states.size(); ++round) {
    for (const auto& row : cycle.table) {
      if (reached[static_cast<std::size_t>(row.from)]) reached[static_cast<std::size_t>(row.to)] = true;
    }
  }
  for (std::size_t i = 0; i < cycle.states.size(); ++i) {
    if (!reached[i]) return false;
  }
  return true;
}

// Final states are left only by reopening; live states can be left.
template <class Cycle>
constexpr bool exits_are_right(const Cycle& cycle) {
  for (const auto& info : cycle.states) {
    bool has_exit = false;
    for (const auto& row : cycle.table) {
      if (row.from != info.state) continue;
      if (row.to != info.state) has_exit = true;
      if (info.finality == Finality::final_state && !cycle.reopens[static_cast<std::size_t>(row.event)])
        return false;
    }
    if (info.finality == Finality::live && !has_exit) return false;
  }
  return true;
}

template <class Cycle>
constexpr bool every_event_used(const Cycle& cycle) {
  for (std::size_t i = 0; i < cycle.events.size(); ++i) {
    bool used = false;
    for (const auto& row : cycle.table) used = used || static_cast<std::size_t>(row.event) == i;
    if (!used) return false;
  }
  return true;
}

template <class Cycle>
constexpr bool holds(const Cycle& cycle) {
  return states_in_order(cycle) && no_pair_twice(cycle) && every_state_reachable(cycle) &&
         exits_are_right(cycle) && every_event_used(cycle);
}

}  // namespace life_cycle_proof
}  // namespace muster
