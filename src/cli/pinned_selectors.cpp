// Pinning selectors.
// `@v1.2` is a task of v1 or a batch called v1.2: the server's answer tells by the name.
#include "cli/pinned_selectors.h"

#include <algorithm>

#include "client/text.h"
#include "core/selector.h"

namespace muster::cli {

Result<std::string> pin_selector(Session& session, const std::string& text) {
  if (text == kEverySelector) return text;
  Result<Selector> selector = parse_selector(text);
  if (!selector) return std::unexpected(selector.error());
  if (selector->by == BatchBy::id || selector->by == BatchBy::task_number) return text;
  const Result<client::Api*> api = session.api();
  if (!api) return std::unexpected(api.error());
  const Result<client::Document> batch = (*api)->batch(text);
  if (!batch) return std::unexpected(batch.error());
  if (!selector->dotted_name.empty() && batch->root()["name"].text() == selector->dotted_name) {
    selector->ranges.clear();
    selector->attempt.reset();
  }
  selector->by = BatchBy::id;
  selector->number = batch->root()["id"].number();
  selector->name.clear();
  selector->dotted_name.clear();
  return to_text(*selector);
}

bool is_settled_by_page(const std::string& selector) {
  const Result<Selector> parsed = parse_selector(selector);
  if (!parsed) return false;
  return parsed->by == BatchBy::last || (parsed->by == BatchBy::name && parsed->dotted_name.empty());
}

std::string settled_selector(const std::string& text, const client::Json& items) {
  Result<Selector> selector = parse_selector(text);
  if (!selector || items.size() == 0) return text;
  std::uint64_t batch = items.at(0)["batch"].number();
  if (const Result<Selector> task = parse_selector(items.at(0)["task"].text()); batch == 0 && task)
    batch = task->number;
  if (batch == 0) return text;
  selector->by = BatchBy::id;
  selector->number = batch;
  selector->name.clear();
  return to_text(*selector);
}

Result<std::vector<std::string>> pin_selectors(Session& session, const std::vector<std::string>& selectors) {
  std::vector<std::string> pinned;
  for (const std::string& selector : selectors) {
    Result<std::string> one = pin_selector(session, selector);
    if (!one) return std::unexpected(one.error());
    pinned.push_back(std::move(*one));
  }
  return pinned;
}

Result<std::vector<std::string>> pin_filtered(Session& session, const std::vector<std::string>& selectors,
                                              const std::string& where) {
  Result<std::vector<std::string>> pinned = pin_selectors(session, selectors);
  if (!pinned || (where.empty() && !names_everything(*pinned))) return pinned;
  const Result<client::Api*> api = session.api();
  if (!api) return std::unexpected(api.error());
  const Result<client::Document> chosen = (*api)->select(*pinned, where);
  if (!chosen) return std::unexpected(chosen.error());
  pinned->clear();
  const client::Json found = chosen->root()["selectors"];
  for (std::size_t i = 0; i < found.size(); ++i) pinned->emplace_back(found.at(i).text());
  return pinned;
}

bool names_everything(const std::vector<std::string>& selectors) {
  return std::find(selectors.begin(), selectors.end(), kEverySelector) != selectors.end();
}

std::string joined_selectors(const std::vector<std::string>& selectors) {
  std::string text;
  for (const std::string& selector : selectors) text += client::join_text(text.empty() ? "" : " ", selector);
  return text;
}

}  // namespace muster::cli
