// Reading an unfinished command line.
// A word that does not parse ends nothing here: a person is still typing.
#include "cli/completion.h"

#include <algorithm>
#include <array>
#include <optional>

#include "cli/command_tree.h"
#include "cli/common_options.h"
#include "cli/topics.h"
#include "cli/views/view.h"
#include "client/text.h"
#include "core/states.h"

namespace muster::cli {

using client::join_text;

namespace {

struct NamedKind {
  std::string_view name;
  ValueKind kind;
};

// By the name that the help shows.
constexpr NamedKind kByValueName[] = {
    {"FILE", ValueKind::file},         {"FILE.tgz", ValueKind::file}, {"DIR", ValueKind::folder},
    {"SELECTOR", ValueKind::selector}, {"BATCH", ValueKind::batch},   {"PROJECT", ValueKind::project},
    {"ID", ValueKind::token},          {"WHAT", ValueKind::limit},    {"COMMAND…", ValueKind::command},
    {"TOPIC", ValueKind::words},       {"PAGE", ValueKind::words},    {"A,B", ValueKind::words},
};

constexpr NamedKind kByOption[] = {
    {"--context", ValueKind::context},  {"--project", ValueKind::project},   {"--user", ValueKind::user},
    {"--batch", ValueKind::batch_name}, {"--serves", ValueKind::batch_name},
};

// NAME of these objects, except where a new name is made up.
constexpr NamedKind kByObject[] = {
    {"worker", ValueKind::worker},   {"user", ValueKind::user},     {"project", ValueKind::project},
    {"context", ValueKind::context}, {"secret", ValueKind::secret},
};

std::string_view object_of(std::string_view path) { return path.substr(0, path.find(' ')); }

std::vector<std::string_view> states_of(std::string_view object) {
  std::vector<std::string_view> names;
  const auto add = [&names](const auto& cycle) {
    for (const auto& state : cycle.states) names.push_back(state.name);
  };
  if (object == "batch") add(kBatchCycle);
  if (object == "task") add(kTaskCycle);
  if (object == "attempt") add(kAttemptCycle);
  if (object == "worker") add(kWorkerCycle);
  return names;
}

std::vector<std::string_view> columns_of(std::string_view object) {
  constexpr std::array kViews = {&kBatchView, &kTaskView, &kAttemptView, &kWorkerView,  &kLimitView,
                                 &kEventView, &kUserView, &kTokenView,   &kProjectView, &kContextView};
  std::vector<std::string_view> names;
  const std::string_view thing = object == "audit" ? "audit row" : object == "status" ? "batch" : object;
  for (const View* view : kViews) {
    if (view->thing != thing) continue;
    for (const ViewColumn& column : view->columns) names.push_back(column.name);
  }
  if (thing == kAuditView.thing) {
    for (const ViewColumn& column : kAuditView.columns) names.push_back(column.name);
  }
  return names;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(at, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

class TypedLine {
 public:
  TypedLine(const std::vector<const Command*>& commands, std::span<const std::string> words)
      : commands_(commands), before_(words.first(words.size() - 1)), current_(words.back()) {
    out_.typed = current_;
  }

  Completion read() {
    std::size_t at = 0;
    if (leading_options(at)) return std::move(out_);
    if (at == before_.size()) {
      complete_first_word();
      return std::move(out_);
    }
    const Result<FoundCommand> found = find_command(commands_, before_.subspan(at));
    if (found) {
      read_command(*found->command, at + found->words);
    } else if (at + 1 == before_.size()) {
      complete_verb(before_[at]);
    }
    return std::move(out_);
  }

 private:
  // Options before the command: true when the word being typed is the value of one.
  bool leading_options(std::size_t& at) {
    Options common;
    CommonTargets targets;
    declare_common(common, CommonOptions::connection, targets);
    while (at < before_.size() && before_[at].size() > 1 && before_[at][0] == '-') {
      const OptionSpec* option = option_of(common, before_[at]);
      const bool takes_next = option != nullptr && option->shape == ValueShape::one;
      if (takes_next && at + 1 == before_.size()) {
        complete_value("", *option);
        return true;
      }
      at += takes_next ? 2 : 1;
    }
    static_cast<void>(common.parse(before_.first(std::min(at, before_.size())), ""));
    out_.endpoint = targets.endpoint;
    return false;
  }

  static const OptionSpec* option_of(const Options& options, std::string_view word) {
    for (const OptionSpec& option : options.options()) {
      if (option.long_name == word) return &option;
      // `-n`, `-fn`: of several letters the last one may take a value.
      const bool letters = word.size() > 1 && word[1] != '-' && !option.short_name.empty();
      if (letters && option.short_name[1] == word.back()) return &option;
    }
    return nullptr;
  }

  void offer(std::string_view text, std::string_view description) {
    out_.kind = ValueKind::words;
    const std::string whole = join_text(out_.start, text);
    if (!text.starts_with(out_.typed)) return;
    const auto same = [&](const Candidate& one) { return one.text == whole; };
    if (std::none_of(out_.candidates.begin(), out_.candidates.end(), same)) {
      out_.candidates.push_back({whole, std::string(description)});
    }
  }

  void offer_options(const Options& options) {
    for (const OptionSpec& option : options.options()) offer(option.long_name, option.help);
  }

  void complete_first_word() {
    if (current_.starts_with("-")) {
      Options common;
      CommonTargets targets;
      declare_common(common, CommonOptions::connection, targets);
      offer_options(common);
      offer("--version", "the version of this program");
      return;
    }
    for (const Command* command : commands_) {
      if (command->section == CommandSection::hidden) continue;
      const bool alone = command->path.find(' ') == std::string_view::npos;
      offer(object_of(command->path),
            alone ? std::string(command->summary) : verbs_of(object_of(command->path)));
    }
  }

  std::string verbs_of(std::string_view object) const {
    std::string verbs;
    for (const Command* command : commands_) {
      if (object_of(command->path) != object || command->path == object) continue;
      verbs += join_text(verbs.empty() ? "" : ", ", command->path.substr(object.size() + 1));
    }
    return verbs;
  }

  void complete_verb(std::string_view word) {
    for (const Command* command : commands_) {
      const std::string_view object = object_of(command->path);
      const bool same = object == word || join_text(object, "s") == word || join_text(object, "es") == word;
      if (!same || command->path == object) continue;
      offer(command->path.substr(object.size() + 1), command->summary);
    }
  }

  void read_command(const Command& command, std::size_t from) {
    const std::unique_ptr<CommandBody> body = command.make();
    Options options;
    CommonTargets targets;
    body->declare(options);
    declare_common(options, command.common, targets);
    targets.endpoint = out_.endpoint;
    static_cast<void>(options.parse(before_.subspan(from), command.path));
    out_.endpoint = std::move(targets.endpoint);
    walk(command, options, from);
  }

  // Which option or positional the word being typed belongs to.
  void walk(const Command& command, const Options& options, std::size_t at) {
    std::size_t positional = 0;
    const OptionSpec* open = nullptr;
    bool only_words = false;
    for (; at < before_.size(); ++at) {
      const std::string_view word = before_[at];
      const bool option = !only_words && word.size() > 1 && word[0] == '-';
      if (open != nullptr && (open->shape == ValueShape::one || !option)) {
        if (open->shape == ValueShape::one) open = nullptr;
        continue;
      }
      open = nullptr;
      if (option && word == "--") {
        only_words = true;
      } else if (option) {
        const OptionSpec* found = option_of(options, word);
        const bool takes =
            found != nullptr && (found->shape == ValueShape::one || found->shape == ValueShape::several);
        if (takes) open = found;
      } else if (options.has_command_words()) {
        complete_command(at);
        return;
      } else {
        ++positional;
      }
    }
    if (open != nullptr && (open->shape == ValueShape::one || !current_.starts_with("-"))) {
      complete_value(command.path, *open);
    } else if (!only_words && current_.starts_with("-")) {
      complete_option(command, options);
    } else {
      complete_positional(command, options, positional);
    }
  }

  void complete_command(std::size_t from) {
    out_.kind = ValueKind::command;
    out_.command_from = from;
  }

  void complete_option(const Command& command, const Options& options) {
    const std::size_t equals = current_.find('=');
    if (equals == std::string::npos) {
      offer_options(options);
      return;
    }
    const OptionSpec* option = option_of(options, current_.substr(0, equals));
    if (option == nullptr) return;
    out_.start = current_.substr(0, equals + 1);
    out_.typed = current_.substr(equals + 1);
    complete_value(command.path, *option);
  }

  void complete_positional(const Command& command, const Options& options, std::size_t position) {
    if (options.has_command_words()) {
      complete_command(before_.size());
      return;
    }
    for (const PositionalSpec& positional : options.positionals()) {
      if (position < positional.most) {
        complete_kind(command.path, "", positional.value_name, positional.help);
        return;
      }
      position -= positional.most;
    }
  }

  void complete_value(std::string_view path, const OptionSpec& option) {
    complete_kind(path, option.long_name, option.value_name, option.help);
  }

  void complete_kind(std::string_view path, std::string_view long_name, std::string_view value_name,
                     std::string_view help) {
    out_.kind = value_kind(path, long_name, value_name);
    if (out_.kind != ValueKind::words) return;
    if (value_name == "TOPIC" || value_name == "PAGE") {
      offer_topics();
    } else if (value_name == "A,B") {
      offer_list(long_name == "--columns" ? columns_of(object_of(path)) : states_of(object_of(path)));
    } else {
      for (const std::string_view choice : split(value_name, '|')) offer(choice, help);
    }
  }

  void offer_topics() {
    for (const std::string_view topic : topic_names()) offer(topic, "topic");
    for (const Command* command : commands_) {
      if (command->section != CommandSection::hidden) offer(object_of(command->path), "command");
    }
  }

  // `failed,run`: what stands before the last comma is settled.
  void offer_list(const std::vector<std::string_view>& names) {
    const std::size_t comma = out_.typed.rfind(',');
    if (comma != std::string::npos) {
      out_.start += out_.typed.substr(0, comma + 1);
      out_.typed.erase(0, comma + 1);
    }
    for (const std::string_view name : names) offer(name, "");
  }

  const std::vector<const Command*>& commands_;
  std::span<const std::string> before_;
  const std::string& current_;
  Completion out_;
};

}  // namespace

ValueKind value_kind(std::string_view path, std::string_view long_name, std::string_view value_name) {
  for (const NamedKind& known : kByOption) {
    if (known.name == long_name) return known.kind;
  }
  if (value_name.find('|') != std::string_view::npos) return ValueKind::words;
  const bool names_object = value_name == "NAME" || value_name == "SELECTOR";
  if (names_object && long_name.empty() && !path.ends_with(" create")) {
    for (const NamedKind& known : kByObject) {
      if (known.name == object_of(path)) return known.kind;
    }
  }
  for (const NamedKind& known : kByValueName) {
    if (known.name == value_name) return known.kind;
  }
  return ValueKind::free;
}

Completion complete_words(const std::vector<const Command*>& commands, std::span<const std::string> words) {
  return TypedLine(commands, words).read();
}

}  // namespace muster::cli
