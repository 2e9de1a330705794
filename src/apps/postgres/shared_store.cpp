// A thin layer over store::PostgresStore.
// Must hold: what PostgreSQL says of its own disk comes with a commit; what is looked at here is the folder of the logs.
#include "apps/postgres/shared_store.h"

#include "store/disk_reserve.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/table_copy.h"

namespace muster::apps {

namespace {

class SharedStore final : public OpenStore, public runtime::DiskSpaceSource {
 public:
  SharedStore(std::unique_ptr<store::PostgresStore> store, const std::string& folder)
      : store_(std::move(store)), reserve_(folder, {}) {}
  Store& store() override { return *store_; }
  History& history() override { return *store_; }
  AccessStore& access() override { return *store_; }
  runtime::DiskSpaceSource& disk() override { return *this; }
  SpaceState space() override {
    store_->keep_alive();
    return reserve_.look();
  }
  std::string name() const override { return "postgresql"; }
  bool is_shared() const override { return true; }
  bool try_lead() override {
    try {
      return store_->try_lead();
    } catch (const StoreUnknown&) {
      return false;  // it does not answer; the next look asks again
    }
  }
  void announce(const std::string& url) override { store_->announce(url); }
  std::string leader() override {
    try {
      return store_->leader();
    } catch (const StoreUnknown&) {
      return {};
    }
  }

 private:
  std::unique_ptr<store::PostgresStore> store_;
  store::DiskReserve reserve_;
};

Result<std::unique_ptr<OpenStore>> open_shared_store(const std::string& url,
                                                     const runtime::DataFolder& folder) {
  Result<std::unique_ptr<store::PostgresStore>> store = store::open_postgres_store(url);
  if (!store) return std::unexpected(store.error());
  return std::make_unique<SharedStore>(std::move(*store), folder.path);
}

}  // namespace

PostgresPart postgres_part() {
  const store::PostgresOptions usual;
  return {.open = open_shared_store,
          .save =
              [=](const std::string& url, const std::string& file, store::Incarnations incarnations) {
                return copy_from_postgres(url, usual, file, incarnations);
              },
          .fill =
              [=](const std::string& file, const std::string& url, store::Incarnations incarnations) {
                return copy_to_postgres(file, url, usual, incarnations);
              }};
}

}  // namespace muster::apps
