// How often values of a size were seen, in buckets five percent wide: small, quick to add to, exact for values that are all equal.
// A bucket knows its count, its sum and its largest value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace muster {

class LogHistogram {
 public:
  static constexpr std::size_t kBuckets = 640;  // the last one takes everything from about 3e13 on
  static std::size_t bucket_of(std::int64_t value);

  struct Bucket {
    std::uint32_t count = 0;
    std::int64_t largest = 0;
    double sum = 0;
    std::int64_t mean() const { return count == 0 ? 0 : static_cast<std::int64_t>(sum / count); }
  };

  void add(std::int64_t value);
  std::uint64_t count() const { return count_; }
  std::int64_t largest() const { return largest_; }
  double sum() const { return sum_; }
  const Bucket& at(std::size_t bucket) const { return buckets_[bucket]; }
  // The value that `share` (0 to 1) of all are not above; 0 when empty. At most five percent too large.
  std::int64_t quantile(double share) const;

 private:
  std::array<Bucket, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t largest_ = 0;
  double sum_ = 0;
};

}  // namespace muster
