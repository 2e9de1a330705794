// A store that fails when it is told to: refused commits and commits whose fate is not known.
// Must hold: after an unknown commit nothing is taken until the caller has loaded again, as on a real disk.
#pragma once

#include "ports/store.h"

namespace muster::store {

enum class CommitFault : std::uint8_t {
  none,
  refused,              // StoreFull; nothing is written
  unknown_written,      // StoreUnknown; everything is written
  unknown_not_written,  // StoreUnknown; nothing is written
};

class FaultyStore final : public Store {
 public:
  // `store` outlives this.
  explicit FaultyStore(Store& store) : store_(store) {}

  // What the next commit meets; later ones are sound again.
  void set_next_commit(CommitFault fault) { next_ = fault; }

  StoreSnapshot load() override {
    must_load_ = false;
    return store_.load();
  }

  void commit(const Changes& changes) override {
    if (must_load_) throw StoreUnknown("the fate of an earlier commit is not known: load first");
    const CommitFault fault = next_;
    next_ = CommitFault::none;
    if (fault == CommitFault::refused) throw StoreFull("simulated: the disk is full");
    must_load_ = fault != CommitFault::none;
    if (fault != CommitFault::unknown_not_written) store_.commit(changes);
    if (must_load_) throw StoreUnknown("simulated: the answer of the disk was lost");
  }

  std::optional<BatchSnapshot> load_batch(BatchId id) override { return store_.load_batch(id); }

 private:
  Store& store_;
  CommitFault next_ = CommitFault::none;
  bool must_load_ = false;
};

}  // namespace muster::store
