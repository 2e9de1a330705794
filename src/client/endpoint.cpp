// Finds server and token.
// The token of a data folder opens only the server that this folder names, or one that was named by hand.
#include "client/endpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "client/context_file.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::client {

namespace {

constexpr std::size_t kTokenBytesMax = 4096;

// A file descriptor that closes itself.
class File {
 public:
  explicit File(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Takes `step` bytes at a time: one where what follows the line is somebody else's.
std::string read_first_line(int descriptor, std::size_t step) {
  std::string line;
  std::array<char, kTokenBytesMax> buffer{};
  while (line.size() < kTokenBytesMax && line.find('\n') == std::string::npos) {
    const ssize_t count = read(descriptor, buffer.data(), step);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(count));
  }
  line.resize(std::min({line.size(), line.find('\n'), kTokenBytesMax}));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::optional<std::string> line_of_file(const std::string& path) {
  const File file(path);
  if (file.get() < 0) return std::nullopt;
  std::string line = read_first_line(file.get(), kTokenBytesMax);
  if (line.empty()) return std::nullopt;
  return line;
}

Result<std::string> read_token(const std::string& path) {
  if (path != "-") return read_token_file(path);
  std::string token = read_first_line(STDIN_FILENO, 1);
  if (token.empty()) {
    return refuse(ErrorKind::not_allowed, kTokenMissing, "--token-file - found no token on standard input",
                  "the token is the first line");
  }
  return token;
}

struct Place {
  std::string url;
  std::string source;
  std::string data_folder;  // whose token may be used; empty: none
  std::string token_file;   // of the context
  std::string pin{};        // of the context
  std::string ca_file{};    // of the context
  std::string project{};    // of the context
};

Result<Place> place_of_folder(std::string folder, std::string source) {
  if (const auto url = line_of_file(folder + "/server.url")) {
    return Place{*url, std::move(source), std::move(folder), {}};
  }
  return refuse(ErrorKind::unreachable, kNoServer,
                join_text("no server was found (", source, ")\n",
                          "no --url, no MUSTER_URL, and no server has left its "
                          "address in that folder"),
                "start one:  muster up -d          use another:  --url http://HOST:PORT");
}

Result<Place> find_place(const EndpointOptions& options, const Environment& environment) {
  const std::string folder = find_data_folder(options, environment);
  if (!options.url.empty()) return Place{options.url, "--url", folder, {}};
  const std::string by_folder = join_text("data folder ", escape_text(folder));
  if (!options.data_folder.empty()) return place_of_folder(folder, by_folder);
  if (options.context.empty()) {
    if (auto url = environment("MUSTER_URL")) return Place{std::move(*url), "MUSTER_URL", folder, {}};
  }
  std::string name = options.context;
  if (name.empty()) name = environment("MUSTER_CONTEXT").value_or("");
  auto context = find_context(name, environment);
  if (!context) return std::unexpected(context.error());
  if (*context) {
    Context& found = **context;
    const std::string source = join_text("context '", escape_text(found.name), "'");
    if (!found.url.empty()) {
      const std::string& data = found.data_folder.empty() ? folder : found.data_folder;
      return Place{found.url, source, data, found.token_file, found.pin, found.ca_file, found.project};
    }
    auto place = place_of_folder(found.data_folder, source);
    if (place) place->token_file = found.token_file;
    if (place) place->project = found.project;
    return place;
  }
  if (folder.empty()) {
    return refuse(ErrorKind::unreachable, kNoServer,
                  "no server is named, and HOME is not set, so there is no data folder to look in",
                  "name one with --url http://HOST:PORT or --data DIR");
  }
  return place_of_folder(folder, by_folder);
}

// A server elsewhere is not handed what opens the one of this folder.
bool opens(const std::string& folder, const Address& address) {
  if (net::is_loopback(address.host)) return true;
  const auto line = line_of_file(folder + "/server.url");
  const auto named = line ? net::parse_url(*line) : Result<Address>(std::unexpected(Error{}));
  return named && named->host == address.host && named->port == address.port;
}

Result<std::string> find_token(const EndpointOptions& options, const Environment& environment,
                               const Place& place, const Address& address) {
  if (!options.token.empty()) return options.token;
  if (!options.token_file.empty()) return read_token(options.token_file);
  if (const auto file = environment("MUSTER_TOKEN_FILE")) return read_token(*file);
  if (auto token = environment("MUSTER_TOKEN")) return std::move(*token);
  if (!place.token_file.empty()) return read_token(place.token_file);
  const std::string file = place.data_folder + "/admin.token";
  const bool own = !place.data_folder.empty() && opens(place.data_folder, address);
  if (own && access(file.c_str(), F_OK) == 0) return read_token_file(file);
  return refuse(ErrorKind::not_allowed, kTokenMissing,
                own || place.data_folder.empty()
                    ? join_text("no token for ", escape_text(place.url), ": there is no ",
                                place.data_folder.empty() ? "data folder" : escape_text(file))
                    : join_text("no token for ", escape_text(place.url),
                                ": the one in the data folder is for a server on this machine"),
                "name one with --token-file FILE or MUSTER_TOKEN_FILE, or the data folder with --data DIR");
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::string find_data_folder(const EndpointOptions& options, const Environment& environment) {
  if (!options.data_folder.empty()) return options.data_folder;
  if (auto data = environment("MUSTER_DATA")) return std::move(*data);
  if (const auto data_home = environment("XDG_DATA_HOME")) return *data_home + "/muster";
  if (const auto home = environment("HOME")) return *home + "/.local/share/muster";
  return {};
}

Result<std::string> read_token_file(const std::string& path) {
  const File file(path);
  struct stat facts{};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0) {
    return refuse(ErrorKind::not_allowed, kTokenMissing,
                  join_text("the token file ", escape_text(path), " cannot be read: ", std::strerror(errno)),
                  "name the right one with --token-file FILE, or run the command as the file's owner");
  }
  if (S_ISREG(facts.st_mode) && (facts.st_mode & 077) != 0) {
    return refuse(ErrorKind::not_allowed, kTokenFileOpen,
                  join_text("the token file ", escape_text(path), " can be read or changed by others"),
                  join_text("close it:  chmod 600 ", escape_text(path)));
  }
  std::string token = read_first_line(file.get(), kTokenBytesMax);
  if (token.empty()) {
    return refuse(ErrorKind::not_allowed, kTokenMissing,
                  join_text("the token file ", escape_text(path), " is empty"),
                  "its first line is the token");
  }
  return token;
}

Result<Endpoint> find_endpoint(const EndpointOptions& options, const Environment& environment) {
  Result<Place> place = find_place(options, environment);
  if (!place) return std::unexpected(place.error());
  Result<Address> address = parse_url(place->url);
  if (!address) return std::unexpected(address.error());
  // What is given by hand comes before what the address or the context says.
  if (const std::string& pin = options.pin.empty() ? place->pin : options.pin; !pin.empty()) {
    if (!net::is_pin(pin)) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("'", escape_text(pin), "' is not the fingerprint of a key"),
                    "it looks like sha256//… and is printed by muster invite");
    }
    if (address->pin.empty() || !options.pin.empty()) address->pin = pin;
  }
  Result<std::string> token = find_token(options, environment, *place, *address);
  if (!token) return std::unexpected(token.error());
  for (const char c : *token) {
    if (c < 0x21 || c > 0x7e) {
      return refuse(ErrorKind::not_allowed, kTokenWrong, "the token has a character that no token has",
                    "a token is one word of letters, digits and underscores");
    }
  }
  std::string url = place->url.substr(0, place->url.find('#'));
  std::string ca_file = options.ca_file.empty() ? place->ca_file : options.ca_file;
  std::string project = options.project;
  if (project.empty()) project = environment("MUSTER_PROJECT").value_or(place->project);
  return Endpoint{std::move(url),    std::move(place->source), std::move(*address),
                  std::move(*token), std::move(project),       std::move(ca_file)};
}

}  // namespace muster::client
