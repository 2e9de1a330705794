// What a program of a door has at hand: its options, the server, its output; errors in the form "sbatch: error: …".
// Output is kept until the end, so that a call that fails half way says nothing but its error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/api.h"
#include "client/connector.h"
#include "core/error.h"
#include "doors/door.h"

namespace muster::doors {

enum class Takes : std::uint8_t { nothing, value, optional_value };

// One option; `name` is how the program asks for it, one of the words below.
struct OptionName {
  char letter;  // 0: none
  std::string_view word;
  Takes takes;
};

// The words of a call, sorted; parsed by getopt_long as the original programs do (short ones grouped, long ones abbreviated).
class Given {
 public:
  bool has(std::string_view word) const { return values_.contains(word); }
  // The last value; `fallback` when it was not given.
  std::string text(std::string_view word, std::string_view fallback = {}) const;
  // "a,b" and "a" "b" alike.
  std::vector<std::string> list(std::string_view word) const;
  void put(std::string_view word, std::string value);
  // Keeps what is there already.
  void add_missing(const Given& others);
  std::vector<std::string> operands;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

enum class Operands : std::uint8_t {
  anywhere,  // options may follow them
  last,      // from the first operand on everything is one: a script and its arguments
};
// E219 for an option that the table does not have, E203 for one without its value.
Result<Given> parse_options(std::span<const OptionName> table, const std::vector<std::string>& words,
                            Operands operands);

class Call {
 public:
  Call(std::string_view program, const client::Environment& environment);

  std::string_view program() const { return program_; }
  const client::Environment& environment() const { return environment_; }
  // Programs that give up on one bad answer call these: a server that is away is asked again for so long.
  void set_patience(std::int64_t patience_us) { deadline_mono_us_ = client::mono_now_us() + patience_us; }
  // question(client::Api&) until the server has answered or the patience is over.
  template <class Question>
  auto ask(Question question) -> decltype(question(std::declval<client::Api&>())) {
    for (;;) {
      if (connector_ == nullptr) connector_ = std::make_unique<client::Connector>(options_, environment_);
      const Result<client::Api*> api = connector_->api();
      if (api) {
        auto answer = question(**api);
        if (answer || !(*api)->server_was_away() || !pause()) return answer;
      } else if (api.error().kind != ErrorKind::unreachable || !pause()) {
        return std::unexpected(api.error());
      }
      connector_.reset();  // a server that starts again may have another port
    }
  }
  // Reads every page of a list.
  Result<std::vector<client::Document>> pages(std::string_view path, client::ListQuery query);

  std::string out;
  // Nothing is said of what is not asked for, as --quiet wishes; errors are.
  void set_quiet() { quiet_ = true; }
  void warn(std::string_view text);
  void note(std::string_view text);
  // Prints the error and returns the exit code of the program.
  int fail(const Error& error, int exit_code = 1);
  // Prints what was kept; the exit code.
  int done(int exit_code = 0);

 private:
  bool pause() const;

  std::string_view program_;
  const client::Environment& environment_;
  client::EndpointOptions options_;
  std::unique_ptr<client::Connector> connector_;
  std::int64_t deadline_mono_us_ = 0;
  bool quiet_ = false;
};

std::vector<std::string> split(std::string_view text, char separator);
// What a job gets of the caller's environment: variables that a shell can name, in UTF-8. What opens the server, and what an
// attempt is told of itself, stays here.
std::vector<std::pair<std::string, std::string>> callers_environment();
// USER or LOGNAME, as the original programs know the caller.
std::string system_user(const client::Environment& environment);

}  // namespace muster::doors
