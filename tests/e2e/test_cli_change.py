"""`cancel hold release retry`, `batch set`, `worker set`: what is asked, what is sent, what is said afterwards."""

import json
import time

import pytest

import cli_support as cli

VERBS = ["cancel", "hold", "release", "retry"]
OPPOSITE = {"cancel": "retry", "hold": "release", "release": "hold", "retry": "cancel"}
DONE = {"cancel": "cancelled", "hold": "held", "release": "released", "retry": "retried"}


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        for verb in VERBS:
            server.routes[("POST", "/" + verb)] = cli.changed(1)
        server.routes[("GET", "/wait")] = cli.waited(False, running=4, ready=184, succeeded=12)
        yield server, run


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_what_it_did_and_how_to_undo_it(fake, verb):
    """cancel hold release retry, each with --reason."""
    server, run = fake
    result = run(verb, "42", "43.1-5", "--reason", "because")
    assert (result.code, result.out, result.err) == (0, f"{DONE[verb]} 1 task\n", f"  undo:  muster {OPPOSITE[verb]} 42 43.1-5\n")
    assert server.sent("POST", "/" + verb)[-1] == {"selectors": ["42", "43.1-5"], "reason": "because"}
    server.routes[("POST", "/" + verb)] = cli.changed(0, 200)
    result = run(verb, "42")
    assert (result.code, result.out, result.err) == (0, f"nothing to {verb} (200 left alone)\n", "")
    server.routes[("POST", "/" + verb)] = cli.problem(409, "E212", "42 is over", "")
    assert run(verb, "42").code == 3


@pytest.mark.parametrize("verb", VERBS)
def test_dry_run(fake, verb):
    """cancel hold release retry, each with --dry-run."""
    server, run = fake
    server.routes[("POST", "/" + verb)] = cli.changed(188, 12)
    result = run(verb, "--dry-run", "42")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"would have {DONE[verb]} 188 tasks (12 left alone)\n"
    assert [body["dry_run"] for body in server.sent("POST", "/" + verb)] == [True]


@pytest.mark.parametrize("verb", VERBS)
def test_output_of_a_change(fake, verb):
    """cancel hold release retry: -o, --output, --json, -q and --quiet."""
    server, run = fake
    server.routes[("POST", "/" + verb)] = cli.changed(1, batches=(42, 43))
    for words in (["--json"], ["-o", "json"], ["--output", "json"]):
        result = run(verb, "42", *words)
        assert json.loads(result.out) == cli.changed(1, batches=(42, 43))
    for words in (["-q"], ["--quiet"], ["-o", "name"]):
        assert run(verb, "42", *words).out == "42\n43\n"


def test_hold_release_and_retry_never_ask(fake):
    server, run = fake
    for verb in ("hold", "release", "retry"):
        server.routes[("POST", "/" + verb)] = cli.changed(1000)
        assert run(verb, "42").code == 0
        assert run.terminal(verb, "42").code == 0


def test_cancel_of_one_task_does_not_ask(fake):
    _, run = fake
    assert run("cancel", "42.17").code == 0
    assert run.terminal("cancel", "42.17").out.startswith("cancelled 1 task\n")


def test_cancel_of_many_needs_a_yes(fake):
    server, run = fake
    server.routes[("POST", "/cancel")] = cli.changed(188)
    result = run("cancel", "42")
    assert result.code == 6 and result.out == ""
    cli.golden("cancel-unconfirmed.txt", result.err)
    assert all(body.get("dry_run") for body in server.sent("POST", "/cancel"))
    assert json.loads(run("cancel", "42", "--json").err)["exit_code"] == 6
    result = run("cancel", "--yes", "42")
    assert (result.code, result.out) == (0, "cancelled 188 tasks\n")


@pytest.mark.parametrize("answer, sent", [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("what\n", False)])
def test_cancel_asks_on_a_terminal(fake, answer, sent):
    server, run = fake
    server.routes[("POST", "/cancel")] = cli.changed(188)
    result = run.terminal("cancel", "42", answer=answer)
    assert "cancel 188 tasks, stopping 4 that run? [y/N] " in result.out
    bodies = server.sent("POST", "/cancel")
    assert (bodies[-1].get("dry_run") is not True) == sent
    assert result.code == (0 if sent else 6)
    assert ("nothing was changed" in result.out) != sent


def test_last_stays_the_batch_it_was_when_it_was_confirmed(fake):
    server, run = fake
    server.routes[("GET", "/batches/last")] = {"schema": "muster.batch/1", **cli.batch(42)}
    server.routes[("POST", "/cancel")] = cli.changed(188)
    result = run.terminal("cancel", "last", answer="y\n")
    assert result.code == 0 and "undo:  muster retry 42" in result.out
    assert [body["selectors"] for body in server.sent("POST", "/cancel")] == [["42"], ["42"]]


def test_retry_with_other_settings(fake):
    server, run = fake
    result = run("retry", "42", "--mem", "16G", "--disk", "1T", "--cpus", "8", "--slots", "2", "--gpus", "1", "--time", "4h", "--retry", "3",
                 "--env", "ACCEPT=yes", "--env", "X=")
    assert result.code == 0
    assert server.sent("POST", "/retry") == [{
        "selectors": ["42"], "mem_mb": 16384, "disk_mb": 1048576, "cpus": 8, "slots": 2, "gpus": 1, "time_s": 14400, "retries": 3,
        "env": {"ACCEPT": "yes", "X": ""}}]
    assert run("retry", "42", "--env", "UNSET_HERE").code == 2


# ---- settings --------------------------------------------------------------------------------------------------------


def test_batch_set(fake):
    server, run = fake
    server.routes[("GET", "/batches/last")] = {"schema": "muster.batch/1", **cli.batch(name="it's", max_running=7)}
    server.routes[("PATCH", "/batches/42")] = cli.changed(0)
    result = run("batch", "set", "last", "--priority", "-3", "--max-running", "8", "--name", "new name", "--close")
    assert (result.code, result.out) == (0, "set 42\n")
    assert result.err == "  undo:  muster batch set 42 --priority 0 --max-running 7 --name 'it'\\''s' --open\n"
    assert server.sent("PATCH", "/batches/42") == [{"priority": -3, "max_running": 8, "closed": True, "name": "new name"}]
    assert run("batch", "set", "last", "-n", "x", "--open", "--dry-run").out == "would have set 42\n"
    assert server.sent("PATCH", "/batches/42")[-1] == {"closed": False, "name": "x", "dry_run": True}
    for words in ([], ["--close", "--open"], ["--dry-run"]):
        assert run("batch", "set", "last", *words).code == 2


def test_worker_set(fake):
    server, run = fake
    server.routes[("GET", "/workers/1")] = {"schema": "muster.worker/1", **cli.worker(name="a b")}
    server.routes[("PATCH", "/workers/a%20b")] = cli.changed(0)
    result = run("worker", "set", "1", "--slots", "8", "--gpu-slots", "2")
    assert (result.code, result.out) == (0, "set a b\n")
    assert result.err == "  undo:  muster worker set 'a b' --slots 16 --gpu-slots 0\n"
    assert run("worker", "set", "1", "--slots", "8", "--dry-run").out == "would have set a b\n"
    assert server.sent("PATCH", "/workers/a%20b") == [{"slots": 8, "gpu_slots": 2}, {"slots": 8, "dry_run": True}]
    assert run("worker", "set", "1").code == 2


def test_output_of_set(fake):
    """batch set and worker set: -o, --output, --json, -q and --quiet."""
    server, run = fake
    server.routes[("GET", "/batches/42")] = {"schema": "muster.batch/1", **cli.batch()}
    server.routes[("PATCH", "/batches/42")] = cli.changed(1)
    for words in (["--json"], ["-o", "json"], ["--output=json"]):
        assert json.loads(run("batch", "set", "42", "--open", *words).out) == cli.changed(1)
    for words in (["-q"], ["--quiet"], ["-o", "name"]):
        assert run("batch", "set", "42", "--open", *words).out == "42\n"


# ---- a change of what matches, in the background ---------------------------------------------------------------------


def operation(looked, matched, state="running", **members):
    return {"schema": "muster.operation/1", "id": 7, "operation": "task.hold", "object": "42", "who": "ada", "state": state,
            "started": "2026-11-21T18:00:00Z", "ended": None if state == "running" else "2026-11-21T18:00:01Z", "tasks": 1000000,
            "looked": looked, "matched": matched, "result": None, "problem": None, **members}


def slow_operation(server, last):
    """It goes on for half a second, then it is what `last` says."""
    begun = []

    def begin(_):
        begun.append(time.monotonic())
        return operation(0, 0)

    server.routes[("POST", "/hold")] = begin
    server.routes[("GET", "/operations/7")] = lambda _: operation(400000, 12) if time.monotonic() < begun[-1] + 0.6 else last


def test_progress_of_a_change_with_a_filter(fake):
    """hold cancel release retry, task set: --progress none, plain and tty."""
    server, run = fake
    slow_operation(server, operation(1000000, 30, "done", result=cli.changed(30)))
    line = "hold: looked at 400000 of 1000000 tasks (40 %), 12 match"
    for words, err in ((["--progress", "plain"], line + "\n"), (["--progress", "none"], ""), ([], line + "\n")):
        result = run("hold", "42", "--where", "exit=3", *words)
        assert (result.code, result.out, result.err) == (0, "held 30 tasks\n", err)
    live = run("hold", "42", "--where", "exit=3", "--progress", "tty").err
    assert "\r" + line + "\x1b[K" in live and live.endswith("\r\x1b[K")
    for verb in ("cancel", "release", "retry"):
        server.routes[("POST", "/" + verb)] = operation(5, 5, "done", result=cli.changed(5))
        assert run(verb, "42", "--where", "exit=3", "--yes", "--progress", "plain").code == 0
    server.routes[("POST", "/set")] = operation(5, 5, "done", result=cli.changed(5))
    assert run("task", "set", "42", "--where", "exit=3", "--mem", "1G", "--progress", "plain").code == 0


def test_a_change_in_the_background_that_fails_says_why(fake):
    server, run = fake
    refusal = {"type": "x", "title": "no such thing", "status": 404, "code": "E202", "detail": "no task of 42 matches", "next": "look"}
    slow_operation(server, operation(1000000, 0, "failed", problem=refusal))
    result = run("hold", "42", "--where", "exit=3", "--progress", "none")
    assert result.code == 3 and result.err.startswith("error: no task of 42 matches  [E202]\n  look\n")


def test_a_server_that_was_started_anew_is_asked_again_under_the_same_key(fake):
    server, run = fake
    server.routes[("POST", "/hold")] = lambda request: (
        operation(0, 0) if len(server.sent("POST", "/hold")) == 1 else operation(9, 9, "done", result=cli.changed(9)))
    assert run("hold", "42", "--where", "exit=3").out == "held 9 tasks\n"    # GET /operations/7 answers 404
    keys = [headers["Idempotency-Key"] for method, path, headers, _ in server.requests if path.startswith("/api/v1/hold")]
    assert len(keys) == 2 and keys[0] == keys[1] != ""
