// The catalogue of flavors as a file: one line a flavor, columns named by the first line, sizes in GB as providers write them.
// All or nothing: the first thing wrong is named with its line.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/flavor.h"
#include "core/item_table.h"

namespace muster {

// Columns: provider region name cpu ram disk bandwidth gpu gpumem tags cost currency eviction, in any order; region, name, cpu, ram
// and cost have to be there, and provider unless `provider` says it for all. An empty field is one that is not known.
// Errors: kTableError.
Result<std::vector<Flavor>> read_flavor_table(ItemFormat format, std::string_view text,
                                              const std::string& provider);

// What read_flavor_table reads back as the same flavors; `format` is csv or tsv.
std::string write_flavor_table(ItemFormat format, std::span<const Flavor> flavors);

// Names that can stand in an id and an address, sizes that machines have, tags that are letters. Errors: kMalformedValue.
Result<void> check_flavor(const Flavor& flavor);

// "ovh:GRA11:b3-8"
std::string flavor_id(const FlavorKey& key);
std::optional<FlavorKey> parse_flavor_id(std::string_view text);

}  // namespace muster
