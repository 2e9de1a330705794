// Flavors in the native API, and catalogues that come in.
// Sizes are MiB, a price is a number with at most six decimals.
#pragma once

#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/flavor.h"
#include "wire/native/json_writer.h"

namespace muster::wire {

// `dropped`: why a query drops it; null when empty.
void write_flavor(JsonWriter& out, const Flavor& flavor, std::string_view dropped);

struct FlavorImport {
  std::vector<Flavor> flavors;
  bool replace = false;  // what else is known of their providers goes
  bool dry_run = false;
};
// {"items":[{"provider":"ovh","region":"GRA11","name":"b3-8","cpus":2,"ram_mb":8192,"price":0.06}],"replace":true}
// An item that is wrong or doubled is named by its place. Errors: kMalformedBody, kMalformedValue.
Result<FlavorImport> read_flavor_import(std::string_view body);
// For clients.
std::string flavor_import_json(const FlavorImport& import);

}  // namespace muster::wire
