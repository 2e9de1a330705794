"""`cancel hold release retry`, `batch set`, `worker set`: what is asked, what is sent, what is said afterwards."""

import json

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
