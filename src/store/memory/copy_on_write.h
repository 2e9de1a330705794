// A value that copies share until one of them changes it.
// Must hold: used by one thread; nobody keeps a reference into the value across a change.
#pragma once

#include <memory>
#include <utility>

namespace muster::store {

template <class Value>
class CopyOnWrite {
 public:
  CopyOnWrite() : value_(std::make_shared<Value>()) {}

  const Value& operator*() const { return *value_; }
  const Value* operator->() const { return value_.get(); }

  Value& change() {
    if (value_.use_count() > 1) value_ = std::make_shared<Value>(*value_);
    return *value_;
  }

  bool shares_with(const CopyOnWrite& other) const { return value_ == other.value_; }

 private:
  std::shared_ptr<Value> value_;
};

}  // namespace muster::store
