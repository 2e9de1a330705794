// Writes the rows of one Changes in one transaction and one exchange: a statement for each table, its rows as one value.
// Must hold: every transaction first asks whether this incarnation may still write, and leaves its number behind.
#pragma once

#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/rows.h"
#include "store/postgres/connection.h"
#include "store/postgres/row_batch.h"
#include "store/tables/batch_ledger.h"
#include "store/tables/packed.h"

namespace muster::store::postgres {

// Another server has taken over: nothing of the transaction was written.
struct Deposed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Writer {
 public:
  // The connection has the schema and outlives this; `term` is the incarnation that writes.
  Writer(Connection& connection, Incarnation term, BatchId young_batches);

  // Throws Deposed, or PostgresError; after `lost` it is not known whether the transaction was written.
  void write(const Changes& changes);
  // The number of the last transaction that was begun, as it stands in `meta` when that was written.
  std::uint64_t last_commit() const { return last_commit_; }
  void mark_closed();

 private:
  struct Table {
    explicit Table(TableType of) : type(std::move(of)), rows(type) {}
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    const TableType type;
    std::string insert, upsert;  // prepared
    RowBatch rows;
  };
  // Whether a row of that key may be there already; asking the database costs a third of writing it.
  enum class Standing : std::uint8_t { known, fresh };
  void prepare_tables();
  Table& make_table(const std::string& name, std::string_view columns, std::string_view key);
  void begin();
  void finish();
  // Sends what is collected.
  void flush(Table& table, const std::string& statement);
  template <class Rows, class KeyOf, class Add>
  void put(Table& table, const Rows& rows, const KeyOf& key_of, const Add& add,
           Standing standing = Standing::known);
  template <class Rows, class NumberOf>
  static Standing above(std::uint64_t& highest, const Rows& rows, const NumberOf& number_of);
  void write_rows(const Changes& changes);
  void write_batches(const Changes& changes);
  void write_segments(const Changes& changes);
  void write_tasks(const Changes& changes);
  void write_access(const Changes& changes);
  void write_secrets(const Changes& changes);
  void write_flavors(const Changes& changes);
  std::optional<tables::KnownBatch> read_batch(BatchId id);

  Connection& connection_;
  const Incarnation term_;
  tables::BatchLedger ledger_;
  Sequences sequences_;
  // No batch above it has segments, no template and no event is above it.
  std::uint64_t highest_segment_ = 0, highest_template_ = 0, highest_event_ = 0;
  std::uint64_t last_commit_ = 0;

  std::deque<Table> tables_;
  Table *batches_, *segments_, *dependencies_, *templates_, *item_blocks_, *overrides_, *state_runs_, *tasks_,
      *attempts_, *workers_, *limits_, *events_, *keys_, *totals_, *tokens_, *users_, *projects_, *secrets_,
      *flavors_, *audit_;
  std::string begin_, commit_, guard_, insert_loaded_, delete_loaded_, first_young_, delete_state_runs_,
      delete_dependencies_, delete_user_, delete_project_, delete_secret_, delete_flavor_;
  tables::ItemPacker packer_;
  std::string scratch_;
};

}  // namespace muster::store::postgres
