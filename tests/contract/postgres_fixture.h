// A PostgreSQL of the tests' own: made in a temporary folder on first use, on a Unix socket, never a service of the system.
// Must hold: it ends with the tests; as root it runs as the user `postgres`, which is the only one it lets in then.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace muster::store {

class TemporaryFolder;

class PrivatePostgres {
 public:
  static PrivatePostgres& instance();

  // Empty when it runs.
  const std::string& why_missing() const { return why_missing_; }
  std::string url() const;
  // A schema nobody has used.
  std::string fresh_name() { return "s" + std::to_string(++names_); }
  void drop(const std::string& schema);
  // One statement, one value.
  std::string ask(const std::string& sql);
  // Ends it without an orderly end, and starts it again.
  void crash();
  void restart();

 private:
  PrivatePostgres();
  ~PrivatePostgres();
  bool start();
  bool run(const std::vector<std::string>& arguments) const;

  std::string why_missing_;
  std::string programs_;
  std::unique_ptr<TemporaryFolder> folder_;
  int names_ = 0;
};

}  // namespace muster::store
