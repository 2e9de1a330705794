// Memory keeps its content when it is reopened; SQLite closes its file and opens it again.
// Must hold: nothing is left behind in the folder of temporary files.
#include "store_fixtures.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace muster::store {

TemporaryFolder::TemporaryFolder() {
  path_ = (std::filesystem::temp_directory_path() / "muster-store-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

class MemorySubject final : public StoreSubject {
 public:
  Store& store() override { return store_; }
  History& history() override { return store_; }
  TokenStore& tokens() override { return store_; }
  void reopen() override {}

 private:
  MemoryStore store_;
};

class SqliteSubject final : public StoreSubject {
 public:
  SqliteSubject() { open(); }
  Store& store() override { return *store_; }
  History& history() override { return *store_; }
  TokenStore& tokens() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    SqliteOptions options;
    options.reserve = {.ballast_bytes = 1 << 20, .low_bytes = 1 << 20};
    auto opened = open_sqlite_store(lock_, options);
    if (!opened) throw std::runtime_error(opened.error().what);
    store_ = std::move(*opened);
  }

  TemporaryFolder folder_;
  FolderLock lock_ = FolderLock::take(folder_.path()).value();
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace

std::unique_ptr<StoreSubject> make_subject(StoreKind kind) {
  if (kind == StoreKind::memory) return std::make_unique<MemorySubject>();
  return std::make_unique<SqliteSubject>();
}

}  // namespace muster::store
