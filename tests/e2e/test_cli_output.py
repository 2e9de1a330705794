"""What the command line prints: tables that fit, values for pipes, every format, hostile text, and errors.

The server is played, so that every document is exactly known; the real one is in test_cli_work.py.
"""

import json
import re
import unicodedata
import urllib.parse

import pytest

import cli_support as cli


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        yield server, run


def serve_everything(server):
    server.routes.update({
        ("GET", "/status"): cli.status(),
        ("GET", "/batches"): cli.listing("muster.batches/1", cli.batch(), cli.batch(
            41, name="hello", state="ended", tasks=200, counts=cli.counts(succeeded=199, failed=1), command="sh -c 'sleep 0.{}'"),
            cli.batch(40, name="nightly", state="running", held=True, tasks=5, counts=cli.counts(held=5), why="held")),
        ("GET", "/batches/last"): {"schema": "muster.batch/1", **cli.batch()},
        ("GET", "/batches/42"): {"schema": "muster.batch/1", **cli.batch(), "segments": [
            {"first": 1, "last": 200, "step": 1, "count": 200, "first_number": "T100001", "items": True,
             "after": [{"kind": "batch", "batch": 41, "any_end": False}]}],
            "template": {"name": "align", "command": "./align {fastq}", "columns": ["sample", "fastq"],
                         "resources": {"slots": 1, "gpus": 0, "cpus": 4, "mem_mb": 8192, "disk_mb": 0}, "env": {"K": "V"},
                         "labels": {}, "cwd": "/data", "time_s": 3600, "grace_s": 10, "retries": 2, "rerun": "allowed",
                         "log_max_bytes": 67108864}},
        ("GET", "/tasks"): cli.listing(
            "muster.tasks/1", cli.task(1), cli.task(2, state="failed", cause="exit", exit_code=3, message="exit status 3"),
            cli.task(3, state="running", phase="executing", exit_code=None, wall_s=None, peak_memory_mb=None),
            cli.task(4, state="ready", reason="no-slot", attempts=0, worker=None, exit_code=None, wall_s=None, peak_memory_mb=None),
            cli.task(5, state="failed", cause="signal", signal=9, exit_code=None),
            cli.task(6, state="cancelled", cause=None, exit_code=None)),
        ("GET", "/tasks/42.17"): {"schema": "muster.task/1", **cli.task(), "attempts": 2,
                                  "history": [cli.attempt(1, state="failed", cause="oom", exit_code=None), cli.attempt(2)]},
        ("GET", "/attempts"): cli.listing("muster.attempts/1", cli.attempt(1, state="lost", cause="worker-lost", wall_s=None),
                                          cli.attempt(2)),
        ("GET", "/attempts/42.17%232"): {"schema": "muster.attempt/1", **cli.attempt(2)},
        ("GET", "/workers"): cli.listing("muster.workers/1", cli.worker(),
                                         cli.worker(2, name="lab2", state="offline", connected=False,
                                                    slots={"enabled": 32, "busy": 0, "gpu_enabled": 2, "gpu_busy": 1})),
        ("GET", "/workers/nimbus"): {"schema": "muster.worker/1", **cli.worker()},
        ("GET", "/events"): cli.listing("muster.events/1", {
            "seq": 9, "time": cli.ago(cli.LONG_AGO), "kind": "batch-submitted", "batch": 42, "task": None, "attempt": None,
            "worker": None, "who": "ana", "text": "200 tasks"}, {
            "seq": 8, "time": cli.ago(cli.LONG_AGO), "kind": "attempt-lost", "batch": 41, "task": "41.3", "attempt": "41.3#1",
            "worker": "nimbus", "who": None, "text": "the keeper died"}),
    })


VIEWS = {
    "status": ["status"], "batch-list": ["batch", "list"], "batch-show": ["batch", "show", "42"], "task-list": ["task", "list", "42"],
    "task-show": ["task", "show", "42.17"], "attempt-list": ["attempt", "list", "42.17"],
    "attempt-show": ["attempt", "show", "42.17#2"], "worker-list": ["worker", "list"], "worker-show": ["worker", "show", "nimbus"],
    "event-list": ["event", "list"],
}


@pytest.mark.parametrize("name", VIEWS)
def test_transcripts(fake, name):
    """Each view on a wide and a narrow terminal, without colour and in a pipe."""
    server, run = fake
    serve_everything(server)
    words = VIEWS[name]
    parts = []
    for title, result in (
            ("100 columns", run.terminal(*words, width=100)),
            ("80 columns, --no-color", run.terminal(*words, "--no-color", width=80)),
            ("40 columns, --no-color", run.terminal(*words, "--no-color", width=40)),
            ("20 columns, --no-color", run.terminal(*words, "--no-color", width=20)),
            ("pipe", run(*words))):
        assert result.code == 0, result
        parts.append(f"=== {title}\n{result.out}{result.err}")
    cli.golden(f"{name}.txt", cli.normalised("".join(parts)))


@pytest.mark.parametrize("name", VIEWS)
def test_a_terminal_of_20_columns_is_never_overrun(fake, name):
    server, run = fake
    serve_everything(server)
    result = run.terminal(*VIEWS[name], "--no-color", width=20)
    assert result.code == 0
    for line in result.out.splitlines():
        assert columns(line) <= 20, line


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


FORMATS = ["table", "wide", "json", "jsonl", "csv", "name"]


@pytest.mark.parametrize("name", VIEWS)
def test_every_format(fake, name):
    """`list` and `show` and `status`: --output, --json, --quiet, --columns and --no-header all do what they say."""
    server, run = fake
    serve_everything(server)
    words = VIEWS[name]
    printed = {form: run(*words, "-o", form) for form in FORMATS}
    for form, result in printed.items():
        assert result.code == 0 and result.out and not result.err, (form, result)
        assert "\x1b" not in result.out and "…" not in result.out.replace("COMMAND…", ""), form
    assert run(*words, "--json").out == printed["json"].out == run(*words, "--output=json").out
    document = json.loads(printed["json"].out)
    assert re.fullmatch(r"muster\.\w+/1", document["schema"])
    for line in printed["jsonl"].out.splitlines():
        json.loads(line)
    if name == "status":
        names = [str(item["id"]) for item in document["batches"]]
    else:
        items = document.get("items", [document])
        key = {"worker-list": "name", "worker-show": "name", "event-list": "seq"}.get(name, "id")
        names = [str(item[key]) for item in items]
    assert run(*words, "-q").out.split() == run(*words, "--quiet").out.split() == names
    column = {"worker-list": "name", "worker-show": "name", "event-list": "kind"}.get(name, "id")
    bare = run(*words, "-o", "csv", "--columns", column, "--no-header").out.split()
    assert run(*words, "-o", "csv", "--columns", column).out.split() == [column, *bare]
    if column != "kind":
        assert bare == names


def test_formats_that_contradict_each_other_are_refused(fake):
    server, run = fake
    serve_everything(server)
    for words in (["--json", "-o", "csv"], ["-q", "--json"], ["--columns", "id", "--json"], ["--no-header", "-q"]):
        result = run("batch", "list", *words)
        assert (result.code, result.out) == (2, ""), words
        assert "contradict" in result.err and "E203" in result.err


def test_an_unknown_column_is_named_with_the_nearest(fake):
    server, run = fake
    serve_everything(server)
    result = run("task", "list", "42", "--columns", "id,stat")
    assert result.code == 2
    assert "did you mean 'state'" in result.err and "its columns: id,state,why" in result.err


def test_json_is_passed_through_unchanged(fake):
    server, run = fake
    document = cli.status()
    document["new_member"] = {"of": ["a", "later", "server", 4.5, 1e300, -3, 18446744073709551615, None, True]}
    server.routes[("GET", "/status")] = document
    assert json.loads(run("status", "--json").out) == document


def test_numbers_in_json_are_spelled_as_people_expect(fake):
    server, run = fake
    server.routes[("GET", "/tasks/42.17")] = {"schema": "muster.task/1", **cli.task(wall_s=4.2), "history": []}
    assert '"wall_s":4.2,' in run("task", "show", "42.17", "--json").out


# ---- paging ----------------------------------------------------------------------------------------------------------


def pages_of(total):
    def answer(request):
        limit = int(request.query.get("limit", ["100"])[0])
        first = int(request.query.get("after", ["0"])[0])
        items = [cli.task(index + 1) for index in range(first, min(total, first + limit))]
        following = str(first + limit) if first + limit < total else None
        return cli.listing("muster.tasks/1", *items, following=following)
    return answer


def test_a_pipe_gets_every_page(fake):
    server, run = fake
    server.routes[("GET", "/tasks")] = pages_of(2500)
    result = run("task", "list", "42", "-o", "name")
    assert result.out.split() == [f"42.{index}" for index in range(1, 2501)]
    assert len(server.requests) == 3
    document = json.loads(run("task", "list", "42", "--json").out)
    assert len(document["items"]) == 2500 and document["next"] is None


def test_a_terminal_gets_a_hundred_rows_and_is_told(fake):
    server, run = fake
    server.routes[("GET", "/tasks")] = pages_of(2500)
    result = run.terminal("task", "list", "42", "--no-color", width=100)
    assert len(result.out.splitlines()) == 102
    assert result.out.splitlines()[-1] == "there are more tasks: --limit 0 shows all"
    assert len(run.terminal("task", "list", "42", "--limit", "0", width=100).out.splitlines()) == 2501


def test_limit_cuts_every_list(fake):
    server, run = fake
    server.routes[("GET", "/tasks")] = pages_of(2500)
    result = run("task", "list", "42", "-q", "--limit", "7")
    assert len(result.out.split()) == 7 and "more tasks" in result.err
    assert len(run("task", "list", "42", "-q", "--limit", "1200").out.split()) == 1200
    document = json.loads(run("task", "list", "42", "--json", "--limit", "7").out)
    assert len(document["items"]) == 7 and document["next"] == "7"
    serve_everything(server)
    for words in (["batch"], ["attempt"], ["worker"], ["event"]):
        assert len(run(*words, "list", "-q", "--limit", "1").out.split()) == 1


def test_filters_reach_the_server(fake):
    server, run = fake
    serve_everything(server)
    run("batch", "list", "--state", "running,ended", "--name", "my batch&x=1#y")
    run("task", "list", "42.1-5", "--state", "failed")
    run("task", "list")
    targets = [target for _, target, _, _ in server.requests]
    assert targets[0] == "/api/v1/batches?state=running%2Cended&name=my%20batch%26x%3D1%23y&limit=1000"
    assert targets[1] == "/api/v1/tasks?selector=42.1-5&state=failed&limit=1000"
    assert targets[2:] == ["/api/v1/tasks?selector=last&limit=1000"], "a screen is one round trip"


def test_what_last_meant_stays_the_same_on_later_pages(fake):
    server, run = fake
    server.routes[("GET", "/tasks")] = lambda request: cli.listing(
        "muster.tasks/1", cli.task(2 if "after" in request.query else 1), following=None if "after" in request.query else "1")
    server.routes[("GET", "/attempts")] = lambda request: cli.listing(
        "muster.attempts/1", cli.attempt(2 if "after" in request.query else 1), following=None if "after" in request.query else "1")
    for words in (["task", "list"], ["task", "list", "@align"], ["attempt", "list", "last.17"]):
        assert len(run(*words, "-q").out.split()) == 2, words
    asked = [urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)["selector"][0] for _, target, _, _ in server.requests]
    assert asked == ["last", "42", "@align", "42", "last.17", "42.17"]


# ---- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = "a\x1b[2J\x1b]0;title\x07b\rc\nd\te\x00f\u202eg\u009bh\u2028i\U000e0041"


@pytest.mark.parametrize("name", VIEWS)
def test_hostile_text_never_reaches_a_terminal(fake, name):
    server, run = fake
    serve_everything(server)
    for key, document in list(server.routes.items()):
        server.routes[key] = poisoned(document)
    for form in [None, *FORMATS]:
        words = VIEWS[name] + (["-o", form] if form else [])
        result = run.terminal(*words, "--no-color", width=60)
        assert result.code == 0, (form, result)
        for character in result.out.replace("\n", ""):
            assert unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp"), (form, repr(character), result.out)


def poisoned(value):
    if isinstance(value, dict):
        return {key: poisoned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner) for inner in value]
    keep = isinstance(value, str) and (value.startswith("muster.") or re.fullmatch(r"[\d-]+T[\d:.]+Z", value))
    return value + HOSTILE if isinstance(value, str) and not keep else value


def test_hostile_text_keeps_the_columns_of_a_pipe_apart(fake):
    server, run = fake
    server.routes[("GET", "/batches")] = cli.listing("muster.batches/1", cli.batch(name="a\tb\nc"))
    lines = run("batch", "list").out.splitlines()
    assert len(lines) == 2 and len(lines[0].split("\t")) == len(lines[1].split("\t"))
    assert "a\\tb\\nc" in lines[1]
    rows = run("batch", "list", "-o", "csv", "--columns", "id,name", "--no-header").out
    assert rows == '42,"a\tb\nc"\n'


def test_errors_of_a_server_are_made_safe(fake):
    server, run = fake
    server.routes[("GET", "/status")] = cli.problem(400, "E203", "bad \x1b[31mvalue\n  here\n  ^^^^", "do\x07 this")
    result = run.terminal("status", "--no-color", width=60)
    assert "\x1b" not in result.out and "\x07" not in result.out
    assert "bad \\x1b[31mvalue" in result.out and "\n  here\n  ^^^^\n  do\\x07 this" in result.out


# ---- colour ----------------------------------------------------------------------------------------------------------


def test_colour_only_where_it_is_wanted(fake):
    server, run = fake
    serve_everything(server)
    words = ["batch", "list"]
    assert "\x1b[" in run.terminal(*words).out
    assert "\x1b[" not in run.terminal(*words, "--no-color").out
    assert "\x1b[" not in run.terminal("--no-color", *words).out
    assert "\x1b[" not in run.terminal(*words, env={"NO_COLOR": "1"}).out
    assert "\x1b[" not in run.terminal(*words, env={"TERM": "dumb"}).out
    assert "\x1b[" not in run(*words).out
    assert "\x1b[" in run(*words, "-o", "table", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in run(*words, "-o", "table", "--no-color", env={"FORCE_COLOR": "1"}).out


def test_a_state_is_told_by_sign_and_word_too(fake):
    server, run = fake
    serve_everything(server)
    plain = run.terminal("task", "list", "42", "--no-color", width=100).out
    assert "✓ succeeded" in plain and "✗ failed" in plain and "▶ executing" in plain
    ascii_only = run.terminal("task", "list", "42", "--no-color", width=100, env={"LC_ALL": "C"}).out
    assert "+ succeeded" in ascii_only and "x failed" in ascii_only and "✓" not in ascii_only


# ---- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status, code, exit_code", [
    (400, "E203", 2), (413, "E513", 2), (404, "E202", 3), (409, "E212", 3), (401, "E107", 4), (403, "E401", 4), (422, "E209", 5),
    (503, "E503", 75), (507, "E507", 75), (500, "E501", 75)])
def test_exit_codes_follow_the_server(fake, status, code, exit_code):
    server, run = fake
    server.routes[("GET", "/status")] = cli.problem(status, code, "the detail", "the next step")
    result = run("status")
    assert (result.code, result.out) == (exit_code, "")
    assert result.err.startswith(f"error: the detail  [{code}]\n  the next step\n")
    machine = run("status", "--json")
    assert machine.code == exit_code and machine.out == ""
    document = json.loads(machine.err)
    assert document["schema"] == "muster.error/1" and document["code"] == code and document["exit_code"] == exit_code
    assert document["detail"] == "the detail" and document["next"] == "the next step" and document["title"]


def test_errors_of_words_are_json_too_when_asked(fake):
    _, run = fake
    for words in (["batch", "list", "-o", "json", "--nope"], ["status", "--json", "--nope"], ["nope", "-ojson"]):
        result = run(*words)
        assert result.code == 2 and json.loads(result.err)["code"] == "E219", words


def test_what_answers_is_no_muster_server(fake):
    server, run = fake
    server.routes[("GET", "/status")] = (404, "text/html", {}, b"<html>nothing here</html>")
    result = run("status")
    assert result.code == 69 and "is not a Muster server: HTTP status 404" in result.err and "[E101]" in result.err
    server.routes[("GET", "/status")] = (200, "application/json", {}, b"{not json")
    assert run("status").code == 75


def test_the_terminal_shows_the_code_at_the_right_edge(fake):
    server, run = fake
    server.routes[("GET", "/status")] = cli.problem(404, "E202", "no such thing", "look elsewhere")
    first = run.terminal("status", "--no-color", width=60).out.splitlines()[0]
    assert first == "error: no such thing" + " " * 34 + "[E202]" and len(first) == 60


# ---- the reader goes away --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_pipe_ends_it_quietly(fake, ignored):
    server, run = fake
    server.routes[("GET", "/tasks")] = pages_of(20000)
    shell = "trap '' PIPE; " if ignored else ""
    import subprocess
    done = subprocess.run(["bash", "-c", f"{shell}( '{cli.MUSTER}' task list 42; echo $? >&2 ) | head -1"], env=run.env(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("id\tstate")
    assert done.stderr.strip() == "141"


def test_output_that_cannot_be_written_is_an_error(fake):
    server, run = fake
    server.routes[("GET", "/tasks")] = pages_of(20000)
    with open("/dev/full", "w") as full:
        process = run.start("task", "list", "42", stdout=full)
        error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 75
    assert "the output cannot be written: No space left on device  [E110]" in error
