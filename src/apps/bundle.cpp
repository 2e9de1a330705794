// A tar archive in the ustar form, compressed by zlib as gzip.
// Member names get the folder muster-bundle/, so that unpacking litters nothing.
#include "apps/bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>

#include "core/check.h"
#include "core/escape.h"
#include "wire/native/json_writer.h"

namespace muster::apps {
namespace {

constexpr std::string_view kHidden = "[hidden]";
constexpr std::size_t kBlock = 512;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_space_or_quote(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '"' || c == '\'' || c == ',';
}

// After every `mark`, everything up to the first character for which `ends` holds is hidden.
template <class Ends>
void hide_after(std::string& text, std::string_view mark, Ends ends) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    at += mark.size();
    std::size_t end = at;
    while (end < text.size() && !ends(text[end])) ++end;
    if (end == at) continue;
    text.replace(at, end - at, kHidden);
    at += kHidden.size();
  }
}

// scheme://user:password@host
void hide_passwords(std::string& text) {
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
    at += 3;
    std::size_t end = at;
    while (end < text.size() && !is_space_or_quote(text[end]) && text[end] != '/') ++end;
    const std::size_t place = text.rfind('@', end);
    const std::size_t colon = text.find(':', at);
    if (place == std::string::npos || place < at || colon == std::string::npos || colon > place) continue;
    text.replace(colon + 1, place - colon - 1, kHidden);
  }
}

bool is_private(std::string_view member) {
  static constexpr std::array<std::string_view, 8> kPrivate = {"command", "env",   "environment", "note",
                                                               "labels",  "items", "why",         "cwd"};
  return std::find(kPrivate.begin(), kPrivate.end(), member) != kPrivate.end();
}

void write_public(wire::JsonWriter& out, const client::Json& value, bool keep_items) {
  if (value.is_object()) {
    out.begin_object();
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool list = keep_items && value.key(i) == "items";
      if (is_private(value.key(i)) && !list) continue;
      out.key(value.key(i));
      write_public(out, value.at(i), false);
    }
    out.end_object();
  } else if (value.is_array()) {
    out.begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) write_public(out, value.at(i), false);
    out.end_array();
  } else {
    out.raw(value.serialize());
  }
}

void put(std::array<char, kBlock>& header, std::size_t at, std::string_view text) {
  std::memcpy(header.data() + at, text.data(), text.size());
}

void put_octal(std::array<char, kBlock>& header, std::size_t at, std::size_t width, std::uint64_t number) {
  std::string digits(width, '0');
  for (std::size_t i = width; i-- > 0 && number != 0; number >>= 3)
    digits[i] = static_cast<char>('0' + (number & 7));
  put(header, at, digits);
}

std::string tar_header(const std::string& name, std::size_t size) {
  std::array<char, kBlock> header{};
  put(header, 0, name);
  put_octal(header, 100, 7, 0600);
  put_octal(header, 108, 7, 0);
  put_octal(header, 116, 7, 0);
  put_octal(header, 124, 11, size);
  put_octal(header, 136, 11, static_cast<std::uint64_t>(std::time(nullptr)));
  put(header, 148, "        ");
  header[156] = '0';
  put(header, 257, "ustar");
  put(header, 263, "00");
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 6, sum);
  header[154] = '\0';
  return {header.data(), header.size()};
}

std::string compressed(std::string_view bytes) {
  z_stream stream{};
  // 16 more than the window: gzip's head and end.
  const bool begun =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  MUSTER_CHECK(begun, "zlib begins");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool ended = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  MUSTER_CHECK(ended, "the output has room for everything");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string safe(text);
  hide_after(safe, "mst_", [](char c) { return !is_word(c); });
  hide_after(safe, "Bearer ", is_space_or_quote);
  hide_after(safe, "password=", is_space_or_quote);
  hide_passwords(safe);
  return safe;
}

std::string document_for_bundle(const client::Json& document) {
  std::string json;
  wire::JsonWriter out(json);
  write_public(out, document, true);
  return without_secrets(json);
}

void Bundle::add(std::string_view name, std::string_view text) {
  const std::string safe = without_secrets(text);
  tar_ += tar_header("muster-bundle/" + std::string(name), safe.size());
  tar_ += safe;
  tar_.append((kBlock - safe.size() % kBlock) % kBlock, '\0');
}

void Bundle::add_tail_of(std::string_view name, const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return;
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(0, file.tellg()));
  const std::size_t from = size > bytes_max ? size - bytes_max : 0;
  file.seekg(static_cast<std::streamoff>(from));
  std::string text(size - from, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  // The half line at the beginning may be the second half of a secret.
  if (from > 0) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  add(name, text);
}

Result<void> Bundle::write(const std::string& path) const {
  const std::string bytes = compressed(tar_ + std::string(2 * kBlock, '\0'));
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool written = file >= 0;
  for (std::string_view left = bytes; written && !left.empty();) {
    const ssize_t count = ::write(file, left.data(), left.size());
    written = count > 0;
    if (written) left.remove_prefix(static_cast<std::size_t>(count));
  }
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return {};
  return refuse(ErrorKind::temporary, kOutputFailed,
                escape_text(path) + " cannot be written: " + std::strerror(error),
                "name another file; one that is there is not replaced");
}

}  // namespace muster::apps
