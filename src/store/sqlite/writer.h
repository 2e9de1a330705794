// Writes the rows of one Changes in one transaction, with as few statements as the rows allow.
// Must hold: after an exception the transaction is rolled back and what is remembered is as before.
#pragma once

#include <string>

#include "core/rows.h"
#include "store/sqlite/batch_writer.h"
#include "store/sqlite/database.h"
#include "store/tables/packed.h"

namespace muster::store::sqlite {

class Writer {
 public:
  // `database` has the tables and outlives this.
  Writer(Database& database, BatchId young_batches);

  // Counts the incarnation up and marks the database as open.
  Incarnation begin_incarnation();
  // The last thing of an orderly end.
  void mark_closed();
  void write(const Changes& changes);

 private:
  template <class Work>
  void in_transaction(const Work& work);
  template <class Add>
  static void run(Statement& statement, const Add& add);
  void write_rows(const Changes& changes);
  void write_segment(const SegmentRow& row);
  void write_item_block(const ItemBlockRow& row);
  void write_state_runs(const Changes& changes);
  void write_event(const EventRow& row);
  void write_access(const Changes& changes);
  void write_token(const TokenRow& row);
  void write_counters();

  Database& database_;
  BatchWriter batches_;
  Statement begin_, commit_, begin_incarnation_, mark_closed_;
  Statement insert_segment_, replace_segment_, insert_dependency_, delete_dependencies_;
  Statement replace_template_, replace_item_block_, replace_override_, delete_state_runs_, replace_state_run_;
  Statement replace_task_, replace_attempt_, replace_worker_, replace_limit_, insert_event_, replace_event_,
      replace_key_, update_counters_;
  Statement replace_token_, replace_user_, delete_user_, replace_project_, delete_project_, replace_secret_,
      delete_secret_, replace_flavor_, delete_flavor_, insert_audit_;

  Sequences sequences_;
  std::uint64_t highest_event_ =
      0;  // no event above it has a row; not taken back, which costs next to nothing
  tables::ItemPacker packer_;
  std::string packed_;
};

}  // namespace muster::store::sqlite
