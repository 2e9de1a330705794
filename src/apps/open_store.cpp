// The file is opened here; the shared database by the one function that muster-server hands in.
// Must hold: without muster-server beside it, `muster` says so and changes nothing.
#include "apps/open_store.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "core/escape.h"
#include "store/sqlite/sqlite_store.h"

namespace muster::apps {

namespace {

std::optional<PostgresPart>& postgres_part() {
  static std::optional<PostgresPart> part;
  return part;
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

void set_postgres(PostgresPart part) { postgres_part() = std::move(part); }

const PostgresPart* postgres() { return postgres_part() ? &*postgres_part() : nullptr; }

bool is_postgres_url(const std::string& url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

Result<std::unique_ptr<OpenStore>> open_store(const std::string& url, const runtime::DataFolder& folder,
                                              const store::FolderLock& lock) {
  if (!url.empty()) return postgres()->open(url, folder);
  Result<std::unique_ptr<store::SqliteStore>> file = store::open_sqlite_store(lock);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<FileStore>(std::move(*file));
}

Result<std::string> find_store(const std::string& option, const runtime::DataFolder& folder) {
  std::string url = option;
  if (url.empty()) url = runtime::read_line_file(folder.store_url()).value_or("");
  if (url == "sqlite") url.clear();
  if (!url.empty() && !is_postgres_url(url)) {
    return refuse(ErrorKind::usage, kMalformedValue, "'" + escape_text(url) + "' is not a store",
                  "give --store postgres://USER@HOST/DATABASE, or --store sqlite");
  }
  if (!url.empty() && postgres() == nullptr) return std::unexpected(continue_as_muster_server());
  return url;
}

Result<void> remember_store(const std::string& url, const runtime::DataFolder& folder) {
  if (Result<void> made = runtime::make_data_folder(folder); !made) return made;
  if (!url.empty()) return runtime::write_file_atomically(folder.store_url(), url + "\n", 0600);
  unlink(folder.store_url().c_str());
  return {};
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
