// For tests and benchmarks: a keeper in a process of its own, and a blocking client that waits for what it says.
// Waiting is always for something: a report, an end of a process; a time-out only turns a hang into a failure.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "blobs/segments.h"
#include "blobs/test_folder.h"
#include "core/check.h"
#include "keeper/connect.h"
#include "keeper/keeper.h"
#include "keeper/process_facts.h"
#include "wire/keeper/keeper_codec.h"

namespace muster::keeper {

// Waits for the end of a process; false when it goes on.
inline bool wait_until_dead(pid_t process, int patience_ms = 20'000) {
  const blobs::File descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!descriptor) return true;
  pollfd wait{descriptor.get(), POLLIN, 0};
  return ::poll(&wait, 1, patience_ms) == 1;
}

// A child of the test that is a keeper. At the end of the test's scope it ends with all of its tasks.
class TestKeeper {
 public:
  explicit TestKeeper(KeeperOptions options) : folder_(options.folder) {
    int ready[2];
    MUSTER_CHECK(::pipe(ready) == 0, "a test can make a pipe");
    options.ready_fd = ready[1];
    process_ = ::fork();
    if (process_ == 0) ::_exit(run_keeper(options));
    ::close(ready[1]);
    char part[256];
    for (ssize_t got = ::read(ready[0], part, sizeof part); got > 0;
         got = ::read(ready[0], part, sizeof part)) {
      said_.append(part, static_cast<std::size_t>(got));
    }
    ::close(ready[0]);
  }
  TestKeeper(const TestKeeper&) = delete;
  TestKeeper& operator=(const TestKeeper&) = delete;
  ~TestKeeper() {
    if (process_ <= 0) return;
    // The first asks politely; the second may come while the first is not taken in yet, and counts for nothing then.
    for (int asked = 0; asked < 100; ++asked) {
      ::kill(process_, SIGTERM);
      if (wait_until_dead(process_, kPoliteness_ms)) break;
    }
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  const std::string& folder() const { return folder_; }
  const std::string& said() const { return said_; }
  pid_t process() const { return process_; }
  void signal(int number) const { ::kill(process_, number); }
  // Waits for its end; the wait status.
  int wait() {
    int status = -1;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return status;
  }

 private:
  static constexpr int kPoliteness_ms = 50;
  std::string folder_;
  std::string said_;
  pid_t process_ = -1;
};

class TestClient {
 public:
  static constexpr int kPatience_ms = 20'000;

  explicit TestClient(const std::string& folder, char greeting = wire::kKeeperProtocol) {
    auto connected = connect_keeper(folder);
    if (!connected) return;
    socket_ = std::move(*connected);
    ::fcntl(socket_.get(), F_SETFL, 0);
    push(std::string(1, greeting));
  }
  bool connected() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.get(); }
  void close() { socket_.close(); }

  void send(const KeeperRequest& request) {
    std::string bytes;
    wire::append_keeper_request(request, bytes);
    push(bytes);
  }
  void start(KeeperStart start) {
    KeeperRequest request;
    request.starts.push_back(std::move(start));
    send(request);
  }
  void stop(const AttemptRef& attempt, Micros grace_us) {
    KeeperRequest request;
    request.stops.push_back({attempt, grace_us});
    send(request);
  }

  // The next report; nothing when the keeper hung up, or said nothing for as long as the patience lasts.
  std::optional<KeeperReport> next(int patience_ms = kPatience_ms) {
    while (socket_) {
      auto message = reader_.next();
      MUSTER_CHECK(message.has_value(), "a keeper sends sound frames");
      if (*message) {
        auto report = wire::decode_keeper_report(**message);
        MUSTER_CHECK(report.has_value(), "a keeper sends sound reports");
        note(*report);
        return *report;
      }
      pollfd wait{socket_.get(), POLLIN, 0};
      if (::poll(&wait, 1, patience_ms) <= 0) return std::nullopt;
      char part[65536];
      const ssize_t got = ::read(socket_.get(), part, sizeof part);
      if (got <= 0) socket_.close();
      if (got > 0) reader_.append({part, static_cast<std::size_t>(got)});
    }
    return std::nullopt;
  }
  // Reads reports until this holds; false when none came any more.
  bool until(const std::function<bool()>& holds) {
    while (!holds()) {
      if (!next()) return false;
    }
    return true;
  }
  bool until_ended(std::size_t count) {
    return until([&] { return ends.size() >= count; });
  }
  bool until_started(const AttemptRef& attempt) {
    return until([&] { return started.contains(attempt); });
  }
  KeeperReport inventory() {
    KeeperRequest request;
    request.list = true;
    send(request);
    while (auto report = next()) {
      if (report->inventory) return *report;
    }
    return {};
  }
  bool hung_up() {
    while (next()) {
    }
    return !socket_;
  }

  std::map<AttemptRef, KeeperEnd> ends;  // everything told so far
  std::map<AttemptRef, KeeperStarted> started;
  std::size_t reports = 0;

 private:
  void push(const std::string& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = ::send(socket_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (put < 0) return;
      done += static_cast<std::size_t>(put);
    }
  }
  void note(const KeeperReport& report) {
    ++reports;
    for (const KeeperStarted& one : report.started) started.insert_or_assign(one.attempt, one);
    for (const KeeperEnd& one : report.ended) ends.insert_or_assign(one.attempt, one);
  }

  blobs::File socket_;
  wire::KeeperFrameReader reader_;
};

// A start with what an agent always gives.
inline KeeperStart start_of(std::uint64_t index, std::vector<std::string> arguments) {
  KeeperStart start;
  start.attempt = {7, index, 1, 1};
  start.arguments = std::move(arguments);
  start.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                       {"MUSTER_BATCH_ID", "7"},
                       {"MUSTER_TASK_ID", "7." + std::to_string(index)},
                       {"MUSTER_TASK_INDEX", std::to_string(index)},
                       {"MUSTER_ATTEMPT", "1"}};
  start.cwd = "/";
  start.grace_us = 1'000'000;
  start.log_max_bytes = 64ULL << 20;
  return start;
}

// What a stream of an attempt holds in the log of a keeper's folder, from its first byte; a gap is "<N bytes missing>".
struct LoggedStream {
  std::string text;
  std::uint64_t end = 0;
  std::uint64_t missing = 0;
};
inline std::map<std::pair<AttemptRef, blobs::Stream>, LoggedStream> read_log(const std::string& folder) {
  std::map<std::pair<AttemptRef, blobs::Stream>, LoggedStream> streams;
  const blobs::File logs(::open((folder + "/" + kLogsName).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  blobs::SegmentReader reader(logs.get(), {});
  while (true) {
    const auto records = reader.next();
    if (!records || records->empty()) return streams;
    for (const blobs::LogRecord& record : *records) {
      LoggedStream& stream = streams[{record.attempt, record.stream}];
      MUSTER_CHECK(record.offset >= stream.end, "offsets only grow in a keeper's log");
      if (record.offset > stream.end) {
        stream.missing += record.offset - stream.end;
        stream.text += "<" + std::to_string(record.offset - stream.end) + " bytes missing>";
      }
      stream.text += record.bytes;
      stream.end = record.offset + record.bytes.size();
    }
  }
}

// A program that writes its first argument and ends; starting it costs less than anything else does. Made by hand: an ELF header,
// one segment, and code that measures argv[1], writes it to stdout and exits with 0.
inline std::string make_tiny_echo(const std::string& path) {
  static constexpr unsigned char kBytes[] = {
      0x7f, 'E',  'L',  'F',  2,    1,    1,    0,    0,    0, 0, 0, 0, 0, 0, 0,
      2,    0,    0x3e, 0,    1,    0,    0,    0,  // 64 bit, executable, x86-64
      0x78, 0,    0x40, 0,    0,    0,    0,    0,    0x40, 0, 0, 0, 0, 0, 0, 0,
      0,    0,    0,    0,    0,    0,    0,    0,                                // entry, program headers
      0,    0,    0,    0,    0x40, 0,    0x38, 0,    1,    0, 0, 0, 0, 0, 0, 0,  // sizes
      1,    0,    0,    0,    5,    0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0,
      0,    0,    0x40, 0,    0,    0,    0,    0,  // load all of it, r-x
      0,    0,    0x40, 0,    0,    0,    0,    0,    0xa0, 0, 0, 0, 0, 0, 0, 0,
      0xa0, 0,    0,    0,    0,    0,    0,    0,            // at 0x400000
      0,    0x10, 0,    0,    0,    0,    0,    0,            //
      0x48, 0x8b, 0x74, 0x24, 0x10,                           // mov rsi, [rsp+16]
      0x48, 0x85, 0xf6, 0x74, 0x15,                           // test rsi, rsi; jz exit
      0x31, 0xd2,                                             // xor edx, edx
      0x80, 0x3c, 0x16, 0x00, 0x74, 0x04,                     // cmp [rsi+rdx], 0; je write
      0xff, 0xc2, 0xeb, 0xf6,                                 // inc edx; jmp back
      0xb8, 1,    0,    0,    0,    0x89, 0xc7, 0x0f, 0x05,   // write(1, rsi, rdx)
      0xb8, 0xe7, 0,    0,    0,    0x31, 0xff, 0x0f, 0x05};  // exit_group(0)
  const blobs::File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
  MUSTER_CHECK(::write(file.get(), kBytes, sizeof kBytes) == sizeof kBytes, "a test can make a program");
  return path;
}

// A keeper in a folder of its own with a client, and what most tests do with them.
class KeeperSetup {
 public:
  static KeeperOptions options_in(const std::string& folder) {
    KeeperOptions options;
    options.folder = folder;
    return options;
  }
  KeeperSetup() : keeper(options_in(folder.path())), client(folder.path()) {
    MUSTER_CHECK(keeper.said() == "ready\n" && client.connected(), "a test has a keeper");
  }

  // The end of one task.
  KeeperEnd run(KeeperStart start) {
    const AttemptRef attempt = start.attempt;
    client.start(std::move(start));
    const bool ended = client.until([&] { return client.ends.contains(attempt); });
    MUSTER_CHECK(ended, "a task of a test comes to its end");
    return client.ends[attempt];
  }
  KeeperEnd shell(std::uint64_t index, const std::string& text) {
    return run(start_of(index, {"sh", "-c", text}));
  }
  // The process of a task that goes on running.
  pid_t begin(KeeperStart start) {
    const AttemptRef attempt = start.attempt;
    client.start(std::move(start));
    const bool started = client.until_started(attempt);
    MUSTER_CHECK(started, "a task of a test starts");
    return static_cast<pid_t>(client.started[attempt].process_id);
  }
  pid_t begin_shell(std::uint64_t index, const std::string& text) {
    return begin(start_of(index, {"sh", "-c", text}));
  }
  std::string logged(std::uint64_t index, blobs::Stream stream) const {
    return read_log(folder.path())[{AttemptRef{7, index, 1, 1}, stream}].text;
  }
  // A pipe with a name in the folder: reading waits until a task has written and closed it.
  std::string make_fifo(const std::string& name) const {
    const std::string path = folder.file(name);
    MUSTER_CHECK(::mkfifo(path.c_str(), 0600) == 0, "a test can make a fifo");
    return path;
  }
  static std::string read_fifo(const std::string& path) {
    std::ifstream fifo(path);
    return {std::istreambuf_iterator<char>(fifo), {}};
  }
  static void write_fifo(const std::string& path) { std::ofstream(path) << "go\n"; }

  blobs::TestFolder folder;
  TestKeeper keeper;
  TestClient client;
};

}  // namespace muster::keeper
