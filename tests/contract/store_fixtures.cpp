// Memory keeps its content when it is reopened; SQLite closes its file and opens it again, PostgreSQL its connections.
// Must hold: nothing is left behind in the folder of temporary files.
#include "store_fixtures.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#ifdef MUSTER_HAS_POSTGRES
#include "postgres_fixture.h"
#include "store/postgres/postgres_store.h"
#endif

namespace muster::store {

namespace {

// Thousands of commits are made here; where they go is not what is tested, so memory will do.
std::filesystem::path base_folder() {
  const std::filesystem::path memory = "/dev/shm";
  return access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  path_ = (base_folder() / "muster-store-XXXXXX").string();
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
  AccessStore& access() override { return store_; }
  void reopen() override {}

 private:
  MemoryStore store_;
};

class SqliteSubject final : public StoreSubject {
 public:
  SqliteSubject() { open(); }
  Store& store() override { return *store_; }
  History& history() override { return *store_; }
  AccessStore& access() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    SqliteOptions options;
    options.reserve = {.ballast_bytes = 1 << 20, .low_bytes = 1 << 20};
    // Few, so that tests with few batches have old ones too.
    options.young_batches = 2;
    auto opened = open_sqlite_store(lock_, options);
    if (!opened) throw std::runtime_error(opened.error().what);
    store_ = std::move(*opened);
  }

  TemporaryFolder folder_;
  FolderLock lock_ = FolderLock::take(folder_.path()).value();
  std::unique_ptr<SqliteStore> store_;
};

#ifdef MUSTER_HAS_POSTGRES
class PostgresSubject final : public StoreSubject {
 public:
  PostgresSubject() { open(); }
  ~PostgresSubject() override {
    store_.reset();
    PrivatePostgres::instance().drop(schema_);
  }
  Store& store() override { return *store_; }
  History& history() override { return *store_; }
  AccessStore& access() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    PostgresOptions options;
    options.schema = schema_;
    options.young_batches = 2;
    auto opened = open_postgres_store(PrivatePostgres::instance().url(), options);
    if (!opened) throw std::runtime_error(opened.error().what);
    store_ = std::move(*opened);
  }

  std::string schema_ = PrivatePostgres::instance().fresh_name();
  std::unique_ptr<PostgresStore> store_;
};
#endif

}  // namespace

std::string why_missing(StoreKind kind) {
  if (kind != StoreKind::postgres) return {};
#ifdef MUSTER_HAS_POSTGRES
  return PrivatePostgres::instance().why_missing();
#else
  return "built without libpq";
#endif
}

std::unique_ptr<StoreSubject> make_subject(StoreKind kind) {
#ifdef MUSTER_HAS_POSTGRES
  if (kind == StoreKind::postgres) return std::make_unique<PostgresSubject>();
#endif
  if (kind == StoreKind::memory) return std::make_unique<MemorySubject>();
  return std::make_unique<SqliteSubject>();
}

}  // namespace muster::store
