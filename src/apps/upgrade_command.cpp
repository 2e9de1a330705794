// fetch: a server's program, checked against its hash and tried, put in its place whole or not at all.
// guard: the old version, which watches the new one until that has reached the server.
#include "apps/upgrade_command.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"
#include "client/api.h"
#include "core/escape.h"
#include "core/join_key.h"
#include "runtime/agent/upgrade.h"
#include "runtime/data_folder.h"
#include "runtime/own_program.h"

namespace muster::apps {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Fetch final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--from", "URL", url_, "The server's address, with its fingerprint");
    options.text("--token-file", "FILE", token_file_, "The worker's own token");
    options.text("--is", "VERSION", version_, "What the program has to say of itself");
    options.text("--sha256", "HEX", sha256_, "What the program has to be");
    options.text("--out", "FILE", out_, "Where it goes");
  }

  Result<int> run(cli::Session&) override {
    Result<client::Address> address = client::parse_url(url_);
    if (!address) return std::unexpected(address.error());
    if (out_.empty() || version_.empty() || sha256_.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "what is fetched, and where it goes, is missing",
                    "muster fetch --from URL --is VERSION --sha256 HEX --out FILE");
    }
    if (runtime::hex_of(runtime::sha256_of(read_file(out_))) != sha256_) {
      if (Result<void> done = fetch(*address); !done) return std::unexpected(done.error());
    } else if (Result<void> runs = runtime::try_program(out_, version_); !runs) {
      return std::unexpected(runs.error());
    }
    return 0;
  }

 private:
  Result<void> fetch(const client::Address& address) const {
    const std::string token = token_file_.empty() ? "" : runtime::read_line_file(token_file_).value_or("");
    client::Api api({address.text(), "the address given", address, token, {}, {}}, -1);
    const Result<std::string> program = api.program();
    if (!program) return std::unexpected(program.error());
    if (runtime::hex_of(runtime::sha256_of(*program)) != sha256_) {
      return refuse(ErrorKind::not_allowed, kServerNotTrusted,
                    "what the server sent is not the program it spoke of; nothing was kept",
                    "the agent asks again by itself");
    }
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(out_).parent_path(), failed);
    const std::string beside = out_ + ".tried";
    if (Result<void> written = runtime::write_file_atomically(beside, *program, 0755); !written)
      return written;
    if (Result<void> runs = runtime::try_program(beside, version_); !runs) {
      unlink(beside.c_str());
      return runs;
    }
    if (rename(beside.c_str(), out_.c_str()) == 0) return {};
    return refuse(ErrorKind::temporary, kInternal, "cannot write " + escape_text(out_));
  }

  std::string url_;
  std::string token_file_;
  std::string version_;
  std::string sha256_;
  std::string out_;
};

class Guard final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.command_words("WORD…", words_, "How the agent is started again");
    options.text("--folder", "DIR", folder_, "The worker's folder");
    options.duration_us("--patience", patience_us_, "How long the new version has to reach the server");
  }

  Result<int> run(cli::Session&) override {
    const Result<void> watched = runtime::watch_upgrade(
        folder_, patience_us_.value_or(runtime::kUpgradePatience_us), words_, &go_on_alone);
    if (!watched) return std::unexpected(watched.error());
    return 0;
  }

 private:
  // Whoever started this may go on: it watches, as nobody's child.
  static void go_on_alone() {
    if (fork() != 0) _exit(0);
  }

  std::vector<std::string> words_;
  std::string folder_;
  std::optional<std::int64_t> patience_us_;
};

constexpr std::array<cli::Command, 2> kCommands{{
    {"fetch", cli::CommandSection::hidden, cli::CommonOptions::none,
     "--from URL --is VERSION --sha256 HEX --out FILE", "get a server's program",
     "muster fetch --from URL --is VERSION --sha256 HEX --out FILE   # what an older agent starts\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<Fetch>(); }},
    {"guard", cli::CommandSection::hidden, cli::CommonOptions::none, "--folder DIR -- WORD…",
     "watch over an agent that changes its version",
     "muster guard --folder DIR -- join --folder DIR   # what an older agent starts\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<Guard>(); }},
}};

}  // namespace

std::span<const cli::Command> upgrade_commands() { return kCommands; }

}  // namespace muster::apps
