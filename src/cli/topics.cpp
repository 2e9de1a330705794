// The pages.
// Lines are at most 100 columns, so that none needs wrapping.
#include "cli/topics.h"

#include "core/filter.h"
#include "core/states_markdown.h"

namespace muster::cli {

namespace {

constexpr std::string_view kSelectors = R"(Selectors name batches, tasks and attempts

  42            batch 42
  42.17         task 17 of it
  42.17#2       the second attempt of that task
  42.1-500      tasks 1 to 500; also 42.1,3,7-9
  T100017       a task by its global number
  last          the newest batch; last.17 is a task of it
  @align        the newest batch called align; @align.17 is a task of it

  muster logs last.3
  muster cancel 42.100-200 43
)";

constexpr std::string_view kPlaceholders = R"(Placeholders in a COMMAND are replaced for each task

  {}        the item: a line, a file of --each, the number of --array, or the only column of a table
  {#}       the task's index, counted from 1
  {name}    the column `name` of a table
  {{        a literal {

  muster submit --from samples.tsv -- ./align --in {fastq} --out {sample}.bam

Several words are run as they are, without a shell. A placeholder is replaced inside its word; whatever
the value holds, it stays that one word.

One word with blanks, or --shell, is shell text, and so is the word after -c of sh, bash, dash, zsh, ksh.
There a placeholder becomes a reference to an environment variable that holds the value, quoted for its
place, so a value can never change what the shell does:

  muster submit --each '*.csv' -- 'sort {} > {}.sorted'

Lines without any placeholder in the COMMAND are appended to it, as xargs does.
)";

constexpr std::string_view kOutput = R"(Output is for people on a terminal and for programs in a pipe

  -o table    aligned columns, fitted to the terminal; the default there
  -o wide     all columns, nothing cut
  -o json     one document, with "schema":"muster.<thing>/1"; it only ever grows. Also --json
  -o jsonl    one JSON object per line
  -o csv      all columns, RFC 4180
  -o name     ids only. Also -q

A pipe gets tab-separated values: no colour, nothing cut, times in RFC 3339 UTC, durations in seconds,
memory in MiB. --columns id,state,exit_code chooses columns, --no-header leaves their names out.
Progress and errors go to standard error; with -o json errors are JSON too.
)";

constexpr std::string_view kExitCodes = R"(Exit codes, the same for every command

    0   success; of wait: every task succeeded
    1   the work ended, and something failed or was cancelled
    2   the command line or a value is wrong
    3   no such thing, or it is in the wrong state for this
    4   not allowed: the token is missing, wrong or too weak
    5   nothing can ever run it
    6   a confirmation is needed: say --yes
   69   no server answers
   75   temporary: try again
  124   --timeout is over; the work goes on
  130   interrupted with Ctrl-C; the work goes on
)";

constexpr std::string_view kEnvironment = R"(Environment variables

The command line reads

  MUSTER_URL            the server's address; --url wins
  MUSTER_CONTEXT        a server named in the config file; --context wins
  MUSTER_TOKEN_FILE     a file (0600) whose first line is the token; --token-file wins
  MUSTER_TOKEN          the token itself
  MUSTER_PROJECT        the project, where you have several; --project wins
  MUSTER_DATA           the data folder of the server on this machine; --data wins
  XDG_DATA_HOME         there is muster/, if MUSTER_DATA is not set; default ~/.local/share
  XDG_CONFIG_HOME       there is muster/config.toml; default ~/.config
  NO_COLOR FORCE_COLOR TERM COLUMNS    colours and width

The config file names servers (muster context create):

  current = "lab"
  [contexts.lab]
  url = "http://127.0.0.1:7420"
  token_file = "~/.config/muster/lab.token"
  project = "atlas"

What an option says comes before the environment, that before the context, that before the data folder.

On another machine the address begins with https://, and the server proves who it is by its key:
pin = "sha256//…" in the file, --pin, or the # part of the address. Without a fingerprint the
system's certificate authorities decide, or those of ca_file or --ca-file.

A task finds in its environment

  MUSTER_BATCH_ID MUSTER_TASK_ID MUSTER_TASK_INDEX MUSTER_ATTEMPT    which one it is
  MUSTER_CPUS MUSTER_MEM_MB MUSTER_GPUS                              what it was given
  CUDA_VISIBLE_DEVICES                                               its GPUs, if it has any
  INPUT OUTPUT RESOURCE TEMP CPU                                     its folders, its CPUs
)";

constexpr std::string_view kReasons =
    R"(Reasons: why a task does not move, as shown by task list and task show

  dependency    it waits for other tasks; cancelled with it: they can no longer succeed
  held          a person holds it, or its batch, until muster release
  backoff       it failed, and is tried again after a while
  busy          workers that could run it have no room now
  max-running   its batch runs as many tasks as --max-running allows
  quota         its user, its project, or a label of the workers is at its limit: muster limit list
  draining      the workers that could run it are paused, draining or quarantined
  no-slot       workers that are large enough have too few slots switched on
  no-worker     no worker that could run it is connected
  no-label      no worker carries the labels of --on, or serves this batch
  too-big       no worker that is there is large enough

  muster task show 42.17 says for each reason how many workers it rules out.
)";

struct Topic {
  std::string_view name;
  std::string_view text;
};

constexpr Topic kTopics[] = {
    {"selectors", kSelectors},       {"states", {}},      {"reasons", kReasons},
    {"placeholders", kPlaceholders}, {"output", kOutput}, {"exit-codes", kExitCodes},
    {"environment", kEnvironment},   {"filters", {}},
};

}  // namespace

std::vector<std::string_view> topic_names() {
  std::vector<std::string_view> names;
  for (const Topic& topic : kTopics) names.push_back(topic.name);
  return names;
}

std::optional<std::string> topic_text(std::string_view topic) {
  if (topic == "filters") return filters_page();
  if (topic == "states") return "States\n\n" + states_text();
  for (const Topic& known : kTopics) {
    if (known.name == topic) return std::string(known.text);
  }
  return std::nullopt;
}

}  // namespace muster::cli
