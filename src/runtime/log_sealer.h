// Compresses what ended batches wrote, a step at a time, beside the loop.
// A batch that is written to again is compressed again later; nothing depends on when.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "blobs/log_store.h"
#include "core/ids.h"

namespace muster::runtime {

class LogSealer {
 public:
  // `logs` outlives this.
  explicit LogSealer(blobs::LogStore& logs);
  // The step under way is finished.
  ~LogSealer();

  // Some time after the batch was last named here it is sealed.
  void add(BatchId batch, Micros mono_us);

 private:
  void run(const std::stop_token& stop);
  blobs::LogStore& logs_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<BatchId, Micros> due_;
  std::jthread thread_;
};

}  // namespace muster::runtime
