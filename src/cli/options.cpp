// Declaring and parsing options: GNU long options, one-letter ones, `--`.
// Values are taken as they are: empty ones, ones that begin with a dash and ones in brackets too.
#include "cli/options.h"

#include <charconv>
#include <utility>

#include "client/text.h"
#include "core/escape.h"
#include "core/nearest_word.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;

namespace {

std::unexpected<Error> bad_value(const OptionSpec& option, std::string_view value,
                                 std::string_view expected) {
  return refuse(ErrorKind::usage, kMalformedValue,
                join_text("'", escape_text(value), "' is no ", option.value_name, " for ", option.long_name),
                std::string(expected));
}

std::string without_grouping(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  return digits;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  const std::string digits = without_grouping(text);
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return number;
}

template <class T>
std::function<Result<void>(std::string_view)> taker(std::optional<T>& target,
                                                    Result<T> (*parse)(std::string_view)) {
  return [&target, parse](std::string_view value) -> Result<void> {
    Result<T> parsed = parse(value);
    if (!parsed) return std::unexpected(parsed.error());
    target = *parsed;
    return {};
  };
}

}  // namespace

void Options::add(std::string_view names, ValueShape shape, std::string_view value_name,
                  std::string_view help, std::function<Result<void>(std::string_view)> take) {
  OptionSpec spec;
  const std::size_t comma = names.find(',');
  if (comma != std::string_view::npos) spec.short_name = names.substr(0, comma);
  spec.long_name = comma == std::string_view::npos ? names : names.substr(comma + 1);
  spec.shape = shape;
  spec.value_name = value_name;
  spec.help = help;
  spec.take = std::move(take);
  custom(std::move(spec));
}

void Options::custom(OptionSpec spec) {
  if (spec.section.empty()) spec.section = section_;
  options_.push_back(std::move(spec));
}

void Options::flag(std::string_view names, bool& target, std::string_view help) {
  add(names, ValueShape::none, "", help, [&target](std::string_view) -> Result<void> {
    target = true;
    return {};
  });
}

void Options::text(std::string_view names, std::string_view value_name, std::string& target,
                   std::string_view help) {
  add(names, ValueShape::one, value_name, help, [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  });
}

void Options::text(std::string_view names, std::string_view value_name, std::optional<std::string>& target,
                   std::string_view help) {
  add(names, ValueShape::one, value_name, help, [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  });
}

void Options::texts(std::string_view names, std::string_view value_name, std::vector<std::string>& target,
                    std::string_view help) {
  add(names, ValueShape::one, value_name, help, [&target](std::string_view value) -> Result<void> {
    target.emplace_back(value);
    return {};
  });
}

void Options::words(std::string_view names, std::string_view value_name, std::vector<std::string>& target,
                    std::string_view help) {
  add(names, ValueShape::several, value_name, help, [&target](std::string_view value) -> Result<void> {
    target.emplace_back(value);
    return {};
  });
}

void Options::number(std::string_view names, std::string_view value_name,
                     std::optional<std::uint64_t>& target, std::string_view help) {
  add(names, ValueShape::one, value_name, help, nullptr);
  options_.back().take = [&target, option = options_.back()](std::string_view value) -> Result<void> {
    const std::optional<std::uint64_t> number = parse_number<std::uint64_t>(value);
    if (!number || *number > kIndexMax) return bad_value(option, value, "expected a whole number from 0 on");
    target = number;
    return {};
  };
}

void Options::integer(std::string_view names, std::string_view value_name,
                      std::optional<std::int64_t>& target, std::string_view help) {
  add(names, ValueShape::one, value_name, help, nullptr);
  options_.back().take = [&target, option = options_.back()](std::string_view value) -> Result<void> {
    const std::optional<std::int64_t> number = parse_number<std::int64_t>(value);
    if (!number) return bad_value(option, value, "expected a whole number");
    target = number;
    return {};
  };
}

void Options::memory_mb(std::string_view names, std::optional<std::uint64_t>& target, std::string_view help) {
  add(names, ValueShape::one, "SIZE", help, taker<std::uint64_t>(target, &parse_memory_mb));
}

void Options::bytes(std::string_view names, std::string_view value_name, std::optional<std::uint64_t>& target,
                    std::string_view help) {
  add(names, ValueShape::one, value_name, help, taker<std::uint64_t>(target, &parse_bytes));
}

void Options::duration_us(std::string_view names, std::optional<std::int64_t>& target,
                          std::string_view help) {
  add(names, ValueShape::one, "DURATION", help, taker<std::int64_t>(target, &parse_duration_us));
}

void Options::choice(std::string_view names, std::span<const std::string_view> choices, std::string& target,
                     std::string_view help) {
  std::string value_name;
  for (const std::string_view choice : choices)
    value_name += join_text(value_name.empty() ? "" : "|", choice);
  add(names, ValueShape::one, value_name, help, nullptr);
  options_.back().take = [&target, choices,
                          name = options_.back().long_name](std::string_view value) -> Result<void> {
    std::string all;
    for (const std::string_view choice : choices) {
      if (choice == value) {
        target = value;
        return {};
      }
      all += join_text(all.empty() ? "" : ", ", choice);
    }
    const std::string near = nearest_word(value, choices);
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("'", escape_text(value), "' is no choice of ", name,
                            near.empty() ? "" : join_text("; did you mean '", near, "'?")),
                  join_text("one of: ", all));
  };
}

void Options::attached(std::string_view names, std::string_view value_name, std::string_view implied,
                       std::optional<std::string>& target, std::string_view help) {
  add(names, ValueShape::attached, value_name, help,
      [&target, implied = std::string(implied)](std::string_view value) -> Result<void> {
        target = value.empty() ? implied : std::string(value);
        return {};
      });
}

void Options::positional(std::string_view value_name, std::vector<std::string>& target, std::size_t least,
                         std::size_t most, std::string_view help) {
  positionals_.push_back({std::string(value_name), least, most, std::string(help), &target});
}

void Options::command_words(std::string_view value_name, std::vector<std::string>& target,
                            std::string_view help) {
  command_words_ = &target;
  positionals_.push_back({std::string(value_name), 0, kAnyCount, std::string(help), &target});
}

bool Options::given(std::string_view long_name) const {
  for (const std::string& name : given_) {
    if (name == long_name) return true;
  }
  return false;
}

const OptionSpec* Options::find(std::string_view name) const {
  for (const OptionSpec& option : options_) {
    if (option.long_name == name || (!option.short_name.empty() && option.short_name == name)) return &option;
  }
  return nullptr;
}

// "-" alone is a word (standard input), and so is a negative number.
bool Options::is_option(std::string_view word) const {
  if (word.size() < 2 || word[0] != '-') return false;
  const bool negative_number = word[1] >= '0' && word[1] <= '9';
  return !negative_number || find(word.substr(0, 2)) != nullptr;
}

std::unexpected<Error> Options::unknown(std::string_view name, std::string_view path) const {
  const std::string command = path.empty() ? "muster" : join_text("muster ", path);
  std::vector<std::string_view> names;
  names.reserve(options_.size());
  for (const OptionSpec& option : options_) names.push_back(option.long_name);
  const std::string near = nearest_word(name, names);
  return refuse(ErrorKind::usage, kUnknownWord,
                join_text("'", command, "' has no option ", escape_text(name),
                          near.empty() ? "" : join_text("; did you mean ", near, "?")),
                join_text("its options:  muster help", path.empty() ? "" : " ", path));
}

Result<void> Options::take_value(const OptionSpec& option, std::string_view value) {
  given_.push_back(option.long_name);
  Result<void> taken = option.take(value);
  if (taken || taken.error().what.find(option.long_name) != std::string::npos) return taken;
  Error error = taken.error();
  error.what = join_text(option.long_name, ": ", error.what);
  return std::unexpected(std::move(error));
}

// The words after the option's own; `at` is moved past what was taken.
Result<void> Options::take_values(const OptionSpec& option, std::span<const std::string> words,
                                  std::size_t& at) {
  if (option.shape == ValueShape::none || option.shape == ValueShape::attached) return take_value(option, "");
  if (at >= words.size()) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text(option.long_name, " needs a value: ", option.value_name));
  }
  if (option.shape == ValueShape::one) return take_value(option, words[at++]);
  if (words[at] == "--" || is_option(words[at])) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text(option.long_name, " needs a value: ", option.value_name));
  }
  while (at < words.size() && words[at] != "--" && !is_option(words[at])) {
    if (auto taken = take_value(option, words[at++]); !taken) return taken;
  }
  return {};
}

Result<void> Options::take_long(std::span<const std::string> words, std::size_t& at, std::string_view path) {
  const std::string& word = words[at++];
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const OptionSpec* option = find(name);
  if (option == nullptr) return unknown(name, path);
  if (equals == std::string::npos) return take_values(*option, words, at);
  if (option->shape == ValueShape::none) {
    return refuse(ErrorKind::usage, kMalformedValue, join_text(name, " takes no value"));
  }
  return take_value(*option, std::string_view(word).substr(equals + 1));
}

// `-n NAME`, `-nNAME`, `-qf`: flags may stand together, the last one may take a value.
Result<void> Options::take_short(std::span<const std::string> words, std::size_t& at, std::string_view path) {
  const std::string& word = words[at++];
  for (std::size_t i = 1; i < word.size(); ++i) {
    const OptionSpec* option = find(join_text('-', word[i]));
    if (option == nullptr) return unknown(join_text('-', word[i]), path);
    if (option->shape != ValueShape::none && i + 1 < word.size()) {
      return take_value(*option, std::string_view(word).substr(i + 1));
    }
    if (auto taken = take_values(*option, words, at); !taken) return taken;
  }
  return {};
}

Result<void> Options::take_positional(const std::string& word, std::string_view path) {
  for (const PositionalSpec& positional : positionals_) {
    if (positional.target == command_words_) continue;
    if (positional.target->size() >= positional.most) continue;
    positional.target->push_back(word);
    return {};
  }
  return refuse(ErrorKind::usage, kUnknownWord,
                join_text("'muster ", path, "' has no use for the word '", escape_text(word), "'"),
                join_text("how it is used:  muster help ", path));
}

Result<void> Options::parse(std::span<const std::string> words, std::string_view path) {
  bool only_words = false;
  for (std::size_t at = 0; at < words.size();) {
    const std::string& word = words[at];
    if (!only_words && word == "--") {
      only_words = true;
      ++at;
      continue;
    }
    const bool option = !only_words && is_option(word);
    if (!option && command_words_ != nullptr) {
      command_words_->assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
      break;
    }
    Result<void> taken;
    if (!option) {
      taken = take_positional(words[at++], path);
    } else {
      taken = word.starts_with("--") ? take_long(words, at, path) : take_short(words, at, path);
    }
    if (!taken) return taken;
  }
  for (const PositionalSpec& positional : positionals_) {
    if (positional.target->size() >= positional.least) continue;
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("'muster ", path, "' needs a ", positional.value_name),
                  join_text("how it is used:  muster help ", path));
  }
  return {};
}

}  // namespace muster::cli
