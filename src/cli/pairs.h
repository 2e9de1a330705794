// NAME=VALUE options: --env, --label, --on, --use …
// The order is kept; a name given twice is an error, because one of the values would be lost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.h"
#include "core/error.h"

namespace muster::cli {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// `NAME` alone takes the value that the variable has here.
Result<Pairs> read_environment(const std::vector<std::string>& words, const client::Environment& environment);
Result<Pairs> read_labels(const std::vector<std::string>& words);
// Labels of workers: names and values as core/resources.h has them.
Result<Pairs> read_pairs(std::string_view option, const std::vector<std::string>& words);

// `NAME` or `NAME=VARIABLE`, as variable and name. Without a variable it is the name in capitals, with _ for . - and @.
Result<Pairs> read_secrets(const std::vector<std::string>& words);

using Amounts = std::vector<std::pair<std::string, std::uint64_t>>;
Result<Amounts> read_amounts(std::string_view option, const std::vector<std::string>& words);

}  // namespace muster::cli
