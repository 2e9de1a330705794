// A bucket of 100 rows that fills at 20 a second.
// What does not fit is one row that says how many there were.
#include "front/denials.h"

#include <algorithm>
#include <utility>

namespace muster::front {
namespace {

constexpr std::int64_t kBurst = 100;
constexpr Micros kEach_us = 50'000;

}  // namespace

bool Denials::take_one() {
  const Micros now_us = backend_.now().mono_us;
  const Micros earned = (now_us - filled_mono_us_) / kEach_us;
  if (earned > 0) {
    left_ = std::min<std::int64_t>(kBurst, left_ + std::min<Micros>(earned, kBurst));
    filled_mono_us_ += earned * kEach_us;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

void Denials::post(AuditRow row) {
  WriteRows input;
  row.wall_us = backend_.now().wall_us;
  input.rows.audit.push_back(std::move(row));
  backend_.post(std::move(input), {});
}

void Denials::note(AuditRow row) {
  if (!take_one()) {
    ++uncounted_;
    return;
  }
  post(std::move(row));
}

void Denials::tick() {
  if (uncounted_ == 0 || !take_one()) return;
  AuditRow row;
  row.action = "denied";
  row.object = std::to_string(std::exchange(uncounted_, 0)) + " more calls";
  row.result = kNotAllowed;
  post(std::move(row));
}

}  // namespace muster::front
