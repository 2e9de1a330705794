// Picks the file and the form of it that the browser takes.
// A file below assets/ never changes under its name; index.html is asked for anew each time, and mostly found unchanged.
#include "front/web_page.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/escape.h"
#include "front/front.h"
#include "front/selection.h"

namespace muster::front {
namespace {

constexpr std::string_view kIndex = "index.html";

constexpr std::array<std::string_view, 7> kOfPrograms = {"api",          "metrics", "healthz", "readyz",
                                                         "openapi.json", "dl",      "ga4gh"};

// Said to a person whose server was built without npm.
constexpr std::string_view kNoPage =
    "<!doctype html><meta charset=utf-8><title>Muster</title><h1>Muster is running</h1>"
    "<p>This program was built without its web page: npm was missing. The command line and the API have "
    "everything: "
    "<code>muster status</code>, <code>muster help</code>.</p>";

std::string path_text(const Target& target) {
  std::string text;
  for (const std::string& part : target.path) text += (text.empty() ? "" : "/") + part;
  return text;
}

const WebFile* find_file(std::span<const WebFile> files, std::string_view path) {
  const auto found =
      std::find_if(files.begin(), files.end(), [path](const WebFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

// Is `word` in a list like "gzip, br;q=0.8", and not with a weight of nothing?
bool accepts(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (item.starts_with(' ')) item.remove_prefix(1);
    const std::size_t end = item.find_first_of("; ");
    if (item.substr(0, end) != word) continue;
    const std::size_t weight = item.find("q=0");
    return weight == std::string_view::npos ||
           item.find_first_of("123456789", weight) != std::string_view::npos;
  }
  return false;
}

Response file_answer(const WebFile& file, const RequestHead& head) {
  Response response;
  response.audience = file.path.starts_with("assets/") ? Audience::page_part : Audience::page;
  response.fields.emplace_back("ETag", file.etag);
  if (head.find("if-none-match").find(file.etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.content_type = file.content_type;
  const std::string_view taken = head.find("accept-encoding");
  if (!file.brotli.empty() && accepts(taken, "br")) {
    response.fields.emplace_back("Content-Encoding", "br");
    response.body = file.brotli;
  } else if (!file.gzip.empty() && accepts(taken, "gzip")) {
    response.fields.emplace_back("Content-Encoding", "gzip");
    response.body = file.gzip;
  } else {
    response.body = file.plain;
  }
  return response;
}

}  // namespace

bool is_page_path(const Target& target) {
  return target.path.empty() ||
         std::find(kOfPrograms.begin(), kOfPrograms.end(), target.path[0]) == kOfPrograms.end();
}

Response page_answer(std::span<const WebFile> files, const RequestHead& head, const Target& target) {
  const std::string path = path_text(target);
  if (const WebFile* file = find_file(files, path); file != nullptr && !path.empty())
    return file_answer(*file, head);
  const bool for_a_person = path.empty() || (!path.starts_with("assets/") &&
                                             head.find("accept").find("text/html") != std::string_view::npos);
  if (!for_a_person) {
    return problem(no_such_thing("there is nothing at " + escape_text(truncate_text(head.target, 100)),
                                 "the native API is below /api/v1"));
  }
  if (const WebFile* index = find_file(files, kIndex)) return file_answer(*index, head);
  Response response{200, "text/html; charset=utf-8", {}, std::string(kNoPage)};
  response.audience = Audience::page;
  return response;
}

}  // namespace muster::front
