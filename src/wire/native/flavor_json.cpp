// Flavors to JSON and back.
// What is read here was not checked by anybody, so each item is checked as a line of a file is.
#include "wire/native/flavor_json.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <set>

#include "core/escape.h"
#include "core/flavor_table.h"
#include "wire/native/json_reader.h"

namespace muster::wire {
namespace {

constexpr std::size_t kMembersMax = 2'000'000;  // of a catalogue of 100,000 flavors
constexpr double kMicro = 1e6;
constexpr double kPriceMax = 1e9;

// Null is not known, as where it is written.
std::optional<std::uint64_t> read_optional(ObjectReader& reader, std::string_view name, std::uint64_t max) {
  const boost::json::value* value = reader.member(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (!error && number <= max) return number;
  reader.refuse_member(name, "is a whole number of at most " + std::to_string(max) + ", or null");
  return std::nullopt;
}

void write_optional(JsonWriter& out, std::string_view key, const std::optional<std::uint64_t>& number) {
  out.key(key);
  if (number)
    out.number(*number);
  else
    out.null();
}

void write_facts(JsonWriter& out, const Flavor& flavor) {
  out.key("provider").text(flavor.key.provider).key("region").text(flavor.key.region);
  out.key("name").text(flavor.key.name).key("cpus").number(flavor.cpus);
  out.key("ram_mb").number(flavor.ram_mb).key("disk_mb").number(flavor.disk_mb);
  out.key("bandwidth_mbps").number(flavor.bandwidth_mbps).key("gpu").text(flavor.gpu);
  write_optional(out, "gpu_mem_mb", flavor.gpu_mem_mb);
  out.key("tags").text(flavor.tags).key("price").raw(format_money(flavor.price_micro));
  out.key("currency").text(flavor.currency);
  write_optional(out, "eviction_percent", flavor.eviction_percent);
}

void read_price(ObjectReader& reader, Flavor& flavor) {
  const boost::json::value* price = reader.member("price");
  if (price == nullptr) return reader.refuse_member("price", "is missing");
  boost::system::error_code error;
  const auto value = price->to_number<double>(error);
  if (error || !(value >= 0) || value > kPriceMax)
    return reader.refuse_member("price", "is a number of money for an hour");
  flavor.price_micro = std::llround(value * kMicro);
  flavor.cost_micro = flavor.price_micro;
}

Result<Flavor> read_item(const boost::json::value& item, const std::string& place) {
  Flavor flavor;
  ObjectReader reader(item, place);
  reader.text("provider", flavor.key.provider);
  reader.text("region", flavor.key.region);
  reader.text("name", flavor.key.name);
  reader.number("cpus", flavor.cpus);
  reader.number("ram_mb", flavor.ram_mb, 1ULL << 40);
  reader.number("disk_mb", flavor.disk_mb, 1ULL << 40);
  reader.number("bandwidth_mbps", flavor.bandwidth_mbps, 1ULL << 40);
  reader.text("gpu", flavor.gpu);
  flavor.gpu_mem_mb = read_optional(reader, "gpu_mem_mb", 1ULL << 40);
  reader.text("tags", flavor.tags);
  reader.text("currency", flavor.currency);
  if (const auto percent = read_optional(reader, "eviction_percent", 100))
    flavor.eviction_percent = static_cast<std::uint32_t>(*percent);
  read_price(reader, flavor);
  // What a list says of it beside: taking them lets a list be read back.
  for (const char* said : {"id", "cost", "dropped"}) reader.member(said);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  if (Result<void> checked = check_flavor(flavor); !checked) {
    checked.error().what = place + ": " + checked.error().what;
    return std::unexpected(std::move(checked.error()));
  }
  return flavor;
}

}  // namespace

void write_flavor(JsonWriter& out, const Flavor& flavor, std::string_view dropped) {
  out.begin_object().key("id").text(flavor_id(flavor.key));
  write_facts(out, flavor);
  out.key("cost").raw(format_money(flavor.cost_micro));
  out.key("dropped").text_or_null(dropped).end_object();
}

Result<FlavorImport> read_flavor_import(std::string_view body) {
  JsonDocument document;
  JsonLimits limits;
  limits.keys = kMembersMax;
  if (Result<void> parsed = document.parse(body, limits); !parsed)
    return std::unexpected(std::move(parsed.error()));
  FlavorImport import;
  ObjectReader reader(document.root(), "the body");
  const boost::json::value* items = reader.member("items");
  if (items == nullptr || !items->is_array()) reader.refuse_member("items", "is a list of flavors");
  reader.flag("replace", import.replace);
  reader.flag("dry_run", import.dry_run);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  std::set<FlavorKey> seen;
  for (const boost::json::value& item : items->get_array()) {
    const std::string place = "items[" + std::to_string(import.flavors.size()) + "]";
    Result<Flavor> flavor = read_item(item, place);
    if (!flavor) return std::unexpected(std::move(flavor.error()));
    if (!seen.insert(flavor->key).second) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    place + ": " + flavor_id(flavor->key) + " stands there twice",
                    "provider, region and name stand together once");
    }
    import.flavors.push_back(std::move(*flavor));
  }
  return import;
}

std::string flavor_import_json(const FlavorImport& import) {
  std::string json;
  JsonWriter out(json);
  out.begin_object().key("replace").flag(import.replace).key("dry_run").flag(import.dry_run);
  out.key("items").begin_array();
  for (const Flavor& flavor : import.flavors) {
    out.begin_object();
    write_facts(out, flavor);
    out.end_object();
  }
  out.end_array().end_object();
  return json;
}

}  // namespace muster::wire
