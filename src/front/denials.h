// Calls that were denied, on their way into the audit log.
// A flood of them costs no more than some rows a second: the rest is counted, and the count is a row.
#pragma once

#include <cstdint>

#include "front/backend.h"

namespace muster::front {

class Denials {
 public:
  explicit Denials(Backend& backend) : backend_(backend) {}
  void note(AuditRow row);
  // The row of what was only counted, when there is room for it again; about once a second.
  void tick();

 private:
  bool take_one();
  void post(AuditRow row);
  Backend& backend_;
  std::int64_t left_ = 100;
  Micros filled_mono_us_ = 0;
  std::uint64_t uncounted_ = 0;
};

}  // namespace muster::front
