// Ctrl-C as a readable descriptor while a command waits, so that it can detach and say how to come back.
// The second Ctrl-C ends the process at once.
#pragma once

namespace muster::cli {

// One at a time; the signal has its former meaning again when this is gone.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int descriptor() const { return ends_[0]; }
  bool requested() const;

 private:
  int ends_[2] = {-1, -1};
};

inline constexpr int kInterruptedExit = 130;

}  // namespace muster::cli
