// A backup is a database file, whatever the store: what `muster.db` would be. Restoring and migrating copy such a file.
// Must hold: a running server is only read; nothing that exists is overwritten; what was copied is counted.
#include "apps/backup_command.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "apps/open_store.h"
#include "cli/session.h"
#include "core/escape.h"
#include "runtime/data_folder.h"

namespace muster::apps {

namespace {

using store::Incarnations;
using store::RowCounts;

std::string summary(const RowCounts& counts) {
  const auto of = [&](const char* table) {
    const auto found = counts.find(table);
    return std::to_string(found == counts.end() ? 0 : found->second);
  };
  std::uint64_t all = 0;
  for (const auto& [table, rows] : counts) all += rows;
  return of("batches") + " batches, " + of("tasks") + " task rows, " + of("workers") + " workers, " +
         of("events") + " events; " + std::to_string(all) + " rows in all";
}

// A folder that nobody else uses, and stays ours while the lock is held.
Result<store::FolderLock> lock_unused(const runtime::DataFolder& folder) {
  if (Result<void> made = runtime::make_data_folder(folder); !made) return std::unexpected(made.error());
  Result<store::FolderLock> lock = store::FolderLock::take(folder.path);
  if (!lock) lock.error().next = "stop its server first: muster down --data " + folder.path;
  return lock;
}

// ---- backup

class Backup final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.positional("FILE", words_, 1, 1, "The file to make");
    options.text("--data", "DIR", data_, "The data folder of the server");
    options.text("--store", "URL", store_, "The database, when it is not the one of the folder");
  }

  Result<int> run(cli::Session& session) override {
    const Result<runtime::DataFolder> folder = runtime::find_data_folder(data_);
    if (!folder) return std::unexpected(folder.error());
    const Result<std::string> url = find_store(store_, *folder);
    if (!url) return std::unexpected(url.error());
    if (url->empty() && access(folder->database().c_str(), F_OK) != 0) {
      return refuse(ErrorKind::not_found, kNoSuchThing,
                    "there is no database in " + escape_text(folder->path),
                    "name the server's folder: --data DIR");
    }
    const Result<RowCounts> counts =
        url->empty() ? store::copy_database(folder->database(), words_[0], Incarnations::kept)
                     : postgres()->save(*url, words_[0], Incarnations::kept);
    if (!counts) return std::unexpected(counts.error());
    session.out().line("backup of " +
                       escape_text(url->empty() ? folder->database() : "the PostgreSQL database") + " in " +
                       escape_text(words_[0]) + ": " + summary(*counts));
    session.out().flush();
    session.note(
        "not in it: what tasks wrote (" + folder->logs() +
        "), and key files of the folder (secrets.key opens the secrets that are in it): keep those apart");
    return 0;
  }

 private:
  std::vector<std::string> words_;
  std::string data_;
  std::string store_;
};

// ---- restore

class Restore final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.positional("FILE", words_, 1, 1, "A file that muster backup made");
    options.text("--data", "DIR", data_, "A data folder without a database; made if missing");
    options.text("--store", "URL", store_,
                 "An empty PostgreSQL database to restore into, which the folder then uses");
  }

  Result<int> run(cli::Session& session) override {
    const Result<runtime::DataFolder> folder = runtime::find_data_folder(data_);
    if (!folder) return std::unexpected(folder.error());
    const Result<std::string> url = find_store(store_.empty() ? "sqlite" : store_, *folder);
    if (!url) return std::unexpected(url.error());
    const Result<store::FolderLock> lock = lock_unused(*folder);
    if (!lock) return std::unexpected(lock.error());
    const Result<RowCounts> counts =
        url->empty() ? store::copy_database(words_[0], folder->database(), Incarnations::jumped)
                     : postgres()->fill(words_[0], *url, Incarnations::jumped);
    if (!counts) return std::unexpected(counts.error());
    if (Result<void> kept = remember_store(*url, *folder); !kept) return std::unexpected(kept.error());
    session.out().line("restored " + escape_text(words_[0]) + ": " + summary(*counts));
    session.out().flush();
    session.note("start it with: muster up --data " + folder->path);
    return 0;
  }

 private:
  std::vector<std::string> words_;
  std::string data_;
  std::string store_;
};

// ---- migrate

class Migrate final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--data", "DIR", data_, "The data folder, whose server is stopped");
    options.text("--to", "URL", to_, "postgres://…, an empty database; or sqlite, the folder's own file");
  }

  Result<int> run(cli::Session& session) override {
    if (to_.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "--to is missing",
                    "muster migrate --to postgres://USER@HOST/DATABASE, or --to sqlite");
    }
    const Result<runtime::DataFolder> folder = runtime::find_data_folder(data_);
    if (!folder) return std::unexpected(folder.error());
    const Result<std::string> from = find_store("", *folder);
    if (!from) return std::unexpected(from.error());
    const Result<std::string> to = find_store(to_, *folder);
    if (!to) return std::unexpected(to.error());
    if (from->empty() == to->empty()) {
      return refuse(
          ErrorKind::wrong_state, kWrongState,
          std::string("the folder uses ") + (from->empty() ? "its own file" : "PostgreSQL") + " already",
          "to move from one PostgreSQL to another: muster backup, then muster restore");
    }
    const Result<store::FolderLock> lock = lock_unused(*folder);
    if (!lock) return std::unexpected(lock.error());
    const Result<RowCounts> counts = to->empty()
                                         ? postgres()->save(*from, folder->database(), Incarnations::kept)
                                         : postgres()->fill(folder->database(), *to, Incarnations::kept);
    if (!counts) return std::unexpected(counts.error());
    if (Result<void> kept = remember_store(*to, *folder); !kept) return std::unexpected(kept.error());
    std::string left = "the PostgreSQL database is left as it is";
    if (from->empty()) {
      const std::string old = folder->database() + ".migrated";
      if (rename(folder->database().c_str(), old.c_str()) == 0) left = "the file it came from is now " + old;
    }
    session.out().line("migrated to " + std::string(to->empty() ? "the file of the folder" : "PostgreSQL") +
                       ": " + summary(*counts));
    session.out().flush();
    session.note(left + "; start the server with: muster up --data " + folder->path);
    return 0;
  }

 private:
  std::string data_;
  std::string to_;
};

template <class Body>
std::unique_ptr<cli::CommandBody> make() {
  return std::make_unique<Body>();
}

constexpr std::array kCommands{
    cli::Command{"backup", cli::CommandSection::start, cli::CommonOptions::none, "FILE [options]",
                 "copy the database of a server, running or not, into a file",
                 "muster backup /backup/muster-monday.db\n"
                 "muster backup monday.db --data /srv/muster   # another server's folder\n",
                 make<Backup>},
    cli::Command{"restore", cli::CommandSection::start, cli::CommonOptions::none, "FILE [options]",
                 "make a data folder, or a PostgreSQL database, from a backup",
                 "muster restore monday.db --data /srv/new\n"
                 "muster restore monday.db --data /srv/new --store postgres://muster@db/muster\n",
                 make<Restore>},
    cli::Command{"migrate", cli::CommandSection::start, cli::CommonOptions::none, "--to URL [options]",
                 "move a stopped server from its file to PostgreSQL, or back",
                 "muster migrate --to postgres://muster@db/muster\n"
                 "muster migrate --to sqlite\n",
                 make<Migrate>},
};

}  // namespace

std::span<const cli::Command> backup_commands() { return kCommands; }

}  // namespace muster::apps
