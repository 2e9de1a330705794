// Kaplan-Meier over the buckets of a histogram, then list scheduling with drawn durations.
// The work is bounded: of very many tasks that are left all but the last waves are taken at their mean.
#include "core/time_left.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <queue>

namespace muster {
namespace {

constexpr std::size_t kDraws = 21;
constexpr std::uint64_t kPlacesMax = 1000;      // of more, every k-th is simulated, with every k-th task
constexpr std::uint64_t kSimulatedLeast = 512;  // tasks drawn one by one, for one draw
constexpr std::uint64_t kWavesSimulated = 4;

// splitmix64: the draws have to be the same for the same batch, not unpredictable.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  // In (0, 1].
  double next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return (static_cast<double>(z >> 11) + 1) / 9007199254740993.0;
  }

 private:
  std::uint64_t state_;
};

// How likely a task takes longer than each bucket.
class Survival {
 public:
  explicit Survival(const TimeLeftQuestion& question) : finished_(question.finished) {
    std::array<std::uint32_t, LogHistogram::kBuckets> censored{};
    Micros oldest_us = 1;
    for (const Micros age_us : question.running) {
      ++censored[LogHistogram::bucket_of(age_us)];
      oldest_us = std::max(oldest_us, age_us);
    }
    std::uint64_t at_risk = finished_.count() + question.running.size();
    double left = 1;
    double weighted = 0;
    for (std::size_t bucket = 0; bucket < LogHistogram::kBuckets; ++bucket) {
      const std::uint32_t ended = finished_.at(bucket).count;
      if (ended != 0) {
        const double before = left;
        left *= 1 - static_cast<double>(ended) / static_cast<double>(at_risk);
        weighted += (before - left) * static_cast<double>(finished_.at(bucket).mean());
      }
      at_risk -= std::min<std::uint64_t>(at_risk, ended + censored[bucket]);
      after_[bucket] = left;
    }
    tail_from_us_ = std::max(oldest_us, finished_.largest());
    // What the curve does not reach is taken as a third longer, as in the tail below.
    mean_us_ = weighted + left * static_cast<double>(tail_from_us_) * 4 / 3;
  }

  double mean_us() const { return mean_us_; }

  // A duration that is longer than `age_us`.
  Micros draw(Micros age_us, Draws& draws) const {
    const std::size_t bucket = age_us <= 0 ? 0 : LogHistogram::bucket_of(age_us);
    const double given = age_us <= 0 || bucket == 0 ? 1 : after_[bucket - 1];
    const double level = given * draws.next();
    // The first bucket behind which no more than `level` is left.
    const auto found = std::lower_bound(after_.begin() + static_cast<std::ptrdiff_t>(bucket), after_.end(),
                                        level, std::greater<>());
    if (found == after_.end()) {
      // Longer than anything that ended: a tail as heavy as runtimes mostly have.
      const double share = after_.back() > 0 ? level / after_.back() : draws.next();
      const double from_us = static_cast<double>(std::max(tail_from_us_, age_us));
      return static_cast<Micros>(from_us * std::pow(std::max(1e-4, share), -0.25));
    }
    const LogHistogram::Bucket& of = finished_.at(static_cast<std::size_t>(found - after_.begin()));
    return std::max(of.mean(), age_us + age_us / 50);
  }

 private:
  const LogHistogram& finished_;
  std::array<double, LogHistogram::kBuckets> after_{};
  Micros tail_from_us_ = 0;
  double mean_us_ = 0;
};

struct Scaled {
  std::vector<Micros> running;
  std::uint64_t simulated = 0;  // of those not started, one by one
  std::uint64_t at_mean = 0;    // the others
};

Scaled scale(const TimeLeftQuestion& question) {
  const std::uint64_t places = question.running.size();
  const std::uint64_t step = (places + kPlacesMax - 1) / kPlacesMax;
  Scaled scaled;
  for (std::uint64_t i = 0; i < places; i += step) scaled.running.push_back(question.running[i]);
  const std::uint64_t left = question.not_started / step;
  scaled.simulated = std::min(left, std::max(kSimulatedLeast, kWavesSimulated * scaled.running.size()));
  scaled.at_mean = left - scaled.simulated;
  return scaled;
}

Micros simulate(const Scaled& scaled, const Survival& survival, Draws& draws) {
  std::priority_queue<Micros, std::vector<Micros>, std::greater<>> free_at;
  const auto mean_share_us = static_cast<Micros>(survival.mean_us() * static_cast<double>(scaled.at_mean) /
                                                 static_cast<double>(scaled.running.size()));
  Micros end_us = 0;
  for (const Micros age_us : scaled.running) {
    const Micros left_us = std::max<Micros>(0, survival.draw(age_us, draws) - age_us);
    free_at.push(left_us + mean_share_us);
    end_us = std::max(end_us, left_us + mean_share_us);
  }
  for (std::uint64_t i = 0; i < scaled.simulated; ++i) {
    const Micros done_us = free_at.top() + survival.draw(0, draws);
    free_at.pop();
    free_at.push(done_us);
    end_us = std::max(end_us, done_us);
  }
  return end_us;
}

}  // namespace

std::optional<TimeLeft> estimate_time_left(const TimeLeftQuestion& question) {
  const std::uint64_t places = question.running.size();
  const std::uint64_t ended = question.finished.count();
  if (places == 0 || ended < places || ended < 3 || ended * 20 < question.tasks) return std::nullopt;
  const Survival survival(question);
  const Scaled scaled = scale(question);
  Draws draws(ended * 1'000'003 + question.not_started * 31 + places);
  std::array<Micros, kDraws> ends{};
  for (Micros& end_us : ends) end_us = simulate(scaled, survival, draws);
  std::sort(ends.begin(), ends.end());
  TimeLeft left;
  left.low_us = ends[2];
  left.middle_us = ends[kDraws / 2];
  left.high_us = ends[kDraws - 3];
  left.places = places;
  // A second more, because an attempt that was held ahead counts from its grant.
  const Micros long_us = 2 * question.finished.quantile(0.99) + 1'000'000;
  left.stragglers = static_cast<std::uint64_t>(std::count_if(
      question.running.begin(), question.running.end(), [&](Micros age_us) { return age_us > long_us; }));
  return left;
}

}  // namespace muster
