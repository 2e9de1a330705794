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
