// Buckets by logarithm.
// Values below one are in the first bucket, and very large ones in the last.
#include "core/log_histogram.h"

#include <algorithm>
#include <cmath>

namespace muster {

namespace {
const double kStep = std::log(1.05);
}  // namespace

std::size_t LogHistogram::bucket_of(std::int64_t value) {
  if (value <= 1) return 0;
  const double bucket = std::log(static_cast<double>(value)) / kStep;
  return std::min(kBuckets - 1, static_cast<std::size_t>(bucket) + 1);
}

void LogHistogram::add(std::int64_t value) {
  Bucket& bucket = buckets_[bucket_of(value)];
  ++bucket.count;
  bucket.sum += static_cast<double>(value);
  bucket.largest = std::max(bucket.largest, value);
  ++count_;
  sum_ += static_cast<double>(value);
  largest_ = std::max(largest_, value);
}

std::int64_t LogHistogram::quantile(double share) const {
  const double wanted = share * static_cast<double>(count_);
  double seen = 0;
  for (const Bucket& bucket : buckets_) {
    seen += bucket.count;
    if (bucket.count != 0 && seen >= wanted) return bucket.largest;
  }
  return largest_;
}

}  // namespace muster
