// Finds server and token.
// The token of a data folder opens only the server that this folder names, or one on the same loopback interface.
#include "client/endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "client/context_file.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::client {

namespace {

constexpr std::uint16_t kDefaultPort = 7420;
constexpr std::size_t kTokenBytesMax = 4096;

std::unexpected<Error> bad_url(std::string_view url, std::string_view why) {
  return refuse(ErrorKind::usage, kMalformedValue,
                join_text("'", escape_text(url), "' is not the address of a server: ", why),
                "an address looks like http://127.0.0.1:7420");
}

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

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
      return Place{found.url, source, data, found.token_file};
    }
    auto place = place_of_folder(found.data_folder, source);
    if (place) place->token_file = found.token_file;
    return place;
  }
  if (folder.empty()) {
    return refuse(ErrorKind::unreachable, kNoServer,
                  "no server is named, and HOME is not set, so there is no data folder to look in",
                  "name one with --url http://HOST:PORT or --data DIR");
  }
  return place_of_folder(folder, by_folder);
}

Result<std::string> find_token(const EndpointOptions& options, const Environment& environment,
                               const Place& place) {
  if (!options.token.empty()) return options.token;
  if (!options.token_file.empty()) return read_token(options.token_file);
  if (const auto file = environment("MUSTER_TOKEN_FILE")) return read_token(*file);
  if (auto token = environment("MUSTER_TOKEN")) return std::move(*token);
  if (!place.token_file.empty()) return read_token(place.token_file);
  const std::string file = place.data_folder + "/admin.token";
  if (!place.data_folder.empty() && access(file.c_str(), F_OK) == 0) return read_token_file(file);
  return refuse(ErrorKind::not_allowed, kTokenMissing,
                join_text("no token for ", escape_text(place.url), ": there is no ",
                          place.data_folder.empty() ? "data folder" : escape_text(file)),
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

Result<Address> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return bad_url(url, "only http on this machine is spoken");
  if (!url.starts_with(kScheme)) return bad_url(url, "it does not begin with http://");
  std::string_view rest = url.substr(kScheme.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos)
    return bad_url(url, "it is more than host and port");
  Address address{{}, kDefaultPort};
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return bad_url(url, "a bracket is not closed");
  const std::size_t colon = rest.find(':', bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size() || address.port == 0) {
      return bad_url(url, "the port is a number from 1 to 65535");
    }
    rest = rest.substr(0, colon);
  }
  if (bracket != 0) {
    if (!rest.ends_with(']')) return bad_url(url, "a bracket is out of place");
    rest = rest.substr(1, rest.size() - 2);
  }
  address.host = rest == "localhost" ? "127.0.0.1" : std::string(rest);
  if (!is_numeric(address.host)) return bad_url(url, "the host is neither localhost nor a numeric address");
  if (!is_loopback(address.host)) {
    return bad_url(url, "a token would cross the network unencrypted; use a tunnel to this machine");
  }
  return address;
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
  Result<std::string> token = find_token(options, environment, *place);
  if (!token) return std::unexpected(token.error());
  for (const char c : *token) {
    if (c < 0x21 || c > 0x7e) {
      return refuse(ErrorKind::not_allowed, kTokenWrong, "the token has a character that no token has",
                    "a token is one word of letters, digits and underscores");
    }
  }
  std::string project = options.project;
  if (project.empty()) project = environment("MUSTER_PROJECT").value_or("");
  return Endpoint{std::move(place->url), std::move(place->source), std::move(*address), std::move(*token),
                  std::move(project)};
}

}  // namespace muster::client
