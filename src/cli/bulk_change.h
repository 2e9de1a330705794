// A change of the tasks that match a filter: one operation of the server, watched until it is through.
// A server that goes away meanwhile is asked again under the same key, so that what is done is done once.
#pragma once

#include <string>

#include "cli/progress_show.h"
#include "cli/session.h"
#include "client/api.h"

namespace muster::cli {

// Without a filter it is one call; with one, how far the look is is told while it takes.
Result<client::Document> change_tasks(Session& session, client::Verb verb, const client::Change& change,
                                      ProgressShow show);

}  // namespace muster::cli
