// Selectors that go on meaning what they meant: `last` and `@name` become the number of the batch they name now.
// A command that asks more than once needs this: a batch submitted meanwhile would be the last one from then on.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"
#include "core/error.h"

namespace muster::cli {

// Asks the server only for selectors that can change their meaning. kMalformedSelector, or what the server says.
Result<std::string> pin_selector(Session& session, const std::string& selector);
Result<std::vector<std::string>> pin_selectors(Session& session, const std::vector<std::string>& selectors);

// Whether the first page of a list tells which batch was meant, so that it need not be asked for.
bool is_settled_by_page(const std::string& selector);
// `selector` as it is from then on; `items` are those of the first page, each with its batch or its task.
std::string settled_selector(const std::string& selector, const client::Json& items);

// The same with a filter and `all`: the tasks that match now, and only they, from then on.
Result<std::vector<std::string>> pin_filtered(Session& session, const std::vector<std::string>& selectors,
                                              const std::string& where);
// Whether `all` is among them.
bool names_everything(const std::vector<std::string>& selectors);

std::string joined_selectors(const std::vector<std::string>& selectors);

}  // namespace muster::cli
