// What a person sends along with a question: a .tgz of texts, out of which everything that opens something was taken.
// Must hold: no token, password or command of a user gets in; a text passes through without_secrets() or is not added.
#pragma once

#include <string>
#include <string_view>

#include "client/json.h"
#include "core/error.h"

namespace muster::apps {

// Tokens and keys (mst_…), passwords of addresses, what follows Bearer and password= become "[hidden]".
std::string without_secrets(std::string_view text);

// The document without members that hold what people typed (commands, environments, notes), then without_secrets().
std::string document_for_bundle(const client::Json& document);

class Bundle {
 public:
  // `name` is a plain file name; the bytes go through without_secrets().
  void add(std::string_view name, std::string_view text);
  // The last `bytes_max` bytes of a file, from a whole line on; a missing file is left out.
  void add_tail_of(std::string_view name, const std::string& path, std::size_t bytes_max);
  // Writes the archive, 0600; an existing file is never replaced.
  Result<void> write(const std::string& path) const;

 private:
  std::string tar_;
};

}  // namespace muster::apps
