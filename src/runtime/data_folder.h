// Where things are in a data folder and in the worker's folder inside it; the one place that spells these names.
// A file that others read appears complete or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace muster::runtime {

// <data>/                 0700
//   lock                  held (flock) by the running server; its text is the process id
//   muster.db             the database
//   store.url             0600, one line: the database, when it is not muster.db
//   standby               there while a standby runs; server.url is the leader's then
//   server.url            the address, one line, with TLS the key's fingerprint behind a #; there exactly while a server answers
//                         (or after it was killed)
//   server.log            structured log, JSON lines
//   admin.token           0600, one line
//   tls.key, tls.crt      0600 and 0644: the server's own key, which stays the same, and the certificate made with it
//   secrets.key           0600: the key that secrets are sealed with; made with the first secret, in no backup
//   logs/                 what tasks wrote
//   worker/               the local worker's folder: it belongs to the agent
//     agent.lock          held (flock) by the running agent; its text is the process id
//     agent.token         0600, one line, written by the server, read by the agent at every connection
//     agent.log           what the agent prints
struct DataFolder {
  std::string path;  // absolute
  std::string lock() const { return path + "/lock"; }
  std::string database() const { return path + "/muster.db"; }
  std::string store_url() const { return path + "/store.url"; }
  std::string standby() const { return path + "/standby"; }
  std::string url() const { return path + "/server.url"; }
  std::string log() const { return path + "/server.log"; }
  std::string admin_token() const { return path + "/admin.token"; }
  std::string tls_key() const { return path + "/tls.key"; }
  std::string tls_certificate() const { return path + "/tls.crt"; }
  std::string secrets_key() const { return path + "/secrets.key"; }
  std::string logs() const { return path + "/logs"; }
  std::string worker() const { return path + "/worker"; }
  std::string agent_lock() const { return worker() + "/agent.lock"; }
  std::string agent_token() const { return worker() + "/agent.token"; }
  std::string agent_log() const { return worker() + "/agent.log"; }
};

// --data (may be empty), else $MUSTER_DATA, else $XDG_DATA_HOME/muster, else $HOME/.local/share/muster; made absolute.
Result<DataFolder> find_data_folder(const std::string& option);
// Makes the folder and those inside it, 0700. Errors: kMalformedValue with the system's reason.
Result<void> make_data_folder(const DataFolder& folder);

// The first line without its end; nothing if there is no such file, or it is empty.
std::optional<std::string> read_line_file(const std::string& path);
// Complete or not at all: written beside, synced, renamed. Errors: kDiskFull, or kInternal with the system's reason.
Result<void> write_file_atomically(const std::string& path, std::string_view text, unsigned mode);

}  // namespace muster::runtime
