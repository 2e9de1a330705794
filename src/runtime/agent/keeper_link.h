// The agent's end of one connection to a keeper: requests leave at once, reports are taken in groups.
// Under load a report waits up to 20 ms for others, so that a hundred short tasks cost one turn and not a hundred.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "blobs/file.h"
#include "core/keeper_messages.h"

namespace boost::asio {
class io_context;
}

namespace muster::runtime {

// Called on the loop's thread, never from inside a call of KeeperLink.
class KeeperLinkUser {
 public:
  virtual ~KeeperLinkUser() = default;
  // The answer to a request with `list`, complete.
  virtual void keeper_inventory(agent::KeeperId keeper, KeeperReport report) = 0;
  // What it said since the last call, as one report.
  virtual void keeper_said(agent::KeeperId keeper, KeeperReport report) = 0;
  // The connection has ended; once, and the last call.
  virtual void keeper_hung_up(agent::KeeperId keeper, const std::string& why) = 0;
  // Whether the keeper has enough to do for a while, so that nobody is kept waiting by hearing of its news later.
  virtual bool has_plenty() const = 0;
};

// How long to wait after a group of reports before the next is read, while there is plenty to do: each start and end in it buys a
// millisecond of patience, twenty at most. So at less than about a thousand a second hardly anything waits, above it groups grow.
Micros report_pause_us(std::size_t news);

// One report that says what both say; `later` came after `into`. Neither is an inventory.
void merge_reports(KeeperReport& into, KeeperReport&& later);

class KeeperLink {
 public:
  // `socket` is connected. Nothing is read before start().
  KeeperLink(boost::asio::io_context& loop, agent::KeeperId keeper, blobs::File socket, KeeperLinkUser& user);
  // No call of the user comes after this.
  ~KeeperLink();
  KeeperLink(const KeeperLink&) = delete;
  KeeperLink& operator=(const KeeperLink&) = delete;

  void start();
  void send(const KeeperRequest& request);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace muster::runtime
