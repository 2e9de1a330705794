// What `muster doctor` looks at on this machine, each with a verdict and, when something is wrong, a fix.
// Must hold: a check changes nothing that stays, takes no longer than a second, and never says "ok" of what it could not see.
#pragma once

#include <string>
#include <vector>

#include "client/json.h"

namespace muster::apps {

enum class Verdict : std::uint8_t { ok, warning, bad, skipped };
std::string_view to_text(Verdict verdict);

struct Finding {
  std::string check;
  Verdict verdict = Verdict::ok;
  std::string what;
  std::string fix;  // a command or one sentence; empty with ok
};

// ---- of this machine. `folder` is a data folder; it may be missing.
Finding check_kernel();
Finding check_open_files();
Finding check_memory_limits();
Finding check_folder(const std::string& folder);
Finding check_tokens(const std::string& folder);
Finding check_secrets_key(const std::string& folder);
Finding check_file_system(const std::string& folder);
Finding check_disk_space(const std::string& folder);
Finding check_disk_speed(const std::string& folder);

// ---- of the server, from its documents.
Finding check_version(const client::Json& status, std::string_view own_version);
Finding check_store(const client::Json& status);
// Whether the key that the server has opens all of them.
Finding check_secrets(const client::Json& secrets);
std::vector<Finding> check_workers(const client::Json& workers, std::string_view own_version);

}  // namespace muster::apps
