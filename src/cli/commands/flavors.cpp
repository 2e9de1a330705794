// `muster flavor …`: the catalogue of what machines there are, looked through with protofilters, and taken in from files.
// A file is read whole and checked here, so that what is wrong is named with its line; the server takes it whole or not at all.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/access_body.h"
#include "cli/output_file.h"
#include "client/json.h"
#include "client/query.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/flavor_filter.h"
#include "core/flavor_table.h"
#include "wire/native/flavor_json.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

constexpr std::size_t kFileBytesMax = 15 << 20;  // as JSON it still goes through the door

Result<std::string> read_catalogue_file(const std::string& path) {
  const bool standard_input = path == "-";
  const int descriptor = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  ssize_t count = descriptor < 0 ? -1 : 1;
  while (count > 0 && text.size() <= kFileBytesMax) {
    char bytes[65536];
    count = read(descriptor, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR)
      count = 1;
    else if (count > 0)
      text.append(bytes, static_cast<std::size_t>(count));
  }
  const int error = errno;
  if (descriptor >= 0 && !standard_input) close(descriptor);
  if (count < 0) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text(escape_text(path), " cannot be read: ", std::strerror(error)));
  }
  if (text.size() > kFileBytesMax)
    return refuse(ErrorKind::too_large, kBodyTooLarge, join_text(escape_text(path), " is larger than 15 MiB"),
                  "import it in parts");
  return text;
}

// What selects flavors, for list and explain.
class FlavorSelection {
 public:
  void declare(Options& options, std::size_t least) {
    options.positional("FILTER", filter_, least, 1, "protofilters between colons: cpu>=10:ram>=64:tags#G");
    options.text("--provider", "NAME", provider_, "only this provider's (auto: any)");
    options.text("--region", "NAME", region_, "only in this region (auto: any)");
    options.text("--name", "PATTERN", name_, "only those called so; % is any run of letters, _ any one");
    options.number("--min-cpus", "N", min_cpus_, "at least N CPUs");
    options.number("--min-ram", "GB", min_ram_gb_, "at least so much memory");
    options.number("--min-disk", "GB", min_disk_gb_, "at least so much disk");
    options.number(
        "--max-eviction", "PERCENT", max_eviction_,
        "dropped when taken back more often in an hour (default 5; a filter on eviction replaces it)");
  }

  // "/flavors?filter=…". kMalformedFilter is found here, without a server.
  Result<std::string> path() const {
    std::string filter = filter_.empty() ? std::string() : filter_.front();
    if (filter.starts_with("auto")) {
      const Result<FlavorChoice> choice = parse_flavor_choice(filter);
      if (!choice) return std::unexpected(choice.error());
      filter = filter == "auto" ? std::string() : filter.substr(5);
    }
    if (const Result<FlavorFilter> checked = parse_flavor_filter(filter); !checked)
      return std::unexpected(checked.error());
    std::string path = "/flavors?";
    const auto add = [&path](std::string_view name, std::string_view value) {
      if (!value.empty()) path += join_text(name, "=", client::encode_component(value), "&");
    };
    const auto add_number = [&add](std::string_view name, const std::optional<std::uint64_t>& value) {
      if (value) add(name, std::to_string(*value));
    };
    add("filter", filter);
    add("provider", provider_);
    add("region", region_);
    add("name", name_);
    add_number("min_cpus", min_cpus_);
    add_number("min_ram_gb", min_ram_gb_);
    add_number("min_disk_gb", min_disk_gb_);
    add_number("max_eviction", max_eviction_);
    return path;
  }

 private:
  std::vector<std::string> filter_;
  std::string provider_, region_, name_;
  std::optional<std::uint64_t> min_cpus_, min_ram_gb_, min_disk_gb_, max_eviction_;
};

enum class Dropped : std::uint8_t { left_out, shown };

class FlavorListing : public CommandBody {
 public:
  FlavorListing(const View& view, Dropped dropped) : view_(view), dropped_(dropped) {}

  void declare(Options& options) override {
    selection_.declare(options, dropped_ == Dropped::shown ? 1 : 0);
    options.number("--limit", "N", limit_, "at most N rows");
    declare_output(options, output_, OutputKind::list);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    Result<std::string> path = selection_.path();
    if (!path) return std::unexpected(path.error());
    if (dropped_ == Dropped::shown) *path += "dropped=true&";
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const FetchPage fetch = [&](const std::string& after, std::uint64_t limit) {
      std::string page = join_text(*path, "limit=", limit);
      if (!after.empty()) page += join_text("&after=", client::encode_component(after));
      return (*api)->read(page);
    };
    const Result<void> printed = print_list(session, view_, *choice, limit_, fetch);
    if (!printed) return std::unexpected(printed.error());
    return 0;
  }

 private:
  const View& view_;
  Dropped dropped_;
  FlavorSelection selection_;
  OutputOptions output_;
  std::optional<std::uint64_t> limit_;
};

class FlavorList final : public FlavorListing {
 public:
  FlavorList() : FlavorListing(kFlavorView, Dropped::left_out) {}
};

class FlavorExplain final : public FlavorListing {
 public:
  FlavorExplain() : FlavorListing(kFlavorReasonView, Dropped::shown) {}
};

class FlavorShow final : public AccessShow {
 public:
  FlavorShow() : AccessShow("/flavors", kFlavorView) {}
  void declare(Options& options) override {
    options.positional("FLAVOR", name_, 1, 1, "PROVIDER:REGION:NAME");
    declare_output_and_watch(options);
  }
};

class FlavorImportCommand final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("FILE", file_, 1, 1, "csv, tsv or jsonl by its name; - is csv from standard input");
    options.text("--provider", "NAME", provider_, "of all flavors, when the file has no column for it");
    options.flag("--replace", import_.replace, "flavors of these providers that are not in the file go");
    options.flag("--dry-run", import_.dry_run, "check it, and change nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<std::string> text = read_catalogue_file(file_.front());
    if (!text) return std::unexpected(text.error());
    const ItemFormat by_name = item_format_of(file_.front());
    const ItemFormat format = by_name == ItemFormat::lines ? ItemFormat::csv : by_name;
    Result<std::vector<Flavor>> flavors = read_flavor_table(format, *text, provider_);
    if (!flavors) {
      flavors.error().what = join_text(escape_text(file_.front()), ": ", flavors.error().what);
      return std::unexpected(flavors.error());
    }
    import_.flavors = std::move(*flavors);
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> answer = (*api)->write("PUT", "/flavors", wire::flavor_import_json(import_));
    if (!answer) return std::unexpected(answer.error());
    const Json root = answer->root();
    if (print_action(session, *choice, root, file_.front())) return 0;
    session.out().line(join_text(import_.dry_run ? "would be " : "", root["added"].number(), " new, ",
                                 root["changed"].number(), " changed, ", root["unchanged"].number(),
                                 " as they were, ", root["removed"].number(), " removed"));
    const auto unknown = std::count_if(import_.flavors.begin(), import_.flavors.end(),
                                       [](const Flavor& flavor) { return !flavor.eviction_percent; });
    // Otherwise a list without them looks as if they had not come.
    if (unknown > 0) {
      session.note(
          join_text("of ", unknown,
                    " the eviction is not known: they are dropped by eviction<=5, which always counts; "
                    "give the column eviction, 0 for never"));
    }
    return 0;
  }

 private:
  std::vector<std::string> file_;
  std::string provider_;
  wire::FlavorImport import_;
  OutputOptions output_;
};

class FlavorExport final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("FILE", file_, 0, 1, "csv or tsv by its name; without it csv on standard output");
    options.text("--provider", "NAME", provider_, "only this provider's");
  }

  Result<int> run(Session& session) override {
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    wire::FlavorImport all;
    std::string after;
    do {
      const Result<Document> page = (*api)->read(path_of_page(after));
      if (!page) return std::unexpected(page.error());
      // A page reads as an import does: one reader for both.
      const Result<wire::FlavorImport> part =
          wire::read_flavor_import(join_text(R"({"items":)", page->root()["items"].serialize(), "}"));
      if (!part) return std::unexpected(part.error());
      all.flavors.insert(all.flavors.end(), part->flavors.begin(), part->flavors.end());
      after = page->root()["next"].text();
    } while (!after.empty());
    const std::string name = file_.empty() ? "-" : file_.front();
    const ItemFormat format = item_format_of(name) == ItemFormat::tsv ? ItemFormat::tsv : ItemFormat::csv;
    const std::string text = write_flavor_table(format, all.flavors);
    if (name == "-") {
      session.out().write(text);
      return 0;
    }
    if (auto written = write_output_file(name, text); !written) return std::unexpected(written.error());
    session.out().line(join_text(all.flavors.size(), " flavors in ", escape_text(name)));
    return 0;
  }

 private:
  // Nothing is left out: neither what is evicted often nor what is metal.
  std::string path_of_page(const std::string& after) const {
    std::string path = "/flavors?limit=1000&dropped=true";
    if (!provider_.empty()) path += join_text("&provider=", client::encode_component(provider_));
    if (!after.empty()) path += join_text("&after=", client::encode_component(after));
    return path;
  }

  std::vector<std::string> file_;
  std::string provider_;
};

class FlavorDelete final : public AccessChange {
 public:
  void declare(Options& options) override {
    options.positional("FLAVOR", name_, 1, 1, "PROVIDER:REGION:NAME");
    declare_change(options);
    declare_yes(options);
  }

 protected:
  Result<AccessRequest> request(Session&) override {
    return AccessRequest{"DELETE",
                         path_of("/flavors", name_.front()),
                         {},
                         join_text("deleted flavor ", name_.front()),
                         join_text("take flavor ", escape_text(name_.front()), " out of the catalogue")};
  }

 private:
  std::vector<std::string> name_;
};

constexpr auto kObjects = CommandSection::objects;
constexpr auto kConnection = CommonOptions::connection;

}  // namespace

const Command kFlavorListCommand = {"flavor list",
                                    kObjects,
                                    kConnection,
                                    "[options] [FILTER]",
                                    "list kinds of machines, the cheapest first",
                                    "muster flavor list\n"
                                    "muster flavor list 'cpu>=10:ram>=64' --provider ovh\n"
                                    "muster flavor list 'tags#G:gpumem>=16' --limit 5\n",
                                    &make_body<FlavorList>};
const Command kFlavorShowCommand = {"flavor show",
                                    kObjects,
                                    kConnection,
                                    "[options] FLAVOR",
                                    "show one kind of machine",
                                    "muster flavor show ovh:GRA11:d2-2\n",
                                    &make_body<FlavorShow>};
const Command kFlavorExplainCommand = {"flavor explain",
                                       kObjects,
                                       kConnection,
                                       "[options] FILTER",
                                       "say of each kind of machine why a filter keeps or drops it",
                                       "muster flavor explain 'auto:cpu>=10:eviction<=10'\n",
                                       &make_body<FlavorExplain>};
const Command kFlavorImportCommand = {"flavor import",
                                      kObjects,
                                      kConnection,
                                      "[options] FILE",
                                      "take a catalogue of machines from a file",
                                      "muster flavor import catalogue.csv\n"
                                      "muster flavor import prices.tsv --provider ovh --replace --dry-run\n",
                                      &make_body<FlavorImportCommand>};
const Command kFlavorExportCommand = {"flavor export",
                                      kObjects,
                                      kConnection,
                                      "[options] [FILE]",
                                      "write the catalogue as a file that import takes",
                                      "muster flavor export catalogue.csv\n",
                                      &make_body<FlavorExport>};
const Command kFlavorDeleteCommand = {"flavor delete",
                                      kObjects,
                                      kConnection,
                                      "[options] FLAVOR",
                                      "take a kind of machine out of the catalogue",
                                      "muster flavor delete ovh:GRA11:d2-2 --yes\n",
                                      &make_body<FlavorDelete>};

}  // namespace muster::cli
