// The program that this server hands out: whole in memory while somebody takes it, and known by its hash.
// Must hold: what facts() says and what bytes() gives are of the same file, or bytes() is refused by whoever checks it.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wire/agent/agent_codec.h"

namespace muster::runtime {

// 32 bytes.
std::string sha256_of(std::string_view bytes);
std::string hex_of(std::string_view bytes);

class OwnProgram {
 public:
  // `path` is read when the program is first asked for, and again when it has changed.
  OwnProgram(std::string path, std::string version);

  // Null when it cannot be read.
  std::shared_ptr<const std::string> bytes();
  // Nothing when it cannot be read.
  std::optional<wire::Program> facts();

 private:
  bool is_as_before(const struct stat& now) const;

  std::string path_;
  wire::Program facts_;
  struct stat seen_{};
  std::weak_ptr<const std::string> read_;  // read again when nobody is being sent it
};

}  // namespace muster::runtime
