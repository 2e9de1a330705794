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

// The same with a filter and `all`: the tasks that match now, and only they, from then on.
Result<std::vector<std::string>> pin_filtered(Session& session, const std::vector<std::string>& selectors,
                                              const std::string& where);
// Whether `all` is among them.
bool names_everything(const std::vector<std::string>& selectors);

std::string joined_selectors(const std::vector<std::string>& selectors);

}  // namespace muster::cli
