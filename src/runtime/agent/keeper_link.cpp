// Reading and writing the socket directly, waiting through the loop only when there is nothing to read or no room to write.
// A failure to write is noticed by reading: the end of a connection is told in one place.
#include "runtime/agent/keeper_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "wire/keeper/keeper_codec.h"

namespace muster::runtime {

namespace asio = boost::asio;
using Failure = boost::system::error_code;

namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr Micros kPauseMax_us = 20'000;
constexpr Micros kPausePerNews_us = 1'000;

template <class T>
void append_all(std::vector<T>& into, std::vector<T>&& later) {
  if (into.empty()) {
    into = std::move(later);
  } else {
    into.insert(into.end(), std::make_move_iterator(later.begin()), std::make_move_iterator(later.end()));
  }
}

}  // namespace

Micros report_pause_us(std::size_t news) {
  return std::min(kPauseMax_us, static_cast<Micros>(news) * kPausePerNews_us);
}

void merge_reports(KeeperReport& into, KeeperReport&& later) {
  append_all(into.started, std::move(later.started));
  append_all(into.ended, std::move(later.ended));
  if (std::pair(later.log_segment, later.log_offset) > std::pair(into.log_segment, into.log_offset)) {
    into.log_segment = later.log_segment;
    into.log_offset = later.log_offset;
  }
}

struct KeeperLink::State : std::enable_shared_from_this<KeeperLink::State> {
  State(asio::io_context& loop, agent::KeeperId the_keeper, blobs::File the_socket, KeeperLinkUser& the_user)
      : keeper(the_keeper), user(&the_user), socket(std::move(the_socket)), watch(loop), timer(loop) {
    fcntl(socket.get(), F_SETFL, fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    out.push_back(wire::kKeeperProtocol);
  }

  agent::KeeperId keeper;
  KeeperLinkUser* user;  // null once nobody is to be told any more
  blobs::File socket;
  // The loop watches the socket only while something is waited for: else every report would wake it during a pause.
  asio::posix::stream_descriptor watch;
  asio::steady_timer timer;
  wire::KeeperFrameReader frames;
  std::string out;
  std::size_t out_begin = 0;
  bool write_waits = false;
  std::string buffer = std::string(kReadBytes, '\0');

  void watch_socket() {
    if (!watch.is_open()) watch.assign(socket.get());
  }

  void unwatch_socket() {
    if (watch.is_open() && !write_waits) watch.release();
  }

  void wait_to_read() {
    watch_socket();
    watch.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](Failure failed) {
      if (!failed && self->user != nullptr) self->read_group();
    });
  }

  // Everything that is there, up to the size of the buffer.
  void read_group() {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return wait_to_read();
    if (got < 0) return hang_up(std::strerror(errno));
    if (got == 0) return hang_up("it closed the connection");
    frames.append({buffer.data(), static_cast<std::size_t>(got)});
    const auto self = shared_from_this();
    std::size_t news = 0;
    if (!take_frames(news) || user == nullptr) return;
    const Micros pause_us = user->has_plenty() ? report_pause_us(news) : 0;
    if (pause_us == 0) return wait_to_read();
    unwatch_socket();
    timer.expires_after(std::chrono::microseconds(pause_us));
    timer.async_wait([self](Failure failed) {
      if (!failed && self->user != nullptr) self->read_group();
    });
  }

  // False when the connection was given up. `news`: starts and ends that were taken.
  bool take_frames(std::size_t& news) {
    KeeperReport group;
    bool any = false;
    const auto give = [&] {
      if (any && user != nullptr) user->keeper_said(keeper, std::exchange(group, {}));
      any = false;
    };
    while (user != nullptr) {
      const auto message = frames.next();
      if (!message) return hang_up(message.error().what), false;
      if (!*message) break;
      auto report = wire::decode_keeper_report(**message);
      if (!report) return hang_up(report.error().what), false;
      news += report->started.size() + report->ended.size();
      if (report->inventory) {
        give();
        if (user != nullptr) user->keeper_inventory(keeper, std::move(*report));
      } else if (any) {
        merge_reports(group, std::move(*report));
      } else {
        group = std::move(*report);
        any = true;
      }
    }
    give();
    return true;
  }

  void write_out() {
    while (out_begin < out.size()) {
      const ssize_t sent =
          ::send(socket.get(), out.data() + out_begin, out.size() - out_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return wait_to_write();
      if (sent < 0) return;  // the reading side tells
      out_begin += static_cast<std::size_t>(sent);
    }
    out.clear();
    out_begin = 0;
  }

  void wait_to_write() {
    out.erase(0, std::exchange(out_begin, 0));
    write_waits = true;
    watch_socket();
    watch.async_wait(asio::posix::stream_descriptor::wait_write, [self = shared_from_this()](Failure failed) {
      self->write_waits = false;
      if (!failed && self->user != nullptr) self->write_out();
    });
  }

  void hang_up(const std::string& why) {
    if (user == nullptr) return;
    KeeperLinkUser* const told = std::exchange(user, nullptr);
    close();
    told->keeper_hung_up(keeper, why);
  }

  void close() {
    user = nullptr;
    timer.cancel();
    if (watch.is_open()) watch.release();
    socket.close();
  }
};

KeeperLink::KeeperLink(asio::io_context& loop, agent::KeeperId keeper, blobs::File socket,
                       KeeperLinkUser& user)
    : state_(std::make_shared<State>(loop, keeper, std::move(socket), user)) {}

KeeperLink::~KeeperLink() { state_->close(); }

void KeeperLink::start() {
  state_->write_out();
  state_->wait_to_read();
}

void KeeperLink::send(const KeeperRequest& request) {
  if (state_->user == nullptr) return;
  wire::append_keeper_request(request, state_->out);
  if (!state_->write_waits) state_->write_out();
}

}  // namespace muster::runtime
