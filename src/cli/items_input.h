// Where the items of a submission come from: a file, standard input, or names that a pattern matches.
// Bytes are passed on while they are read; only as much as tells the columns is looked at first.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/http_connection.h"
#include "core/command.h"
#include "core/error.h"
#include "core/item_table.h"

namespace muster::cli {

struct ItemsInput {
  ItemFormat format = ItemFormat::lines;
  std::vector<std::string> columns;  // {""} for plain lines
  client::BodySource source;
  bool repeatable = false;  // rewind() starts from the beginning again
  std::shared_ptr<void> state;

  ItemSource kind() const {
    return format == ItemFormat::lines || format == ItemFormat::nul_lines ? ItemSource::line
                                                                          : ItemSource::table;
  }
};

// For ?items= of the API.
std::string_view items_kind(ItemFormat format);
// "lines", "tsv", "csv", "jsonl"; kMalformedValue otherwise.
Result<ItemFormat> items_format(std::string_view text);

// `path` "-" is standard input. Errors: kTableError (what the first bytes already show), kNoSuchThing (the file).
Result<ItemsInput> open_items(const std::string& path, ItemFormat format);
ItemsInput items_from_names(const std::vector<std::string>& names);
// Nothing has been read after this; only when repeatable.
void rewind_items(ItemsInput& input);

// True when standard input is a pipe, a file or a socket: something that may hold items. Not a terminal, not /dev/null.
bool standard_input_may_hold_items();

}  // namespace muster::cli
