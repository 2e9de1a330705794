// From options to a submission.
// Relative names mean what they mean here, where the command was typed.
#include "cli/submission_options.h"

#include <array>
#include <cstdlib>
#include <memory>

#include "cli/glob_walk.h"
#include "cli/pairs.h"
#include "client/current_folder.h"
#include "client/text.h"
#include "core/command.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Submission;

namespace {

constexpr std::array<std::string_view, 2> kRerun = {"allowed", "never"};
constexpr std::array<std::string_view, 4> kFormats = {"lines", "tsv", "csv", "jsonl"};

void declare_items(Options& options, SubmissionOptions& target) {
  options.section("Many tasks instead of one");
  options.text("--array", "1-N[:STEP]", target.submission.array, "one task per number; {} is the number");
  options.text(
      "--from", "FILE", target.from,
      "one task per line or row of FILE (.tsv .csv .jsonl, else plain lines); - is standard input, which "
      "is read without --from too when it is a pipe or a file");
  options.choice("--format", kFormats, target.format,
                 "what --from or standard input holds, whatever its name");
  options.flag("-0,--null", target.nul_lines, "items end with a NUL instead of a newline");
  options.words("--each", "GLOB", target.each, "one task per file that matches, sorted; {} is its name");
}

void declare_needs(Options& options, SubmissionOptions& target) {
  Submission& submission = target.submission;
  options.section("What each task needs");
  options.number("--cpus", "N", submission.cpus, "CPUs, counted against the worker's");
  options.memory_mb("--mem", submission.mem_mb, "memory, as 512M or 16G; it may use no more");
  options.memory_mb("--disk", submission.disk_mb, "disk space");
  options.number("--gpus", "N", submission.gpus, "GPU slots, instead of a CPU slot");
  options.number("--slots", "N", submission.slots, "CPU slots; default 1");
  options.flag("--exclusive", submission.exclusive, "a whole worker: nothing else runs on it meanwhile");
  options.texts("--on", "NAME=VALUE", target.on, "only workers with this label; may be repeated");
  options.texts("--use", "NAME=N", target.use,
                "N of what workers offer under this name, as license=1; may be repeated");
  options.duration_us("--time", submission.time_us,
                      "time limit, as 90s, 30m, 4h; then TERM, after the grace KILL");
  options.duration_us("--grace", submission.grace_us, "between TERM and KILL; default 10s");
}

void declare_course(Options& options, Submission& submission) {
  options.section("Order and failure");
  options.number("--retry", "N", submission.retries, "try a failed task again, N times at most");
  options.number("--max-running", "N", submission.max_running, "at most N tasks of the batch at a time");
  options.integer("--priority", "N", submission.priority, "higher ones are started first; may be negative");
  options.texts("--after", "SELECTOR", submission.after, "only when that has succeeded; may be repeated");
  options.texts("--after-any", "SELECTOR", submission.after_any,
                "only when that has ended, whatever its end");
  options.texts("--after-each", "BATCH", submission.after_each,
                "task by task: 17 only after that batch's 17 has succeeded");
  options.choice("--rerun", kRerun, submission.rerun,
                 "never: a task that may have started is not started again");
  options.flag("--hold", submission.held, "start nothing until muster release");
  options.flag("--close", submission.closed, "the batch takes no more tasks after this");
}

void declare_surroundings(Options& options, SubmissionOptions& target) {
  options.section("Where and with what");
  options.text("--cwd", "DIR", target.cwd,
               "run there instead of here; none: in an own folder, removed after success");
  options.texts("--env", "NAME=VALUE", target.environment,
                "a variable for the tasks; NAME alone takes today's value");
  options.texts("--secret", "NAME[=VARIABLE]", target.secrets,
                "a secret of the project, in the tasks' environment alone");
  options.texts("--label", "NAME=VALUE", target.labels, "a label");
  options.attached("--shell", "SHELL", "sh", target.submission.shell, "COMMAND is shell text; default sh");
  options.bytes("--log-max", "SIZE", target.submission.log_max_bytes,
                "keep so much output per attempt; default 64M");
}

std::string under(const std::string& folder, const std::string& path) {
  if (path.starts_with('/')) return path;
  return folder.ends_with('/') ? folder + path : join_text(folder, '/', path);
}

Result<std::string> chosen_folder(const std::string& cwd, const client::Environment& environment) {
  if (cwd == "none" || cwd.starts_with('/')) return cwd;
  Result<std::string> here = client::current_folder(environment);
  if (!here || cwd.empty()) return here;
  const std::string path = under(*here, cwd);
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real != nullptr ? std::string(real.get()) : path;
}

std::unexpected<Error> two_sources() {
  return refuse(ErrorKind::usage, kMalformedValue,
                "--array, --from and --each each say what the tasks are: only one of them can",
                "leave the others out");
}

Result<std::optional<ItemsInput>> open_chosen_items(const SubmissionOptions& options,
                                                    const Session& session) {
  const int sources =
      (options.submission.array.empty() ? 0 : 1) + (options.from ? 1 : 0) + (options.each.empty() ? 0 : 1);
  if (sources > 1) return two_sources();
  if (!options.each.empty()) {
    Result<std::vector<std::string>> names = expand_patterns(options.each);
    if (!names) return std::unexpected(names.error());
    if (!options.cwd.empty()) {
      // Elsewhere a relative name would mean another file.
      const Result<std::string> here = client::current_folder(session.environment());
      if (!here) return std::unexpected(here.error());
      for (std::string& name : *names) name = under(*here, name);
    }
    return std::optional(items_from_names(*names));
  }
  const bool from_standard_input = sources == 0 && standard_input_may_hold_items();
  if (!options.from && !from_standard_input) {
    if (options.format.empty() && !options.nul_lines) return std::optional<ItemsInput>();
    return refuse(ErrorKind::usage, kNoItems, "--format or -0 is given, but there are no items to read",
                  "name a file with --from FILE, or pipe them in");
  }
  ItemFormat format = options.from ? item_format_of(*options.from) : ItemFormat::lines;
  if (!options.format.empty()) {
    const Result<ItemFormat> wanted = items_format(options.format);
    if (!wanted) return std::unexpected(wanted.error());
    format = *wanted;
  }
  if (options.nul_lines) format = ItemFormat::nul_lines;
  Result<ItemsInput> input = open_items(options.from.value_or("-"), format);
  if (!input) return std::unexpected(input.error());
  return std::optional(std::move(*input));
}

Result<void> check_text(const Submission& submission) {
  std::vector<const std::string*> texts = {&submission.name, &submission.batch, &submission.array,
                                           &submission.cwd};
  for (const auto* list :
       {&submission.command, &submission.after, &submission.after_any, &submission.after_each}) {
    for (const std::string& text : *list) texts.push_back(&text);
  }
  for (const std::string* text : texts) {
    if (client::is_utf8(*text)) continue;
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("'", escape_text(*text), "' is not UTF-8 text"),
                  "names of files that are not go through --each, --from or standard input");
  }
  return {};
}

// Early, and with the words of the server, which compiles it again.
Result<void> check_command(const PreparedSubmission& prepared) {
  ItemSource source = ItemSource::none;
  std::vector<std::string> columns;
  if (!prepared.submission.array.empty()) source = ItemSource::index;
  if (prepared.items) {
    source = prepared.items->kind();
    if (source == ItemSource::table) columns = prepared.items->columns;
  }
  const auto compiled =
      compile_command(prepared.submission.command, prepared.submission.shell, columns, source);
  if (!compiled) return std::unexpected(compiled.error());
  return {};
}

}  // namespace

void declare_submission(Options& options, SubmissionOptions& target) {
  options.command_words(
      "COMMAND…", target.submission.command,
      "several words are run as they are, without a shell; one word with blanks is shell text");
  options.text("-n,--name", "NAME", target.submission.name, "name of the batch, and of its tasks");
  options.text("--batch", "NAME", target.submission.batch,
               "add to the newest open batch of this name, or make one");
  declare_items(options, target);
  declare_needs(options, target);
  declare_course(options, target.submission);
  declare_surroundings(options, target);
  options.section("");
}

Result<PreparedSubmission> prepare_submission(SubmissionOptions options, const Session& session) {
  if (options.submission.command.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue, "there is no command to run",
                  "muster submit [options] -- COMMAND…");
  }
  if ((!options.format.empty() || options.nul_lines) &&
      (!options.submission.array.empty() || !options.each.empty())) {
    return refuse(ErrorKind::usage, kMalformedValue, "--format and -0 are about --from and standard input",
                  "leave them out");
  }
  if (!options.format.empty() && options.nul_lines && options.format != "lines") {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("-0 and --format ", escape_text(options.format), " contradict each other"),
                  "leave one of them out");
  }
  Result<Pairs> environment = read_environment(options.environment, session.environment());
  if (!environment) return std::unexpected(environment.error());
  Result<Pairs> labels = read_labels(options.labels);
  if (!labels) return std::unexpected(labels.error());
  Result<Pairs> secrets = read_secrets(options.secrets);
  if (!secrets) return std::unexpected(secrets.error());
  Result<Pairs> on = read_pairs("--on", options.on);
  if (!on) return std::unexpected(on.error());
  Result<Amounts> use = read_amounts("--use", options.use);
  if (!use) return std::unexpected(use.error());
  Result<std::string> folder = chosen_folder(options.cwd, session.environment());
  if (!folder) return std::unexpected(folder.error());
  if (!options.submission.array.empty()) {
    const auto array = parse_array(options.submission.array);
    if (!array) return std::unexpected(array.error());
  }
  Result<std::optional<ItemsInput>> items = open_chosen_items(options, session);
  if (!items) return std::unexpected(items.error());

  PreparedSubmission prepared;
  prepared.submission = std::move(options.submission);
  prepared.submission.environment = std::move(*environment);
  prepared.submission.labels = std::move(*labels);
  prepared.submission.secrets = std::move(*secrets);
  prepared.submission.on = std::move(*on);
  prepared.submission.use = std::move(*use);
  prepared.submission.cwd = std::move(*folder);
  prepared.items = std::move(*items);
  if (Result<void> text = check_text(prepared.submission); !text) return std::unexpected(text.error());
  if (Result<void> command = check_command(prepared); !command) return std::unexpected(command.error());
  return prepared;
}

}  // namespace muster::cli
