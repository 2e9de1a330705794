// Reading items.
// The head that was looked at is sent first, then the rest as it comes.
#include "cli/items_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

using client::join_text;

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kHeadBytesMax = 2 * 1024 * 1024;
constexpr int kHintAfter_ms = 2000;

// An open file, what was read of it ahead, and how far the sending is.
struct Reading {
  int descriptor = -1;
  std::string name;
  std::string head;
  bool head_sent = false;
  bool hinted = false;

  ~Reading() {
    if (descriptor > STDERR_FILENO) close(descriptor);
  }
};

// A person who runs a command for one task in a script may not know that it reads its standard input.
void hint_when_silent(Reading& reading) {
  if (reading.descriptor != STDIN_FILENO || std::exchange(reading.hinted, true)) return;
  pollfd watched{reading.descriptor, POLLIN, 0};
  if (poll(&watched, 1, kHintAfter_ms) != 0) return;
  constexpr std::string_view kHint =
      "reading items from standard input, one task per line; for a single task:  < /dev/null\n";
  if (write(STDERR_FILENO, kHint.data(), kHint.size()) < 0) return;
}

Result<std::string> read_some(Reading& reading) {
  hint_when_silent(reading);
  std::string bytes(kReadBytes, '\0');
  for (;;) {
    const ssize_t count = read(reading.descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.resize(static_cast<std::size_t>(count));
      return bytes;
    }
    if (errno == EINTR) continue;
    return refuse(ErrorKind::usage, kTableError,
                  join_text(escape_text(reading.name), " cannot be read: ", std::strerror(errno)),
                  "check the file and submit again");
  }
}

// Reads until the names of the columns are known, or the input has ended.
Result<std::vector<std::string>> read_columns(Reading& reading, ItemFormat format) {
  ItemParser parser(format);
  while (parser.columns().empty() && reading.head.size() < kHeadBytesMax) {
    Result<std::string> bytes = read_some(reading);
    if (!bytes) return std::unexpected(bytes.error());
    const Result<void> fed = bytes->empty() ? parser.finish() : parser.feed(*bytes);
    if (!fed) return std::unexpected(fed.error());
    reading.head += *bytes;
    if (bytes->empty()) break;
  }
  return parser.columns();
}

client::BodySource source_of(std::shared_ptr<Reading> reading) {
  return [reading = std::move(reading)]() -> Result<std::string> {
    if (!std::exchange(reading->head_sent, true) && !reading->head.empty()) return reading->head;
    return read_some(*reading);
  };
}

}  // namespace

std::string_view items_kind(ItemFormat format) {
  switch (format) {
    case ItemFormat::lines:
      return "lines";
    case ItemFormat::nul_lines:
      return "lines0";
    case ItemFormat::tsv:
      return "tsv";
    case ItemFormat::csv:
      return "csv";
    case ItemFormat::jsonl:
      return "jsonl";
  }
  return "lines";
}

Result<ItemFormat> items_format(std::string_view text) {
  for (const ItemFormat format : {ItemFormat::lines, ItemFormat::tsv, ItemFormat::csv, ItemFormat::jsonl}) {
    if (items_kind(format) == text) return format;
  }
  return refuse(ErrorKind::usage, kMalformedValue,
                join_text("'", escape_text(text), "' is no format of items"),
                "one of: lines, tsv, csv, jsonl");
}

Result<ItemsInput> open_items(const std::string& path, ItemFormat format) {
  auto reading = std::make_shared<Reading>();
  reading->name = path == "-" ? "standard input" : path;
  reading->descriptor = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts{};
  if (reading->descriptor < 0 || fstat(reading->descriptor, &facts) != 0) {
    return refuse(ErrorKind::not_found, kNoSuchThing,
                  join_text("the file ", escape_text(path), " cannot be opened: ", std::strerror(errno)),
                  "name an existing file, or - for standard input");
  }
  if (S_ISDIR(facts.st_mode)) {
    return refuse(ErrorKind::usage, kTableError,
                  join_text(escape_text(path), " is a folder, not a file of items"),
                  join_text("one task per file of it:  --each '", escape_text(path), "/*'"));
  }
  ItemsInput input;
  input.format = format;
  input.columns = {""};
  if (input.kind() == ItemSource::table) {
    Result<std::vector<std::string>> columns = read_columns(*reading, format);
    if (!columns) return std::unexpected(columns.error());
    input.columns = std::move(*columns);
  }
  input.repeatable = S_ISREG(facts.st_mode) && reading->descriptor != STDIN_FILENO;
  input.source = source_of(reading);
  input.state = std::move(reading);
  return input;
}

ItemsInput items_from_names(const std::vector<std::string>& names) {
  auto reading = std::make_shared<Reading>();
  for (const std::string& name : names) {
    reading->head += name;
    reading->head.push_back('\0');
  }
  ItemsInput input;
  input.format = ItemFormat::nul_lines;
  input.columns = {""};
  input.repeatable = true;
  input.source = [reading]() -> Result<std::string> {
    return std::exchange(reading->head_sent, true) ? std::string() : reading->head;
  };
  input.state = std::move(reading);
  return input;
}

void rewind_items(ItemsInput& input) {
  auto& reading = *static_cast<Reading*>(input.state.get());
  reading.head_sent = false;
  if (reading.descriptor >= 0) lseek(reading.descriptor, static_cast<off_t>(reading.head.size()), SEEK_SET);
}

bool standard_input_may_hold_items() {
  struct stat facts{};
  if (fstat(STDIN_FILENO, &facts) != 0) return false;
  return S_ISFIFO(facts.st_mode) || S_ISREG(facts.st_mode) || S_ISSOCK(facts.st_mode);
}

}  // namespace muster::cli
