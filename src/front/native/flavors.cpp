// /flavors: the catalogue of what machines there are, asked with protofilters; filled by whoever answers for the money.
// Reading never changes it; an import is one transaction, so it is there whole or not at all.
#include <algorithm>
#include <charconv>

#include "core/escape.h"
#include "core/flavor_filter.h"
#include "core/flavor_table.h"
#include "front/native/call.h"
#include "wire/native/answers.h"
#include "wire/native/flavor_json.h"

namespace muster::front::native {
namespace {

struct FlavorRequest {
  FlavorQuery query;
  bool with_dropped = false;
  PageRequest page;
};

void read_amount(QueryReader& reader, std::string_view name, double& out) {
  std::string text;
  reader.text(name, text);
  if (text.empty()) return;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || !(out >= 0))
    reader.refuse_parameter(name, "is a number that is not negative");
}

Result<FlavorRequest> read_request(const CallPtr& call) {
  QueryReader reader(call->target);
  FlavorRequest request;
  std::string filter;
  std::string dropped;
  read_page(reader, call->options, request.page);
  reader.text("filter", filter);
  reader.text("name", request.query.name_like);
  reader.text("provider", request.query.provider);
  reader.text("region", request.query.region);
  reader.text("dropped", dropped);
  read_amount(reader, "min_cpus", request.query.min_cpus);
  read_amount(reader, "min_ram_gb", request.query.min_ram_gb);
  read_amount(reader, "min_disk_gb", request.query.min_disk_gb);
  read_amount(reader, "max_eviction", request.query.max_eviction_percent);
  if (!dropped.empty() && dropped != "true" && dropped != "false")
    reader.refuse_parameter("dropped", "has to be true or false");
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  request.with_dropped = dropped == "true";
  for (std::string* any : {&request.query.provider, &request.query.region}) {
    if (is_any(*any)) any->clear();
  }
  Result<FlavorFilter> tests = parse_flavor_filter(filter);
  if (!tests) return std::unexpected(std::move(tests.error()));
  request.query.filter = std::move(*tests);
  return request;
}

std::vector<Flavor> catalogue_of(const CallPtr& call) {
  std::vector<Flavor> catalogue;
  catalogue.reserve(call->backend.engine().flavors().size());
  for (const auto& [key, flavor] : call->backend.engine().flavors()) catalogue.push_back(flavor);
  return catalogue;
}

// Those that are kept in their order, then, when they are wanted, the others by key.
std::vector<const Flavor*> ordered(const std::vector<Flavor>& catalogue, const FlavorRequest& request) {
  std::vector<const Flavor*> found = find_flavors(catalogue, request.query);
  if (!request.with_dropped) return found;
  // What another provider or region has was not asked about.
  for (const Flavor& flavor : catalogue) {
    const bool elsewhere =
        (!request.query.provider.empty() && flavor.key.provider != request.query.provider) ||
        (!request.query.region.empty() && flavor.key.region != request.query.region);
    if (!elsewhere && !why_dropped(flavor, request.query).empty()) found.push_back(&flavor);
  }
  return found;
}

Result<const Flavor*> find_flavor(const CallPtr& call) {
  const std::optional<FlavorKey> key = parse_flavor_id(call->part(1));
  const auto& all = call->backend.engine().flavors();
  const auto found = key ? all.find(*key) : all.end();
  if (found != all.end()) return &found->second;
  return std::unexpected(
      no_such_thing("there is no flavor \"" + escape_text(truncate_text(call->part(1), 100)) + "\"",
                    "PROVIDER:REGION:NAME; list them: muster flavor list"));
}

struct ImportCounts {
  std::uint64_t added = 0;
  std::uint64_t changed = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t removed = 0;
};

std::string import_json(const ImportCounts& counts) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.flavors-imported/1").key("added").number(counts.added);
  out.key("changed").number(counts.changed).key("unchanged").number(counts.unchanged);
  out.key("removed").number(counts.removed).end_object();
  return json;
}

// The rows that make the catalogue what the import says.
std::vector<FlavorRow> import_rows(const CallPtr& call, wire::FlavorImport& import, ImportCounts& counts) {
  const auto& all = call->backend.engine().flavors();
  std::vector<FlavorRow> rows;
  std::set<FlavorKey> given;
  std::set<std::string> providers;
  for (Flavor& flavor : import.flavors) {
    given.insert(flavor.key);
    providers.insert(flavor.key.provider);
    const auto found = all.find(flavor.key);
    if (found != all.end() && found->second == flavor) {
      ++counts.unchanged;
      continue;
    }
    ++(found == all.end() ? counts.added : counts.changed);
    rows.push_back({std::move(flavor), false});
  }
  if (!import.replace) return rows;
  for (const auto& [key, flavor] : all) {
    if (!providers.contains(key.provider) || given.contains(key)) continue;
    ++counts.removed;
    rows.push_back({flavor, true});
  }
  return rows;
}

}  // namespace

void list_flavors(const CallPtr& call) {
  const Result<FlavorRequest> request = read_request(call);
  if (failed(call, request)) return;
  const std::vector<Flavor> catalogue = catalogue_of(call);
  const std::vector<const Flavor*> found = ordered(catalogue, *request);
  auto next = found.begin();
  if (!request->page.after.empty()) {
    const auto last = std::find_if(found.begin(), found.end(), [&](const Flavor* one) {
      return flavor_id(one->key) == request->page.after;
    });
    if (last == found.end()) return call->fail(bad_cursor(request->page.after));
    next = last + 1;
  }
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.flavors/1");
  std::string last;
  for (std::uint64_t written = 0; next != found.end() && written < request->page.limit; ++next, ++written) {
    wire::write_flavor(out, **next,
                       request->with_dropped ? why_dropped(**next, request->query) : std::string());
    last = flavor_id((*next)->key);
  }
  wire::end_list(out, next == found.end() ? std::string() : last);
  call->answer(200, std::move(json));
}

void show_flavor(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<const Flavor*> flavor = find_flavor(call);
  if (failed(call, flavor)) return;
  std::string json;
  wire::JsonWriter out(json);
  wire::write_flavor(out, **flavor, {});
  json.insert(1, R"("schema":"muster.flavor/1",)");
  call->answer(200, std::move(json));
}

void import_flavors(const CallPtr& call) {
  Result<wire::FlavorImport> import = wire::read_flavor_import(call->body);
  if (failed(call, import)) return;
  ImportCounts counts;
  WriteRows input;
  input.rows.flavors = import_rows(call, *import, counts);
  call->object = std::to_string(counts.added + counts.changed + counts.unchanged) + " flavors";
  if (import->dry_run || input.rows.flavors.empty()) return call->answer(200, import_json(counts));
  write_and_answer(call, std::move(input), 200, import_json(counts));
}

void delete_flavor(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  const Result<const Flavor*> flavor = find_flavor(call);
  if (failed(call, flavor)) return;
  std::string json;
  wire::JsonWriter out(json);
  wire::write_flavor(out, **flavor, {});
  json.insert(1, R"("schema":"muster.flavor/1",)");
  call->object = call->part(1);
  if (call->dry_run) return call->answer(200, std::move(json));
  WriteRows input;
  input.rows.flavors.push_back({**flavor, true});
  write_and_answer(call, std::move(input), 200, std::move(json));
}

}  // namespace muster::front::native
