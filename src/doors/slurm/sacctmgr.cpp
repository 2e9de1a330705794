// sacctmgr: which accounts a user may charge, as workflow engines ask before they submit.
// Accounts are the caller's projects and the accounts that their batches were submitted with; nothing is changed here.
#include <algorithm>
#include <array>
#include <set>

#include "client/text.h"
#include "core/escape.h"
#include "doors/slurm/columns.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::Document;
using client::join_text;
using client::Json;

// What is listed are associations (-s) at any rate: a user's accounts, a line each.
constexpr std::array<OptionName, 4> kOptions{{{'n', "noheader", Takes::nothing},
                                              {'s', "associations", Takes::nothing},
                                              {'P', "parsable2", Takes::nothing},
                                              {'p', "parsable", Takes::nothing}}};

struct Association {
  std::string user;
  std::string account;
};

struct Column {
  std::string_view name;
  std::size_t width;
  std::string (*value)(const Association& association);
};
constexpr std::array<Column, 3> kColumns{{
    {"User", 10, [](const Association& association) { return association.user; }},
    {"Account", 10, [](const Association& association) { return association.account; }},
    {"Cluster", 10, [](const Association&) { return std::string("muster"); }},
}};

Result<std::vector<std::pair<Column, Align>>> read_columns(std::string_view format) {
  std::vector<std::pair<Column, Align>> columns;
  for (const std::string& asked : split(format, ',')) {
    const std::string_view name = std::string_view(asked).substr(0, asked.find('%'));
    const auto known =
        std::ranges::find_if(kColumns, [&](const Column& one) { return same_name(one.name, name); });
    if (known == kColumns.end())
      return refuse(ErrorKind::usage, kMalformedValue, join_text("Unknown field '", escape_text(name), "'"),
                    "there are: user, account, cluster");
    std::pair<Column, Align> column{*known, Align::right};
    if (const auto read = read_width(asked, column.first.width, column.second); !read)
      return std::unexpected(read.error());
    columns.push_back(column);
  }
  return columns;
}

Result<void> add_names(Call& call, std::string_view path, std::set<std::string>& into) {
  const auto pages = call.pages(path, {});
  if (!pages) return std::unexpected(pages.error());
  for (const Document& page : *pages) {
    const Json items = page.root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) into.emplace(items.at(i)["name"].text());
  }
  return {};
}

// A batch of the user's that was charged to none of the accounts that are known, as long as there is one.
Result<void> add_charged(Call& call, std::string_view user, std::set<std::string>& into) {
  client::ListQuery query;
  query.limit = 1;
  query.where = join_text("owner=", user, " label.account~\"\"");
  for (;;) {
    const auto page = call.ask([&](client::Api& api) { return api.page("/batches", query); });
    if (!page) return std::unexpected(page.error());
    const Json items = page->root()["items"];
    if (items.size() == 0) return {};
    const std::string id = std::to_string(items.at(0)["id"].number());
    const auto batch = call.ask([&](client::Api& api) { return api.batch(id); });
    if (!batch) return std::unexpected(batch.error());
    const std::string account(batch->root()["template"]["labels"]["account"].text());
    if (account.empty() || account.find('"') != std::string::npos) return {};  // no filter can name it
    into.insert(account);
    query.where += join_text(" -label.account=\"", account, "\"");
  }
}

// The caller's own; of other people nothing is said.
Result<std::set<std::string>> accounts_of(Call& call) {
  const auto me = call.ask([](client::Api& api) { return api.read("/users/me"); });
  if (!me) return std::unexpected(me.error());
  std::set<std::string> accounts;
  const Json roles = me->root()["roles"];
  bool in_all = false;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (roles.key(i) == "*")
      in_all = true;
    else
      accounts.emplace(roles.key(i));
  }
  if (in_all) {
    if (const auto added = add_names(call, "/projects", accounts); !added)
      return std::unexpected(added.error());
  }
  if (const auto added = add_charged(call, me->root()["name"].text(), accounts); !added)
    return std::unexpected(added.error());
  return accounts;
}

struct Asked {
  std::vector<std::string> users;
  std::string format = "user,account,cluster";
};

// "list user ana format=account%20"
Result<Asked> read_words(const std::vector<std::string>& words) {
  constexpr std::string_view kForms =
      "sacctmgr list user|account|association [NAME…] [format=user,account,cluster]";
  const auto refused = [&](std::string_view word) {
    return refuse(ErrorKind::usage, kUnknownWord,
                  join_text("sacctmgr does not know '", escape_text(word), "' here"), std::string(kForms));
  };
  if (words.size() < 2) return refused(words.empty() ? "" : words.back());
  if (words[0] != "list" && words[0] != "show") return refused(words[0]);
  if (words[1] != "user" && words[1] != "account" && words[1] != "association") return refused(words[1]);
  Asked asked;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t mark = words[i].find('=');
    const std::string_view key = std::string_view(words[i]).substr(0, mark);
    if (mark == std::string::npos && words[1] == "user") {
      asked.users.push_back(words[i]);
    } else if (same_name(key, "format")) {
      asked.format = words[i].substr(mark + 1);
    } else if (same_name(key, "user") || same_name(key, "users") || same_name(key, "name")) {
      asked.users = split(words[i].substr(mark + 1), ',');
    } else {
      return refused(words[i]);
    }
  }
  return asked;
}

}  // namespace

int sacctmgr(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  const auto asked = read_words(given->operands);
  if (!asked) return call.fail(asked.error());
  const auto columns = read_columns(asked->format);
  if (!columns) return call.fail(columns.error());
  const auto accounts = accounts_of(call);
  if (!accounts) return call.fail(accounts.error());
  const AccountStyle style = account_style(*given);
  std::vector<AccountCell> cells;
  for (const auto& [column, align] : *columns)
    cells.push_back({std::string(column.name), column.width, align});
  if (!given->has("noheader")) call.out += account_line(cells, style) + account_rule(cells, style);
  const std::string user = system_user(environment);
  const bool wanted = asked->users.empty() || std::ranges::find(asked->users, user) != asked->users.end();
  for (const std::string& account : wanted ? *accounts : std::set<std::string>()) {
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i].text = (*columns)[i].first.value({user, account});
    call.out += account_line(cells, style);
  }
  return call.done();
}

}  // namespace muster::doors::slurm
