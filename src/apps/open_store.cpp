// The file is opened here; the shared database by the one function that muster-server hands in.
// Must hold: without muster-server beside it, `muster` says so and changes nothing.
#include "apps/open_store.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "core/escape.h"
#include "store/sqlite/sqlite_store.h"

namespace muster::apps {

namespace {

StoreOpener& postgres_opener() {
  static StoreOpener opener;
  return opener;
}

class FileStore final : public OpenStore, public runtime::DiskSpaceSource {
 public:
  explicit FileStore(std::unique_ptr<store::SqliteStore> store) : store_(std::move(store)) {}
  Store& store() override { return *store_; }
  History& history() override { return *store_; }
  AccessStore& access() override { return *store_; }
  runtime::DiskSpaceSource& disk() override { return *this; }
  SpaceState space() override { return store_->space(); }
  std::string name() const override { return "sqlite"; }

 private:
  std::unique_ptr<store::SqliteStore> store_;
};

// The words of this process, as the kernel has them.
std::vector<std::string> own_words() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

}  // namespace

void set_postgres_opener(StoreOpener opener) { postgres_opener() = std::move(opener); }

bool has_postgres() { return static_cast<bool>(postgres_opener()); }

bool is_postgres_url(const std::string& url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

Result<std::unique_ptr<OpenStore>> open_store(const std::string& url, const runtime::DataFolder& folder,
                                              const store::FolderLock& lock) {
  if (!url.empty()) return postgres_opener()(url, folder);
  Result<std::unique_ptr<store::SqliteStore>> file = store::open_sqlite_store(lock);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<FileStore>(std::move(*file));
}

Error continue_as_muster_server() {
  std::error_code failed;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string other = (own.parent_path() / "muster-server").string();
  std::vector<std::string> words = own_words();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(other.c_str(), argv.data());
  return {ErrorKind::usage, kNoDatabase,
          "PostgreSQL needs the program muster-server beside this one, and " + escape_text(other) +
              (access(other.c_str(), F_OK) == 0 ? " cannot be started" : " is not there"),
          "build it with ./dev build, or copy it there; it needs the package libpq5"};
}

}  // namespace muster::apps
