// The web page that this program carries; made by cmake/web.cmake out of web/.
// Empty when the build left it out, which the build says.
#pragma once

#include <span>

#include "front/web_page.h"

namespace muster::apps {

std::span<const front::WebFile> web_files();

}  // namespace muster::apps
