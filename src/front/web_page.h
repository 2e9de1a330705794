// The web page as files that the program carries, and which of them a request gets.
// Anybody may have them: they hold nothing of the server's, and everything they show is asked for with a token.
#pragma once

#include <span>
#include <string_view>

#include "front/request.h"
#include "front/target.h"

namespace muster::front {

struct WebFile {
  std::string_view path;  // without a slash before it: "index.html", "assets/index-4f2c91aa.js"
  std::string_view content_type;
  std::string_view etag;  // with its quotes
  std::string_view plain;
  std::string_view gzip;    // empty: not smaller
  std::string_view brotli;  // empty: not smaller
};

// Everything but the paths of programs: /api, /metrics, /dl, the doors of other systems.
bool is_page_path(const Target& target);

// A file by its name; for a person (who accepts HTML) every other path is a place in the page. GET and HEAD.
Response page_answer(std::span<const WebFile> files, const RequestHead& head, const Target& target);

}  // namespace muster::front
