// The options of one command as data: parsed, shown in help and listed by `muster help options` from the same place.
// Every word reaches its target as it was typed; a word that no option wants is an error, never ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster::cli {

enum class ValueShape : std::uint8_t {
  none,      // a flag
  one,       // --name X or --name=X
  attached,  // --shell or --shell=bash: the value only after '='
  several,   // --each A B C: every word up to the next option
};

struct OptionSpec {
  std::string short_name;  // "-n" or empty
  std::string long_name;   // "--name"
  ValueShape shape = ValueShape::none;
  std::string value_name;  // "SIZE"; empty for a flag
  std::string help;        // one sentence without a full stop
  std::string section;     // heading in the help; empty for the first, unnamed one
  // Called for each value, with "" for a flag and for an attached value that is absent.
  std::function<Result<void>(std::string_view value)> take;
};

struct PositionalSpec {
  std::string value_name;  // "SELECTOR"
  std::size_t least = 0;
  std::size_t most = 0;
  std::string help;
  std::vector<std::string>* target = nullptr;
};

inline constexpr std::size_t kAnyCount = static_cast<std::size_t>(-1);

// Targets must live until parse() has returned. Names are "--mem" or "-n,--name".
class Options {
 public:
  void flag(std::string_view names, bool& target, std::string_view help);
  void text(std::string_view names, std::string_view value_name, std::string& target, std::string_view help);
  void text(std::string_view names, std::string_view value_name, std::optional<std::string>& target,
            std::string_view help);
  // May be given several times, one value each.
  void texts(std::string_view names, std::string_view value_name, std::vector<std::string>& target,
             std::string_view help);
  // Takes every word up to the next option (a pattern that the shell has expanded).
  void words(std::string_view names, std::string_view value_name, std::vector<std::string>& target,
             std::string_view help);
  // 0 … 2^53; `1_000` is read as 1000.
  void number(std::string_view names, std::string_view value_name, std::optional<std::uint64_t>& target,
              std::string_view help);
  // May be negative.
  void integer(std::string_view names, std::string_view value_name, std::optional<std::int64_t>& target,
               std::string_view help);
  void memory_mb(std::string_view names, std::optional<std::uint64_t>& target, std::string_view help);
  void bytes(std::string_view names, std::string_view value_name, std::optional<std::uint64_t>& target,
             std::string_view help);
  void duration_us(std::string_view names, std::optional<std::int64_t>& target, std::string_view help);
  void choice(std::string_view names, std::span<const std::string_view> choices, std::string& target,
              std::string_view help);
  // `--shell` alone means `implied`; another value only as `--shell=VALUE`.
  void attached(std::string_view names, std::string_view value_name, std::string_view implied,
                std::optional<std::string>& target, std::string_view help);
  void custom(OptionSpec spec);

  // Words that belong to no option, in order; several positionals are filled one after the other.
  void positional(std::string_view value_name, std::vector<std::string>& target, std::size_t least,
                  std::size_t most, std::string_view help);
  // A command to run: from the first word that no option wants, or from what follows `--`, to the end.
  void command_words(std::string_view value_name, std::vector<std::string>& target, std::string_view help);
  // Heading above the options declared from now on.
  void section(std::string_view title) { section_ = title; }

  // kUnknownWord with the nearest right option, kMalformedValue for a value; `path` is the command's, for messages.
  Result<void> parse(std::span<const std::string> words, std::string_view path);

  // As typed: true when the option was given. `long_name` is "--mem".
  bool given(std::string_view long_name) const;

  const std::vector<OptionSpec>& options() const { return options_; }
  const std::vector<PositionalSpec>& positionals() const { return positionals_; }
  bool has_command_words() const { return command_words_ != nullptr; }

 private:
  void add(std::string_view names, ValueShape shape, std::string_view value_name, std::string_view help,
           std::function<Result<void>(std::string_view)> take);
  const OptionSpec* find(std::string_view name) const;
  Result<void> take_long(std::span<const std::string> words, std::size_t& at, std::string_view path);
  Result<void> take_short(std::span<const std::string> words, std::size_t& at, std::string_view path);
  Result<void> take_values(const OptionSpec& option, std::span<const std::string> words, std::size_t& at);
  Result<void> take_value(const OptionSpec& option, std::string_view value);
  Result<void> take_positional(const std::string& word, std::string_view path);
  bool is_option(std::string_view word) const;
  std::unexpected<Error> unknown(std::string_view name, std::string_view path) const;

  std::vector<OptionSpec> options_;
  std::vector<PositionalSpec> positionals_;
  std::vector<std::string>* command_words_ = nullptr;
  std::string section_;
  std::vector<std::string> given_;
};

}  // namespace muster::cli
