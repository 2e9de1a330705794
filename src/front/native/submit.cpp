// POST /batches: new tasks from a body, or from a stream of items that is parsed while it arrives.
// Everything that can be refused without the engine is refused here, and nothing is posted before all of it has been read.
#include <sodium.h>

#include <algorithm>
#include <array>

#include "core/command.h"
#include "core/escape.h"
#include "core/item_table.h"
#include "core/units.h"
#include "front/body_hash.h"
#include "front/native/call.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kHeadLineBytesMax = 1 << 20;
constexpr std::size_t kDependenciesMax = 10'000;
constexpr std::size_t kKeyBytesMax = 255;
constexpr std::size_t kSecretsMax = 64;

std::unexpected<Error> bad_value(std::string what, std::string next = {}) {
  return refuse(ErrorKind::usage, kMalformedValue, std::move(what), std::move(next));
}

// ---- what all tasks share

Result<void> check_environment(const std::vector<std::pair<std::string, std::string>>& environment) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : environment) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos ||
        value.find('\0') != std::string::npos) {
      return bad_value("\"" + escape_text(truncate_text(name, 60)) +
                           "\" is not a usable name for the environment, or its value is not",
                       "names have no '=' and no NUL, values no NUL");
    }
    bytes += name.size() + value.size() + 2;
  }
  if (bytes > kEnvironmentBytesMax) {
    return bad_value("the environment has " + std::to_string(bytes) + " bytes; " +
                         std::to_string(kEnvironmentBytesMax) + " is the most",
                     "put large values into a file");
  }
  return {};
}

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

// Whether there is a secret is asked now, so that a mistyped name does not fail a thousand tasks later.
Result<void> check_secrets(const CallPtr& call, const wire::SubmitRequest& request) {
  if (request.secrets.size() > kSecretsMax)
    return bad_value("a task takes at most " + std::to_string(kSecretsMax) + " secrets");
  for (const auto& [variable, name] : request.secrets) {
    const std::string shown = "\"" + escape_text(truncate_text(variable, 60)) + "\"";
    if (!is_variable_name(variable) || variable.starts_with("MUSTER_"))
      return bad_value(shown + " cannot be the variable of a secret",
                       "letters, digits and _, not MUSTER_…: --secret NAME=VARIABLE");
    const bool twice = std::any_of(request.environment.begin(), request.environment.end(),
                                   [&](const auto& pair) { return pair.first == variable; });
    if (twice) return bad_value(shown + " is a secret and has a value of its own", "leave one of them out");
    if (call->vault.find(call->access.project, name) == nullptr)
      return std::unexpected(no_such_secret(call->access.project, name));
  }
  return {};
}

// The first word of the command, without its folder, fit to be a name.
std::string default_name(const std::vector<std::string>& words) {
  std::string_view word = words.front();
  word = word.substr(0, word.find_first_of(" \t\r\n", word.find_first_not_of(" \t\r\n")));
  word.remove_prefix(std::min(word.size(), word.find_first_not_of(" \t\r\n")));
  while (word.ends_with('/')) word.remove_suffix(1);
  word = word.substr(word.rfind('/') + 1);
  std::string name;
  for (const char c : word.substr(0, kNameBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    name += byte < 0x21 || byte >= 0x7f || c == '#' || (name.empty() && (c == '@' || c == '-')) ? '_' : c;
  }
  return check_name(name) ? name : "task";
}

Result<std::shared_ptr<const TaskTemplate>> make_template(const wire::SubmitRequest& request,
                                                          const std::vector<std::string>& columns,
                                                          ItemSource source) {
  static const std::vector<std::string> kNoColumns;
  if (request.command.empty()) return bad_value("there is no command", "give \"command\", a list of words");
  Result<CommandTemplate> command = compile_command(
      request.command, request.shell, source == ItemSource::table ? columns : kNoColumns, source);
  if (!command) return std::unexpected(std::move(command.error()));
  if (Result<void> named = request.name.empty() ? Result<void>{} : check_name(request.name); !named) {
    return std::unexpected(std::move(named.error()));
  }
  if (Result<void> checked = check_environment(request.environment); !checked)
    return std::unexpected(checked.error());
  auto body = std::make_shared<TaskTemplate>();
  body->name = request.name.empty() ? default_name(request.command) : request.name;
  body->command = std::move(*command);
  body->columns = columns;
  body->resources = request.resources;
  body->environment = request.environment;
  body->labels = request.labels;
  body->secrets = request.secrets;
  if (request.cwd == "none") {
    body->working_directory = WorkingDirectory::attempt;
  } else if (request.cwd.starts_with('/') && request.cwd.find('\0') == std::string::npos) {
    body->cwd = request.cwd;
  } else {
    return bad_value("\"cwd\" has to be an absolute path or \"none\"");
  }
  body->time_limit_us = request.time_limit_us;
  body->grace_us = request.grace_us;
  body->retries = request.retries;
  body->rerun = request.rerun;
  body->log_max_bytes = request.log_max_bytes;
  if (request.resources.cpu_slots == 0 && request.resources.gpu_slots == 0) {
    return bad_value("a task takes at least one slot");
  }
  return body;
}

// ---- what it waits for

Result<void> add_dependencies(const CallPtr& call, const std::vector<std::string>& selectors, bool any_end,
                              bool each, std::vector<Dependency>& out) {
  for (const std::string& text : selectors) {
    const Result<Selected> selected = resolve(call->backend, call->principal.project, text);
    if (!selected) return std::unexpected(selected.error());
    if (selected->attempt || (each && !selected->ranges.empty())) {
      return refuse(ErrorKind::usage, kMalformedSelector,
                    "nothing can wait for \"" + escape_text(text) + "\"" + (each ? " index by index" : ""),
                    each ? "name a whole batch" : "name a batch or a task");
    }
    Dependency dependency;
    dependency.kind = each ? DependencyKind::index : DependencyKind::batch;
    dependency.any_end = any_end;
    dependency.batch = selected->batch.id;
    if (!call->backend.load(dependency.batch)) {
      return std::unexpected(no_such_thing("there is no batch " + std::to_string(dependency.batch), ""));
    }
    if (selected->ranges.empty()) out.push_back(dependency);
    dependency.kind = DependencyKind::task;
    for (const IndexSpan& span : selected->ranges) {
      for (TaskIndex index = span.first; index <= span.last && out.size() <= kDependenciesMax; ++index) {
        dependency.index = index;
        out.push_back(dependency);
      }
    }
    if (out.size() > kDependenciesMax) {
      return bad_value("it would wait for more than " + std::to_string(kDependenciesMax) + " single tasks",
                       "wait for the whole batch, or use \"after_each\"");
    }
  }
  return {};
}

Result<std::vector<Dependency>> dependencies_of(const CallPtr& call, const wire::SubmitRequest& request) {
  std::vector<Dependency> out;
  for (const auto& [selectors, any_end, each] : {std::tuple(&request.after, false, false),
                                                 {&request.after_any, true, false},
                                                 {&request.after_each, false, true}}) {
    if (Result<void> added = add_dependencies(call, *selectors, any_end, each, out); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  return out;
}

// ---- items

Result<void> check_items(const TaskTemplate& body, const ItemBlock& block, std::uint64_t first_index) {
  // A block too small to pass the limit even if every placeholder took all of it needs no look at its rows.
  const std::size_t places = body.command.placeholders.size() + 1;
  std::size_t fixed = 0;
  for (const std::vector<Piece>& word : body.command.words) {
    for (const Piece& piece : word) fixed += piece.text.size() + 24;
  }
  if (places <= 4 && block.bytes.size() * places + fixed < kArgumentBytesMax) return {};
  std::vector<std::string_view> fields;
  for (std::size_t row = 0; row < block.rows(); ++row) {
    block.row(row, fields);
    if (Result<void> fits = check_argument_limit(body.command, first_index + row, fields); !fits) return fits;
  }
  return {};
}

// ---- the input

Result<void> set_series(const wire::SubmitRequest& request, Submit& submit) {
  if (request.array.empty()) return {};
  const Result<std::vector<IndexRange>> ranges = parse_array(request.array);
  if (!ranges) return std::unexpected(ranges.error());
  for (const IndexRange& range : *ranges) submit.series.push_back({range.first, range.last, range.step});
  return {};
}

Result<void> set_batch_name(const CallPtr& call, const wire::SubmitRequest& request, Submit& submit) {
  if (request.batch.empty()) return {};
  if (Result<void> named = check_name(request.batch); !named) return named;
  submit.batch_name = request.batch;
  // One that is final may have left the engine's memory; the newest of the name is the one that is meant.
  const std::optional<BatchId> id = call->backend.history().newest_batch_named(
      call->principal.project, request.batch, History::Closed::excluded);
  if (!id || !call->backend.load(*id)) return {};
  if (const std::optional<BatchRow> batch = call->backend.history().batch(*id)) {
    if (Result<void> may = call->may_change(*batch); !may) return may;
  }
  submit.batch = *id;
  return {};
}

void post_submit(const CallPtr& call, Submit submit) {
  const bool dry_run = submit.dry_run;
  const ProjectRow* project = call->directory.project(call->access.project);
  if (project == nullptr || project->closed) {
    return call->fail({ErrorKind::wrong_state, kWrongState,
                       "project " + call->access.project + " is closed: it takes no new work",
                       "open it: muster project set " + call->access.project + " --open"});
  }
  call->post(std::move(submit), [call, dry_run](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    const Submitted& submitted = std::get<Submitted>(reply);
    call->answer(dry_run || submitted.replayed ? 200 : 201, wire::submitted_json(submitted));
  });
}

// Everything but template and items; `hash` is of the whole body.
Result<Submit> make_submit(const CallPtr& call, const wire::SubmitRequest& request, std::string hash) {
  Submit submit;
  submit.principal = call->principal;
  submit.priority = request.priority;
  submit.max_running = request.max_running;
  submit.held = request.held;
  submit.closed = request.closed;
  submit.dry_run = request.dry_run;
  if (!call->idempotency_key.empty() && !request.dry_run) {
    if (call->idempotency_key.size() > kKeyBytesMax) return bad_value("the key is longer than 255 bytes");
    submit.key = call->idempotency_key;
    submit.body_hash = std::move(hash);
    submit.known_key = call->backend.history().key(submit.principal.project, submit.key);
  }
  if (Result<void> secrets = check_secrets(call, request); !secrets) return std::unexpected(secrets.error());
  if (Result<void> series = set_series(request, submit); !series) return std::unexpected(series.error());
  if (Result<void> named = set_batch_name(call, request, submit); !named)
    return std::unexpected(named.error());
  Result<std::vector<Dependency>> dependencies = dependencies_of(call, request);
  if (!dependencies) return std::unexpected(std::move(dependencies.error()));
  submit.dependencies = std::move(*dependencies);
  return submit;
}

std::unexpected<Error> no_items() {
  return refuse(ErrorKind::usage, kNoItems, "there are no items, so there is nothing to run",
                "give at least one line or row");
}

std::unexpected<Error> two_sources() {
  return refuse(ErrorKind::usage, kMalformedBody,
                "tasks come from an array, or lines, or a table: not from two of them",
                "leave out all but one");
}

Result<Submit> read_body(const CallPtr& call) {
  Result<wire::SubmitRequest> request = wire::read_submit(call->body);
  if (!request) return std::unexpected(std::move(request.error()));
  if (request->has_items && !request->array.empty()) return two_sources();
  if (request->has_items && request->item_count == 0) return no_items();
  ItemSource source = ItemSource::none;
  if (!request->array.empty()) source = ItemSource::index;
  if (request->has_items)
    source =
        request->columns.size() == 1 && request->columns[0].empty() ? ItemSource::line : ItemSource::table;
  Result<std::shared_ptr<const TaskTemplate>> body = make_template(*request, request->columns, source);
  if (!body) return std::unexpected(std::move(body.error()));
  std::uint64_t index = 1;
  for (const auto& block : request->items) {
    if (Result<void> checked = check_items(**body, *block, index); !checked)
      return std::unexpected(checked.error());
    index += block->rows();
  }
  BodyHash hash;
  if (!call->idempotency_key.empty()) hash.add(call->body);
  Result<Submit> submit = make_submit(call, *request, hash.take());
  if (!submit) return submit;
  submit->body = std::move(*body);
  submit->items = std::move(request->items);
  submit->item_count = request->item_count;
  return submit;
}

// The head line, then items; blocks are checked as they come.
class StreamedSubmit final : public BodySink {
 public:
  StreamedSubmit(CallPtr call, ItemFormat format) : call_(std::move(call)), format_(format) {}

  bool feed(std::string_view chunk) override {
    if (!call_->idempotency_key.empty()) hash_.add(chunk);
    Result<void> taken = take(chunk);
    if (!taken && !error_) error_ = std::move(taken.error());
    return !error_;
  }

  void finish(Respond respond) override {
    call_->respond = std::move(respond);
    Result<void> ended = error_ ? Result<void>(std::unexpected(*error_)) : end();
    if (failed(call_, ended)) return;
    Result<Submit> submit = make_submit(call_, request_, hash_.take());
    if (failed(call_, submit)) return;
    submit->body = std::move(body_);
    submit->items = std::move(items_);
    submit->item_count = item_count_;
    post_submit(call_, std::move(*submit));
  }

 private:
  Result<void> take(std::string_view chunk) {
    if (!parser_) {
      const std::size_t end = chunk.find('\n');
      head_.append(chunk.substr(0, end));
      if (head_.size() > kHeadLineBytesMax) {
        return refuse(ErrorKind::usage, kMalformedBody,
                      "the first line, which describes the submission, is too long",
                      "it is JSON on one line, then a newline, then the items");
      }
      if (end == std::string_view::npos) return {};
      if (Result<void> begun = begin(); !begun) return begun;
      chunk.remove_prefix(end + 1);
    }
    if (Result<void> fed = parser_->feed(chunk); !fed) return fed;
    return take_blocks();
  }

  Result<void> begin() {
    Result<wire::SubmitRequest> request = wire::read_submit(head_);
    if (!request) return std::unexpected(std::move(request.error()));
    request_ = std::move(*request);
    if (request_.has_items || !request_.array.empty()) return two_sources();
    parser_.emplace(format_, ItemLimits{.rows_max = call_->options.stream_tasks_max});
    return {};
  }

  Result<void> take_blocks() {
    while (std::optional<ItemBlock> block = parser_->take_block()) {
      if (body_ == nullptr) {
        const bool lines = format_ == ItemFormat::lines || format_ == ItemFormat::nul_lines;
        Result<std::shared_ptr<const TaskTemplate>> body =
            make_template(request_, block->columns, lines ? ItemSource::line : ItemSource::table);
        if (!body) return std::unexpected(std::move(body.error()));
        body_ = std::move(*body);
      }
      if (Result<void> checked = check_items(*body_, *block, item_count_ + 1); !checked) return checked;
      item_count_ += block->rows();
      items_.push_back(std::make_shared<const ItemBlock>(std::move(*block)));
    }
    return {};
  }

  Result<void> end() {
    if (!parser_) {
      return refuse(ErrorKind::usage, kMalformedBody, "the body ends before its first line does",
                    "it is JSON on one line, then a newline, then the items");
    }
    if (Result<void> done = parser_->finish(); !done) return done;
    if (Result<void> taken = take_blocks(); !taken) return taken;
    return item_count_ == 0 ? Result<void>(no_items()) : Result<void>{};
  }

  CallPtr call_;
  ItemFormat format_;
  BodyHash hash_;
  std::string head_;
  wire::SubmitRequest request_;
  std::optional<ItemParser> parser_;
  std::shared_ptr<const TaskTemplate> body_;
  std::vector<std::shared_ptr<const ItemBlock>> items_;
  std::uint64_t item_count_ = 0;
  std::optional<Error> error_;
};

// A stream that was refused before its first byte.
class RefusedStream final : public BodySink {
 public:
  explicit RefusedStream(Error error) : error_(std::move(error)) {}
  bool feed(std::string_view) override { return false; }
  void finish(Respond respond) override { respond(problem(error_)); }

 private:
  Error error_;
};

std::optional<ItemFormat> format_from_text(std::string_view text) {
  if (text == "lines") return ItemFormat::lines;
  if (text == "lines0") return ItemFormat::nul_lines;
  if (text == "tsv") return ItemFormat::tsv;
  if (text == "csv") return ItemFormat::csv;
  if (text == "jsonl") return ItemFormat::jsonl;
  return std::nullopt;
}

}  // namespace

void submit(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  Result<Submit> submit = read_body(call);
  if (failed(call, submit)) return;
  post_submit(call, std::move(*submit));
}

std::unique_ptr<BodySink> stream_submit(const CallPtr& call) {
  QueryReader query(call->target);
  std::string items;
  query.text("items", items);
  const std::optional<ItemFormat> format = format_from_text(items);
  if (!format) query.refuse_parameter("items", "has to be lines, lines0, tsv, csv or jsonl");
  if (const Result<void> read = query.finish(); !read) return std::make_unique<RefusedStream>(read.error());
  return std::make_unique<StreamedSubmit>(call, *format);
}

}  // namespace muster::front::native
