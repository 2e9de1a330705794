// Looks through a whole database for damage on a connection of its own, beside the work.
// Must hold: reads only, never checkpoints, and holds no table longer than it takes to read it, so the log can start over.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace muster::store::sqlite {

enum class Integrity : std::uint8_t {
  not_needed,  // the last end was an orderly one
  checking,
  sound,
  damaged,
};

struct IntegrityReport {
  Integrity state = Integrity::not_needed;
  std::string what;  // of damaged
};

class IntegrityCheck {
 public:
  IntegrityCheck() = default;
  ~IntegrityCheck() { stop(); }
  IntegrityCheck(const IntegrityCheck&) = delete;
  IntegrityCheck& operator=(const IntegrityCheck&) = delete;

  // Begins to read the file in a thread of low priority.
  void start(const std::string& path);
  // Any thread.
  IntegrityReport report() const;
  // Ends the reading; a check that was cut off leaves `not_needed`.
  void stop();

 private:
  void run(const std::string& path, const std::stop_token& stop);
  void set(Integrity state, const std::string& what);

  mutable std::mutex mutex_;
  IntegrityReport report_;
  std::jthread thread_;
};

}  // namespace muster::store::sqlite
