// Following the server's event stream from a command: comes back by itself when the server was away, and says so.
// Nothing is asked for again and again: what changed is told, and only then looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/interrupt.h"
#include "cli/session.h"
#include "client/api.h"

namespace muster::cli {

// What somebody who follows does with what comes.
struct Follower {
  // A message, or an empty one when nothing came for the pulse of the wish. False: enough was heard.
  std::function<bool(const client::StreamMessage&)> take;
  // The server is away, or back; empty: a line on standard error says so.
  std::function<void(const Error&)> away{};
  std::function<void(std::int64_t after_us)> back{};
};

// Until `take` has heard enough (no value), or Ctrl-C (true: interrupted). An Error is one that waiting does not heal.
Result<bool> follow_events(Session& session, client::EventWish wish, const Interrupt& interrupt,
                           const Follower& follower);

// -w of lists and of what shows one thing.
void declare_watch(Options& options, bool& target);
// How many rows of a list there is room for on the terminal.
std::uint64_t watched_rows();
enum class Watched : std::uint8_t { things, tasks };
// What to be told for a selector that is pinned; everything when it names no batch.
client::EventWish wish_for(const std::string& pinned_selector, Watched watched);

// Whether the stream tells of every change of what is shown, or there is something to be asked for every two seconds as well.
enum class Told : std::uint8_t { all, some };
// Prints by `print` now and whenever something of `wish` changed, until Ctrl-C: on a terminal in place, elsewhere the
// lines that are new. `print` writes to the session's output and says false when there is nothing more to wait for.
Result<int> watch_printed(Session& session, const client::EventWish& wish,
                          const std::function<Result<bool>()>& print, Told told = Told::all);

}  // namespace muster::cli
