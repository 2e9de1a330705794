// Which store a server keeps its truth in: the file of its data folder, or a database that several servers share.
// Must hold: `muster` has the file alone; who links libpq hands in how to open the other one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "ports/store.h"
#include "runtime/data_folder.h"
#include "runtime/disk_space.h"
#include "store/folder_lock.h"
#include "store/sqlite/backup.h"

namespace muster::apps {

class OpenStore {
 public:
  virtual ~OpenStore() = default;
  virtual Store& store() = 0;
  virtual History& history() = 0;
  virtual AccessStore& access() = 0;
  virtual runtime::DiskSpaceSource& disk() = 0;
  virtual std::string name() const = 0;

  // Of a store that several servers share; another one is led by who has opened it.
  virtual bool is_shared() const { return false; }
  virtual bool try_lead() { return true; }
  // Tells the others, and asks, where the leader answers.
  virtual void announce(const std::string& url) { (void)url; }
  virtual std::string leader() { return {}; }
};

// What muster-server adds to muster.
struct PostgresPart {
  std::function<Result<std::unique_ptr<OpenStore>>(const std::string& url, const runtime::DataFolder& folder)>
      open;
  // Every row into a new file, and of a file into an empty database.
  std::function<Result<store::RowCounts>(const std::string& url, const std::string& file,
                                         store::Incarnations)>
      save;
  std::function<Result<store::RowCounts>(const std::string& file, const std::string& url,
                                         store::Incarnations)>
      fill;
};

// Once, before any command runs.
void set_postgres(PostgresPart part);
const PostgresPart* postgres();  // null: this program has it not

// postgres://… or postgresql://…
bool is_postgres_url(const std::string& url);

// `url` empty: the file of the folder, which is locked by the caller.
Result<std::unique_ptr<OpenStore>> open_store(const std::string& url, const runtime::DataFolder& folder,
                                              const store::FolderLock& lock);

// What --store says, else what the folder was used with last; empty: its own file. Goes on as muster-server when that is needed.
Result<std::string> find_store(const std::string& option, const runtime::DataFolder& folder);
// For the next start.
Result<void> remember_store(const std::string& url, const runtime::DataFolder& folder);

// Goes on as `muster-server`, which lies beside this program, with the same words. Returns only when it is not there.
Error continue_as_muster_server();

}  // namespace muster::apps
