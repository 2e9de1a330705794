// SIGINT through a pipe.
// The handler does what a handler may: it writes one byte, and SA_RESETHAND gives the next signal its default meaning.
#include "cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace muster::cli {

namespace {

volatile int write_end = -1;
struct sigaction former_action{};

void on_signal(int) {
  const int saved = errno;
  const char byte = 1;
  if (write(write_end, &byte, 1) < 0) {
    // The pipe is full: the interrupt is known already.
  }
  errno = saved;
}

}  // namespace

Interrupt::Interrupt() {
  if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) return;
  write_end = ends_[1];
  struct sigaction action{};
  action.sa_handler = &on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &former_action);
}

Interrupt::~Interrupt() {
  if (ends_[0] < 0) return;
  sigaction(SIGINT, &former_action, nullptr);
  write_end = -1;
  close(ends_[0]);
  close(ends_[1]);
}

bool Interrupt::requested() const {
  pollfd watched{ends_[0], POLLIN, 0};
  return poll(&watched, 1, 0) > 0;
}

}  // namespace muster::cli
