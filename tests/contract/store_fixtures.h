// The stores under test, each behind one interface, and folders that go away.
// Must hold: a store added here runs through every test of the contract.
#pragma once

#include <memory>
#include <string>

#include "ports/store.h"

namespace muster::store {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

enum class StoreKind { memory, sqlite, postgres };

// Those that can run here. Why one of them cannot: empty when it can.
std::string why_missing(StoreKind kind);

class StoreSubject {
 public:
  virtual ~StoreSubject() = default;
  virtual Store& store() = 0;
  virtual History& history() = 0;
  virtual AccessStore& access() = 0;
  // An orderly end and a new start; load() has to follow.
  virtual void reopen() = 0;
};

std::unique_ptr<StoreSubject> make_subject(StoreKind kind);

}  // namespace muster::store
