// Bodies of the requests as JSON text, beside submission_json() of api.h.
// Every text has to be UTF-8: what is not would arrive changed.
#pragma once

#include <string>

#include "client/api.h"

namespace muster::client {

std::string change_json(const Change& change);
std::string batch_settings_json(const BatchSettings& settings);
std::string link_json(std::int64_t ttl_us);
std::string invite_json(std::int64_t ttl_us, std::string_view name);
std::string join_json(std::string_view spool_id, std::string_view name);
std::string worker_settings_json(const WorkerSettings& settings);
std::string worker_change_json(const WorkerChange& change);
std::string limit_settings_json(const LimitSettings& settings);

}  // namespace muster::client
