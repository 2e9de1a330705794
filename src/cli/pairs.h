// NAME=VALUE options: --env and --label.
// The order is kept; a name given twice is an error, because one of the values would be lost.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/endpoint.h"
#include "core/error.h"

namespace muster::cli {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// `NAME` alone takes the value that the variable has here.
Result<Pairs> read_environment(const std::vector<std::string>& words, const client::Environment& environment);
Result<Pairs> read_labels(const std::vector<std::string>& words);

}  // namespace muster::cli
