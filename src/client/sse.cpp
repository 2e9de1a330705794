// The format of the HTML standard, as far as servers use it: fields event, data and id, comments, empty lines.
// A carriage return before the newline is not part of the line.
#include "client/sse.h"

namespace muster::client {

namespace {

constexpr std::size_t kMessageBytesMax = 16 << 20;

// The value of `name: value`; nothing when the line is another field.
bool has_field(std::string_view line, std::string_view name, std::string_view& value) {
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') return false;
  value = line.substr(name.size() + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return true;
}

}  // namespace

bool SseReader::take_line(std::string_view line, const std::function<bool(const StreamMessage&)>& take) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string_view value;
  if (line.empty()) {
    const bool complete = !message_.kind.empty() || !message_.data.empty();
    const bool wanted = !complete || take(message_);
    message_.kind.clear();
    message_.data.clear();
    return wanted;
  }
  if (has_field(line, "event", value)) {
    message_.kind = value;
  } else if (has_field(line, "data", value)) {
    if (!message_.data.empty()) message_.data.push_back('\n');
    message_.data += value;
  } else if (has_field(line, "id", value)) {
    message_.id = value;
  }
  return message_.data.size() <= kMessageBytesMax;
}

bool SseReader::feed(std::string_view bytes, const std::function<bool(const StreamMessage&)>& take) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) break;
    line_ += bytes.substr(0, end);
    if (!take_line(line_, take)) return false;
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
  line_ += bytes;
  return line_.size() <= kMessageBytesMax;
}

}  // namespace muster::client
