// Prints documents of the server in the chosen format: lists page by page, one thing as name and value.
// JSON is passed through in the server's schema; every other format is made from a View.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/output_options.h"
#include "cli/session.h"
#include "cli/views/view.h"
#include "client/api.h"
#include "client/json.h"

namespace muster::cli {

// Asks for one page: (cursor, how many).
using FetchPage = std::function<Result<client::Document>(const std::string& after, std::uint64_t limit)>;

// limit 0: everything. On a terminal a table ends after 100 rows unless a limit is given, and says that there is more.
Result<void> print_list(Session& session, const View& view, const OutputChoice& choice,
                        std::optional<std::uint64_t> limit, const FetchPage& fetch);

// `extra` adds lines for people below the values (terminal and wide only); may be empty.
using ExtraLines = std::function<void(Output& out)>;
Result<void> print_thing(Session& session, const View& view, const OutputChoice& choice,
                         const client::Document& document, const ExtraLines& extra);

// A document as -o json prints it: indented on a terminal, where nothing in it can act upon the terminal.
void print_json(Session& session, const client::Json& document);

// An action's document: -o json or -q; false when a sentence is wanted.
bool print_action(Session& session, const OutputChoice& choice, const client::Json& document,
                  const std::string& name);

ViewContext view_context(const Session& session, Format format);

}  // namespace muster::cli
