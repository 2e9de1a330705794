// `completion SHELL` prints the script that a shell reads; `complete`, which no help lists, answers it at each Tab.
// A server that takes longer than 300 ms is not waited for: who types is never held up, and nothing is said.
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "cli/commands/commands.h"
#include "cli/completion.h"
#include "cli/completion_scripts.h"
#include "cli/session.h"
#include "client/context_file.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

constexpr suseconds_t kPatience_us = 300'000;
constexpr std::uint64_t kBatchesAsked = 50;
constexpr std::uint64_t kTasksAsked = 200;
constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

class CompletionScript final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("bash|zsh|fish", shell_, 1, 1, "for which shell");
  }

  Result<int> run(Session& session) override {
    const std::string& shell = shell_.front();
    if (shell != "bash" && shell != "zsh" && shell != "fish") {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("there is no completion for '", escape_text(shell), "'"),
                    "one of: bash, zsh, fish");
    }
    session.out().write(shell == "bash"  ? kBashCompletion
                        : shell == "zsh" ? kZshCompletion
                                         : kFishCompletion);
    return 0;
  }

 private:
  std::vector<std::string> shell_;
};

// As far as one word goes: bash hands words over as they were typed, with their quotes.
std::string without_quotes(std::string_view word) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < word.size()) {
      out.push_back(word[++i]);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string_view kind_line(ValueKind kind) {
  switch (kind) {
    case ValueKind::file:
      return "files";
    case ValueKind::folder:
      return "folders";
    default:
      return "words";
  }
}

// What the server knows, by kind. Whatever goes wrong, there are fewer words.
class LiveWords {
 public:
  LiveWords(Session& session, const Completion& wanted) : session_(session), wanted_(wanted) {}

  void print() {
    switch (wanted_.kind) {
      case ValueKind::selector:
        selectors();
        break;
      case ValueKind::batch:
        batches();
        break;
      case ValueKind::batch_name:
        batch_names();
        break;
      case ValueKind::worker:
        list("/workers", [this](const Json& item) {
          offer(item["name"].text(),
                join_text(item["state"].text(), ", ", item["executing"].number(), " running"));
        });
        break;
      case ValueKind::user:
        list("/users", [this](const Json& item) { offer(item["name"].text(), "user"); });
        break;
      case ValueKind::project:
        list("/projects", [this](const Json& item) { offer(item["name"].text(), item["note"].text()); });
        break;
      case ValueKind::token:
        list("/tokens", [this](const Json& item) {
          offer(item["id"].serialize(), join_text(item["user"].text(), " ", item["note"].text()));
        });
        break;
      case ValueKind::limit:
        list("/limits", [this](const Json& item) { offer(item["id"].text(), "limit"); });
        break;
      case ValueKind::secret:
        list("/secrets", [this](const Json& item) { offer(item["name"].text(), item["note"].text()); });
        break;
      case ValueKind::context:
        contexts();
        break;
      default:
        break;
    }
    session_.out().flush();
  }

 private:
  void offer(std::string_view text, std::string_view description) {
    if (text.empty() || !text.starts_with(wanted_.typed) || needs_escape(text)) return;
    const std::string line = escape_text(description);
    session_.out().line(join_text(wanted_.start, text, line.empty() ? "" : "\t", truncate_text(line, 60)));
  }

  void each(const Result<Document>& page, const std::function<void(const Json&)>& add) {
    if (!page) return;
    const Json items = page->root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) add(items.at(i));
  }

  void list(std::string_view path, const std::function<void(const Json&)>& add) {
    const Result<client::Api*> api = session_.api();
    if (api) each((*api)->read(path), add);
  }

  void batches() {
    const Result<client::Api*> api = session_.api();
    if (!api) return;
    client::ListQuery query;
    query.limit = kBatchesAsked;
    const Result<Document> page = (*api)->batches(query);
    if (!page) return;
    each(page, [this](const Json& batch) {
      offer(batch["id"].serialize(), join_text(batch["name"].text(), "  ", batch["state"].text(), "  ",
                                               batch["tasks"].number(), " tasks"));
    });
    offer("last", "the newest batch");
    each(page, [this](const Json& batch) {
      offer(join_text("@", batch["name"].text()), "the newest of this name");
    });
  }

  void batch_names() {
    const Result<client::Api*> api = session_.api();
    if (!api) return;
    client::ListQuery query;
    query.limit = kBatchesAsked;
    each((*api)->batches(query),
         [this](const Json& batch) { offer(batch["name"].text(), batch["state"].text()); });
  }

  // Up to the first dot it is a batch; behind it its tasks, and behind # a task's attempts.
  void selectors() {
    const std::string& typed = wanted_.typed;
    const std::size_t dot = typed.find('.');
    const Result<client::Api*> api = session_.api();
    if (!api) return;
    if (dot == std::string::npos) {
      batches();
      return;
    }
    client::ListQuery query;
    query.limit = kTasksAsked;
    if (const std::size_t hash = typed.find('#'); hash != std::string::npos) {
      query.selector = typed.substr(0, hash);
      each((*api)->attempts(query), [&](const Json& attempt) {
        offer(join_text(query.selector, "#", attempt["attempt"].number()), attempt["state"].text());
      });
      return;
    }
    query.selector = typed.substr(0, dot);
    each((*api)->tasks(query), [&](const Json& task) {
      offer(join_text(query.selector, ".", task["index"].number()),
            join_text(task["state"].text(), "  ", task["command"].text()));
    });
  }

  void contexts() {
    const auto found = client::list_contexts(session_.environment());
    if (!found) return;
    for (const client::Context& context : found->contexts) {
      offer(context.name, context.url.empty() ? context.data_folder : context.url);
    }
  }

  Session& session_;
  const Completion& wanted_;
};

void end_quietly(int) { _exit(0); }

void limit_patience() {
  struct sigaction action{};
  action.sa_handler = &end_quietly;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer{};
  timer.it_value.tv_usec = kPatience_us;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

class Complete final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.command_words("SHELL -- WORD…", words_,
                          "the words after the program's name; the last one is being typed");
  }

  Result<int> run(Session& session) override {
    if (words_.size() < 3 || std::find(kShells.begin(), kShells.end(), words_[0]) == kShells.end()) return 2;
    limit_patience();
    std::vector<std::string> words(words_.begin() + 2, words_.end());
    if (words_[0] == "bash") {
      for (std::string& word : words) word = without_quotes(word);
    }
    const Completion completion = complete_words(session.commands(), words);
    Output& out = session.out();
    if (completion.kind == ValueKind::command) {
      out.line(join_text("command ", completion.command_from));
      return 0;
    }
    out.line(kind_line(completion.kind));
    for (const Candidate& candidate : completion.candidates) {
      out.line(join_text(candidate.text, candidate.description.empty() ? "" : "\t", candidate.description));
    }
    out.flush();
    // A token that comes from standard input is not there yet.
    if (completion.endpoint.token_file == "-") return 0;
    session.endpoint_options = completion.endpoint;
    LiveWords(session, completion).print();
    return 0;
  }

 private:
  std::vector<std::string> words_;
};

}  // namespace

const Command kCompletionCommand = {
    "completion",
    CommandSection::other,
    CommonOptions::none,
    "bash|zsh|fish",
    "print the script that completes words at the Tab key",
    "muster completion bash > ~/.local/share/bash-completion/completions/muster\n"
    "muster completion fish > ~/.config/fish/completions/muster.fish\n",
    &make_body<CompletionScript>};

const Command kCompleteCommand = {
    "complete",          CommandSection::hidden,          CommonOptions::none,
    "SHELL -- WORD…",    "answer a shell at the Tab key", "muster complete bash -- batch sh\n",
    &make_body<Complete>};

}  // namespace muster::cli
