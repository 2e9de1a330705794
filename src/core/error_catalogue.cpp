// The help page of every code: what it means, what to do, and a command that does it.
// A code is in error.h (or join_key.h) exactly when it has a row here; rows are sorted by code.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/error.h"
#include "core/join_key.h"

namespace muster {

const CatalogueEntry kErrorCatalogue[] = {
    {kNoServer, "no server answers",
     "Nothing answers at the address that the command uses: no server was started on this machine, it was "
     "stopped, or the address is wrong.",
     "Start one, or name the right one with --url, MUSTER_URL, --context or --data. The address of a server "
     "that runs here is in the file server.url of its data folder.",
     "muster up -d"},
    {kPortInUse, "the port is in use",
     "Another program listens on the address that --listen names, most often a Muster server with another "
     "data folder.",
     "Stop it, choose another port, or let the system choose a free one with port 0; clients find it through "
     "the data folder.",
     "muster up -d --listen 127.0.0.1:0"},
    {kDataFolderInUse, "the data folder is in use",
     "A server already runs on this data folder, and two would destroy each other's records, so the second "
     "one does not start.",
     "Use the running one, stop it, or give this one another folder with --data.", "muster down"},
    {kDatabaseNewer, "the database is newer",
     "The data folder was last used by a newer version of Muster, which may have stored what this version "
     "cannot read. Nothing was changed.",
     "Start the newer version again, or restore the copy that it made beside the database before it upgraded "
     "it.",
     "muster restore before.db --data /srv/new"},
    {kDatabaseDamaged, "the database is damaged",
     "The database file is cut short or its pages do not fit together, for instance after a disk error or a "
     "partial copy. Nothing was changed.",
     "Check the disk, copy the folder away, and restore the newest copy of the database that lies beside it "
     "or in your backup.",
     "muster restore monday.db --data /srv/new"},
    {kTokenMissing, "a token is needed",
     "The server answers only to requests that carry a token, even on this machine. The command looked for "
     "one at --token-file, in MUSTER_TOKEN_FILE and MUSTER_TOKEN, in the context, and in the file "
     "admin.token of the data folder, which only the server's own user may read.",
     "Ask whoever runs the server for a token, or run the command as that user.",
     "muster status --token-file ~/ada.token"},
    {kTokenWrong, "the token is not known",
     "The server does not know the token: it was revoked, was cut when it was copied, or belongs to another "
     "server.",
     "Check --url, MUSTER_URL and MUSTER_TOKEN. On the server's machine, admin.token in the data folder is "
     "always right.",
     "muster status --data ~/.local/share/muster"},
    {kServerStartingOrStopping, "the server starts or stops",
     "The server is reading its database or shutting down, and takes no requests meanwhile; nothing was "
     "done.",
     "Try again in a few seconds; '/readyz' says when it is ready.", "curl http://127.0.0.1:7420/readyz"},
    {kTokenFileOpen, "the token file is open to others",
     "Whoever reads the token may do what its owner may, so a token file that other users of the machine can "
     "read is refused.",
     "Close it; if others had access for a while, have the token replaced.", "chmod 600 ada.token"},
    {kOutputFailed, "the output cannot be written",
     "What the command had to say could not be written, most often because the disk that its output goes to "
     "is full. Whatever it changed on the server has happened.",
     "Make room, or write elsewhere, and look at what happened.", "muster status"},
    {kNoDatabase, "the database is not reached",
     "The PostgreSQL database that --store names does not answer, refuses the user, or is not one that "
     "Muster can use (its encoding has to be UTF8). Nothing was changed.",
     "Try the same address with 'psql', which says what is wrong in PostgreSQL's own words; the password may "
     "stand in the address, in PGPASSWORD or in ~/.pgpass.",
     "psql postgres://muster@db/muster"},
    {kServerNotTrusted, "not the server meant",
     "The server at an https address did not prove that it is the one that is meant: its key is not the one "
     "of the fingerprint (--pin, the # part of the URL, or pin in the config file), or nobody on the list of "
     "authorities answers for its certificate and name. Nothing was sent, no token either.",
     "Either the server's data folder was made anew, and with it its key, or somebody stands in between: ask "
     "who runs it for the fingerprint before you give another one.",
     "muster status --url https://10.0.0.5:7420 --pin sha256//…"},
    {kKeyRefused, "the key lets nobody in",
     "The key given to 'muster join' was altered or cut on its way, has been used already, or its time is "
     "over: a key lets one worker in, once, within the time that 'muster invite --ttl' said (10 minutes by "
     "default).",
     "Make another one where the server runs. A worker that has joined before needs none: 'muster join' "
     "without a key, with the same --folder, takes its work up again.",
     "muster invite --ttl 1h"},
    {kMalformedSelector, "the selector is malformed",
     "What names batches, tasks or attempts cannot be read; the message marks the place where reading "
     "stopped.",
     "A selector is '42' (a batch), '42.17' (a task), '42.17#2' (an attempt), '42.1-500' or '42.1,3,7-9' "
     "(some tasks), 'T100017' (a task by its global number), 'last' (the newest batch) or '@name', also with "
     "a task behind it: 'last.17', '@name.17'.",
     "muster status last.17"},
    {kNoSuchThing, "no such thing",
     "Nothing of that number or name exists in this project: no batch, task, attempt, worker, user or "
     "whatever was asked for. Old batches may have been dropped by retention, and another project's are not "
     "shown.",
     "List what there is, and name one of those.", "muster batch list"},
    {kMalformedValue, "the value is malformed",
     "A value cannot be read; the message shows it and what was expected.",
     "Memory and sizes are '512M', '16G', '1.5GiB' (memory without a unit is MiB); durations are '90' "
     "seconds, '10m', '1h30m', '2d', '1:30:00'; names have at most 200 bytes without control characters.",
     "muster submit --mem 16G --time 1h30m -- ./simulate"},
    {kUnknownPlaceholder, "unknown placeholder",
     "The command has a placeholder that is not a column of the table, or '{}' where the table has several "
     "columns.",
     "Placeholders are '{}' (the item), '{#}' (the task's index) and '{name}' (a column). Correct the name, "
     "name the table with --from, or write '{{' for a literal '{'.",
     "muster submit --from samples.csv -- ./align {sample}"},
    {kPlaceholderWithoutValue, "placeholder without a value",
     "The command has '{}' but the submission has no items: no --from, --each or --array, and nothing on "
     "standard input.",
     "Add one of them, or write '{{}' for a literal '{}', as in 'find . -exec touch {{} +'.",
     "muster submit --array 1-10 -- ./simulate {}"},
    {kPlaceholderUnquotable, "placeholder cannot be quoted there",
     "In shell text a value is handed over in an environment variable, so that no value can change what the "
     "shell does. That works bare, in double and in single quotes, and in $( ). It cannot work in a comment, "
     "a here-document, arithmetic, ${ }, an unclosed quote, or text that a second shell parses again.",
     "Put the value into a variable first, or write '{{' for a literal '{'.",
     "muster submit --array 1-10 -- 'x={}; echo $((x * 2))'"},
    {kTableError, "the table cannot be read",
     "A line of the items does not fit: too few or too many values, a column missing or named twice, a quote "
     "out of place, JSON that is not a flat object, or a NUL. Nothing was submitted.",
     "The message names line and column. The kind of table follows from the file's ending (tsv, csv, jsonl, "
     "anything else: plain lines), or from --format.",
     "muster submit --from samples.tsv --dry-run -- ./align {sample}"},
    {kArrayError, "the array cannot be read",
     "The value of --array is no list of numbers, names an index twice, or asks for more than ten million "
     "tasks.",
     "It takes '1-1000', '1-1000:2' (every second), '7' or a list such as '1,3,5-9'; numbers may be grouped "
     "as in '1_000_000'.",
     "muster submit --array 1-1000:2 -- ./simulate {}"},
    {kInfeasible, "nothing can ever run it",
     "What the task asks for is more than any worker has, so it would wait for ever.",
     "Ask for less (--cpus --mem --gpus --slots), or add a worker that has enough and submit again.",
     "muster worker list -o wide"},
    {kDependencyCycle, "dependencies form a circle",
     "The batches would wait for each other: each one is --after another of the same circle, so none could "
     "ever begin.",
     "Leave one of the dependencies out.", "muster batch show 41"},
    {kKeyReused, "the key was used before",
     "A submission with the same --key but other content was accepted before. A key makes a repeated "
     "submission harmless, so it has to belong to one content only.",
     "Use another key for new work; the message names the batch that has this one.",
     "muster submit --key monday-2 -- ./report"},
    {kWrongState, "not in this state",
     "The thing exists, but what was asked cannot be done to it as it is now: for instance to retry a task "
     "that runs, or to release a batch that is not held.",
     "Look at its state first.", "muster status 42.17"},
    {kBatchClosed, "the batch is closed", "A closed batch takes no more tasks.",
     "Submit to another name, leave --batch out so that a new batch is made, or open it again.",
     "muster batch set 42 --open"},
    {kNoItems, "there are no items",
     "The table, the lines on standard input or the glob gave no item at all, so there would be no task.",
     "Check the file or the pattern; a header line alone is not an item.",
     "muster submit --each '*.csv' --dry-run -- ./sort {}"},
    {kMalformedBody, "the request cannot be read",
     "The body of the request is not valid JSON, or a field is missing, unknown or of another type than "
     "/openapi.json says. Nothing was done.",
     "The message names the field. The command line never sends such a body: if it did, the server has "
     "another version.",
     "muster doctor"},
    {kConfirmationNeeded, "a confirmation is needed",
     "The command would destroy or stop something and asks first, but there is no terminal to ask at.",
     "Look at what it would do with --dry-run, then say --yes.", "muster cancel 42 --yes"},
    {kIndexUsed, "the index is taken",
     "The batch already has a task with one of these indexes, and an index names one task for ever.",
     "Choose other indexes, or submit to a new batch; a task that failed runs again by 'muster retry'.",
     "muster retry 42.17"},
    {kArgumentsTooLong, "the command is too long",
     "The arguments of one task, with the values of its placeholders, may take 128 KiB.",
     "Put long lists into a file and hand the file's name to the command.",
     "muster submit --each 'lists/*' -- ./simulate --list {}"},
    {kUnknownWord, "unknown command or option",
     "The command line has a word that is not a command, an option or a help topic; the message offers the "
     "nearest one, and nothing was done.",
     "'muster help' lists the commands, 'muster help COMMAND' the options of one. What belongs to the "
     "command to be run stands behind '--'.",
     "muster submit --cpus 4 -- ./align -t 4"},
    {kMalformedFilter, "the filter is malformed",
     "The text of --where (or ?where=) is not a filter: a key that such a thing does not have, a value of "
     "the "
     "wrong kind, or something that is not a term. The message marks the place; nothing was done.",
     "Take the word that the message offers, or look up the keys and their values with 'muster help "
     "filters'.",
     "muster task list 42 --where 'state=failed exit=137'"},
    {kTaskCommandNotFound, "the command was not found",
     "The worker could not start the program: it is not in the PATH there, is not executable, or its "
     "interpreter is missing. The task failed with cause 'launch'.",
     "Check the spelling, give the whole path, or, if it is shell text, submit it as one quoted word; then "
     "retry.",
     "muster retry 42"},
    {kTaskFolderMissing, "the folder is missing there",
     "The task runs in the directory it was submitted from, and the worker does not have it. The task failed "
     "there with cause 'launch'.",
     "Submit from a shared folder, name one with --cwd DIR, or use '--cwd none' for a fresh folder.",
     "muster submit --cwd none -- ./simulate"},
    {kTaskOutOfMemory, "out of memory",
     "The task used more memory than it asked for, or than the machine had, and was killed. Its peak stands "
     "in 'muster attempt show'.",
     "Ask for more when it is tried again.", "muster retry --mem 16G 42.17"},
    {kTaskTimeout, "the time limit was reached",
     "The task ran longer than its --time, got TERM, and KILL after the grace period.",
     "If it was working and not hanging, give it more.", "muster retry --time 4h 42.17"},
    {kTaskWorkerLost, "the worker was lost",
     "The worker's machine went away, or its keeper died, while the task ran. The task runs again elsewhere "
     "by itself, and this attempt does not count as one of its retries.",
     "Nothing has to be done for the task; look at the worker if it happens again.", "muster event list 42"},
    {kTaskPoison, "it killed its workers",
     "Three workers were lost while they ran this task, so it is not started a fourth time.",
     "Look at the logs of its attempts; if the task is innocent, start it again.", "muster logs 42.17#3"},
    {kNotAllowed, "not allowed",
     "The token is valid, but not for this: its user has no role, or too small a one, for it in this "
     "project; an agent's token, for example, cannot submit.",
     "Ask an admin for the role, or name the project where you have it with --project.", "muster user show"},
    {kInternal, "a mistake of the server",
     "The server met a case that should not exist; nothing was changed by the request.",
     "Its log has the details under the request's id. Please report it with that part of the log.",
     "muster doctor"},
    {kBusy, "the server is busy", "More requests came than the server may hold at a time. Nothing was done.",
     "Try again after the seconds given in Retry-After; the command line and the agents do so by themselves.",
     "muster status"},
    {kDiskFull, "the disk is full",
     "The disk with the data folder has no room left, so new work is refused while finished work is still "
     "recorded.",
     "Make room or move the folder; the server goes on by itself once there is space.", "muster doctor"},
    {kBodyTooLarge, "the request is too large",
     "The body is past the limit of the server: 16 MiB of JSON, or 4 GiB and ten million tasks of a streamed "
     "submission.",
     "Use --array, --from FILE, or several submissions to the same --batch.",
     "muster submit --batch align --from part2.tsv -- ./align {sample}"},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

const CatalogueEntry* find_error(const std::string& code) {
  const CatalogueEntry* const end = std::end(kErrorCatalogue) - 1;
  const CatalogueEntry* const found = std::lower_bound(
      std::begin(kErrorCatalogue), end, std::string_view(code),
      [](const CatalogueEntry& entry, std::string_view wanted) { return entry.code < wanted; });
  return found != end && std::string_view(found->code) == code ? found : nullptr;
}

}  // namespace muster
