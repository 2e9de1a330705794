// Reading and hashing; the hash is kept as long as the file is the same one.
// The running program's own image can be read also when its file was replaced.
#include "runtime/own_program.h"

#include <sodium.h>

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

namespace muster::runtime {

std::string sha256_of(std::string_view bytes) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return hash;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

OwnProgram::OwnProgram(std::string path, std::string version) : path_(std::move(path)) {
  facts_.version = std::move(version);
}

bool OwnProgram::is_as_before(const struct stat& now) const {
  return now.st_dev == seen_.st_dev && now.st_ino == seen_.st_ino && now.st_size == seen_.st_size &&
         now.st_mtim.tv_sec == seen_.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec;
}

std::shared_ptr<const std::string> OwnProgram::bytes() {
  struct stat now{};
  if (stat(path_.c_str(), &now) != 0) return nullptr;
  if (auto read = read_.lock(); read && is_as_before(now)) return read;
  std::ifstream file(path_, std::ios::binary);
  auto read = std::make_shared<const std::string>(std::istreambuf_iterator<char>(file),
                                                  std::istreambuf_iterator<char>());
  if (read->empty()) return nullptr;
  if (!is_as_before(now)) facts_.sha256.clear();
  seen_ = now;
  read_ = read;
  return read;
}

std::optional<wire::Program> OwnProgram::facts() {
  struct stat now{};
  if (stat(path_.c_str(), &now) != 0) return std::nullopt;
  if (!facts_.sha256.empty() && is_as_before(now)) return facts_;
  const auto read = bytes();
  if (!read) return std::nullopt;
  facts_.sha256 = sha256_of(*read);
  facts_.size = read->size();
  return facts_;
}

}  // namespace muster::runtime
