// The logs of all batches: which of them are open, and one caller at a time.
// Compressing goes on outside the lock, because a closed segment does not change any more.
#include "blobs/log_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <map>
#include <mutex>

#include "blobs/batch_logs.h"

namespace muster::blobs {
namespace {

// For what has no bytes: nothing is dropped because of it.
constexpr std::uint64_t kNoLimit = UINT64_MAX;

}  // namespace

struct LogStore::State {
  File folder;
  LogStoreOptions options;
  std::mutex mutex;
  std::list<BatchId> order;  // most recently used first
  struct Open {
    std::unique_ptr<BatchLogs> logs;
    std::list<BatchId>::iterator place;
  };
  std::map<BatchId, Open> open;

  enum class Absent : std::uint8_t { makes_one, gives_none };
  Result<BatchLogs*> batch(BatchId id, Absent absent);
  void close(BatchId id);
  Result<void> append_run(std::span<const LogAppend> run);
};

void LogStore::State::close(BatchId id) {
  const auto found = open.find(id);
  if (found == open.end()) return;
  order.erase(found->second.place);
  open.erase(found);
}

// A null pointer when the batch has no folder and none is wanted.
Result<BatchLogs*> LogStore::State::batch(BatchId id, Absent absent) {
  const auto found = open.find(id);
  if (found != open.end()) {
    order.splice(order.begin(), order, found->second.place);
    return found->second.logs.get();
  }
  const std::string name = std::to_string(id);
  Result<File> own = absent == Absent::makes_one
                         ? open_folder_at(folder.get(), name)
                         : open_at(folder.get(), name, O_RDONLY | O_DIRECTORY, 0, Missing::gives_none);
  if (!own) return std::unexpected(std::move(own.error()));
  if (!*own) return nullptr;
  Result<std::unique_ptr<BatchLogs>> logs = BatchLogs::open(std::move(*own), id, options);
  if (!logs) return std::unexpected(std::move(logs.error()));
  order.push_front(id);
  BatchLogs* opened = logs->get();
  open.emplace(id, Open{std::move(*logs), order.begin()});
  if (open.size() > std::max<std::size_t>(options.open_batches_max, 1)) close(order.back());
  return opened;
}

Result<void> LogStore::State::append_run(std::span<const LogAppend> run) {
  Result<BatchLogs*> logs = batch(run.front().record.attempt.batch, Absent::makes_one);
  if (!logs) return std::unexpected(std::move(logs.error()));
  return (*logs)->append(run);
}

LogStore::LogStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogStore::LogStore(LogStore&&) noexcept = default;
LogStore& LogStore::operator=(LogStore&&) noexcept = default;
LogStore::~LogStore() = default;

Result<LogStore> LogStore::open(const std::string& folder, LogStoreOptions options) {
  auto state = std::make_unique<State>();
  Result<File> file = open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY);
  if (!file) return std::unexpected(std::move(file.error()));
  state->folder = std::move(*file);
  state->options = options;
  return LogStore(std::move(state));
}

Result<void> LogStore::append(std::span<const LogAppend> records) {
  const std::scoped_lock lock(state_->mutex);
  while (!records.empty()) {
    const BatchId id = records.front().record.attempt.batch;
    const auto end = std::find_if(records.begin(), records.end(),
                                  [id](const LogAppend& one) { return one.record.attempt.batch != id; });
    const auto count = static_cast<std::size_t>(end - records.begin());
    if (auto done = state_->append_run(records.first(count)); !done) return done;
    records = records.subspan(count);
  }
  return {};
}

Result<void> LogStore::finish(const AttemptRef& attempt, std::uint64_t out_bytes, std::uint64_t err_bytes) {
  Result<LogSize> now = size(attempt);
  if (!now) return std::unexpected(std::move(now.error()));
  std::vector<LogAppend> ends;
  if (now->out_bytes < out_bytes) ends.push_back({{attempt, Stream::out, out_bytes, {}}, kNoLimit});
  if (now->err_bytes < err_bytes) ends.push_back({{attempt, Stream::err, err_bytes, {}}, kNoLimit});
  return append(ends);
}

Result<LogSize> LogStore::size(const AttemptRef& attempt) {
  const std::scoped_lock lock(state_->mutex);
  Result<BatchLogs*> logs = state_->batch(attempt.batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  return *logs == nullptr ? Result<LogSize>(LogSize{attempt, 0, 0, 0}) : (*logs)->size(attempt);
}

Result<LogChunk> LogStore::read(const AttemptRef& attempt, LogView view, std::uint64_t from,
                                std::size_t bytes_max) {
  const std::scoped_lock lock(state_->mutex);
  Result<BatchLogs*> logs = state_->batch(attempt.batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  if (*logs == nullptr) return LogChunk{{}, from, true};
  return (*logs)->read(attempt, view, from, bytes_max);
}

Result<std::uint64_t> LogStore::tail_position(const AttemptRef& attempt, LogView view, std::uint64_t bytes) {
  const std::scoped_lock lock(state_->mutex);
  Result<BatchLogs*> logs = state_->batch(attempt.batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  return *logs == nullptr ? Result<std::uint64_t>(0) : (*logs)->tail_position(attempt, view, bytes);
}

Result<std::vector<LogSize>> LogStore::list(BatchId batch, const AttemptRef& after, std::size_t count_max) {
  const std::scoped_lock lock(state_->mutex);
  Result<BatchLogs*> logs = state_->batch(batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  if (*logs == nullptr) return std::vector<LogSize>();
  AttemptRef from = after;
  from.batch = batch;
  return (*logs)->list(from, count_max);
}

Result<bool> LogStore::seal(BatchId batch) {
  std::unique_lock lock(state_->mutex);
  Result<BatchLogs*> logs = state_->batch(batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  if (*logs == nullptr) return true;
  Result<bool> merged = (*logs)->merge_tail();
  if (!merged || !*merged) return merged;
  const std::uint64_t segment = (*logs)->unsealed();
  if (segment == 0) return true;
  Result<File> folder = open_at((*logs)->folder(), ".", O_RDONLY | O_DIRECTORY);
  if (!folder) return std::unexpected(std::move(folder.error()));
  lock.unlock();

  const std::string beside = segment_name(segment) + ".zst.tmp";
  Result<File> from = open_at(folder->get(), segment_name(segment), O_RDONLY, 0, Missing::gives_none);
  if (!from) return std::unexpected(std::move(from.error()));
  if (!*from) return false;
  if (auto written = write_sealed(folder->get(), beside, from->get()); !written) {
    ::unlinkat(folder->get(), beside.c_str(), 0);
    return std::unexpected(std::move(written.error()));
  }

  lock.lock();
  logs = state_->batch(batch, State::Absent::gives_none);
  if (!logs) return std::unexpected(std::move(logs.error()));
  if (*logs == nullptr) return true;
  Result<bool> published = (*logs)->publish_sealed(segment, beside);
  if (!published) return std::unexpected(std::move(published.error()));
  return false;
}

Result<void> LogStore::remove(BatchId batch) {
  const std::scoped_lock lock(state_->mutex);
  state_->close(batch);
  const std::string name = std::to_string(batch);
  Result<File> folder = open_at(state_->folder.get(), name, O_RDONLY | O_DIRECTORY, 0, Missing::gives_none);
  if (!folder) return std::unexpected(std::move(folder.error()));
  if (!*folder) return {};
  Result<std::vector<std::string>> names = list_folder(folder->get());
  if (!names) return std::unexpected(std::move(names.error()));
  for (const std::string& one : *names) {
    if (::unlinkat(folder->get(), one.c_str(), 0) < 0 && errno != ENOENT)
      return file_error(errno, "remove " + one);
  }
  if (::unlinkat(state_->folder.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
    return file_error(errno, "remove the logs of batch " + name);
  }
  return {};
}

}  // namespace muster::blobs
