// Reading NAME=VALUE.
// JSON carries them, so both sides have to be UTF-8.
#include "cli/pairs.h"

#include <charconv>

#include "client/json.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/resources.h"

namespace muster::cli {

using client::join_text;

namespace {

std::unexpected<Error> bad_pair(std::string_view option, std::string_view word, std::string_view why) {
  return refuse(ErrorKind::usage, kMalformedValue, join_text(option, " '", escape_text(word), "': ", why),
                join_text("as in ", option, " NAME=VALUE"));
}

Result<void> add(Pairs& pairs, std::string_view option, std::string_view word, std::string name,
                 std::string value) {
  if (name.empty()) return bad_pair(option, word, "there is no name before the =");
  if (!client::is_utf8(name) || !client::is_utf8(value))
    return bad_pair(option, word, "it is not UTF-8 text");
  for (const auto& [known, unused] : pairs) {
    if (known == name) return bad_pair(option, word, "this name was given before");
  }
  pairs.emplace_back(std::move(name), std::move(value));
  return {};
}

}  // namespace

Result<Pairs> read_environment(const std::vector<std::string>& words,
                               const client::Environment& environment) {
  Pairs pairs;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (auto today = environment(word)) {
      value = std::move(*today);
    } else {
      return bad_pair("--env", word, "the variable is not set here, so it has no value to pass on");
    }
    if (auto added = add(pairs, "--env", word, word.substr(0, equals), std::move(value)); !added) {
      return std::unexpected(added.error());
    }
  }
  return pairs;
}

Result<Pairs> read_labels(const std::vector<std::string>& words) {
  Pairs pairs;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return bad_pair("--label", word, "there is no =");
    if (auto added = add(pairs, "--label", word, word.substr(0, equals), word.substr(equals + 1)); !added) {
      return std::unexpected(added.error());
    }
  }
  return pairs;
}

Result<Pairs> read_pairs(std::string_view option, const std::vector<std::string>& words) {
  Pairs pairs;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return bad_pair(option, word, "there is no =");
    if (!is_resource_name(word.substr(0, equals)) || !is_label_value(word.substr(equals + 1)))
      return bad_pair(option, word, "names and values are letters, digits and -_./");
    if (auto added = add(pairs, option, word, word.substr(0, equals), word.substr(equals + 1)); !added)
      return std::unexpected(added.error());
  }
  return pairs;
}

namespace {

std::string variable_of(std::string_view name) {
  std::string variable;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z') {
      variable += static_cast<char>(c - 'a' + 'A');
    } else {
      variable += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }
  }
  return !variable.empty() && variable[0] >= '0' && variable[0] <= '9' ? "_" + variable : variable;
}

}  // namespace

Result<Pairs> read_secrets(const std::vector<std::string>& words) {
  Pairs pairs;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string variable = equals == std::string::npos ? variable_of(name) : word.substr(equals + 1);
    if (name.empty() || variable.empty())
      return bad_pair("--secret", word, "the name or the variable is missing");
    if (auto added = add(pairs, "--secret", word, variable, name); !added)
      return std::unexpected(added.error());
  }
  return pairs;
}

Result<Amounts> read_amounts(std::string_view option, const std::vector<std::string>& words) {
  Amounts amounts;
  const Result<Pairs> pairs = read_pairs(option, words);
  if (!pairs) return std::unexpected(pairs.error());
  for (const auto& [name, value] : *pairs) {
    std::uint64_t amount = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), amount);
    if (error != std::errc{} || end != value.data() + value.size())
      return bad_pair(option, join_text(name, "=", value), "behind the = stands a whole number");
    amounts.emplace_back(name, amount);
  }
  return amounts;
}

}  // namespace muster::cli
