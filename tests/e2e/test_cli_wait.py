"""`muster wait` and `submit --wait`: exit codes, progress, Ctrl-C, time-outs, and a server that goes away and comes back."""

import json
import re
import signal
import time

import pytest

import cli_support as cli


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/tasks")] = cli.listing("muster.tasks/1")
        yield server, run


class Steps:
    """Answers of /wait one after the other; the last one stays. False is a lost connection."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    def __call__(self, request):
        self.calls.append(request.query)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def serve(server, *answers):
    steps = server.routes[("GET", "/wait")] = Steps(*answers)
    return steps


# ---- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end, code", [
    ({"succeeded": 5}, 0), ({"succeeded": 4, "failed": 1}, 1), ({"succeeded": 4, "cancelled": 1}, 1), ({}, 0)])
def test_the_exit_code_says_how_it_ended(fake, end, code):
    server, run = fake
    serve(server, cli.waited(True, **end))
    assert run("wait", "42").code == code
    machine = run("wait", "--json", "42")
    assert machine.code == code and json.loads(machine.out)["counts"]["failed"] == end.get("failed", 0)
    server.routes[("POST", "/batches")] = cli.submitted()
    assert run("submit", "--wait", "true").code == code


def test_all_selectors_are_asked_for_at_once(fake):
    server, run = fake
    steps = serve(server, cli.waited(True, succeeded=1))
    run("wait", "42", "43.1-5", "T100017")
    assert steps.calls[0]["selector"] == ["42", "43.1-5", "T100017"]


def test_last_and_names_stay_the_batch_they_were(fake):
    """A batch submitted meanwhile is not waited for, nor named in the way back."""
    server, run = fake
    steps = serve(server, cli.waited(False, running=1), cli.waited(False, running=1))
    server.routes[("GET", "/batches/last")] = {"schema": "muster.batch/1", **cli.batch(42)}
    server.routes[("GET", "/batches/%40a%20b%26c.3-4")] = {"schema": "muster.batch/1", **cli.batch(7, name="a b&c")}
    server.routes[("GET", "/batches/%40v1.2")] = {"schema": "muster.batch/1", **cli.batch(8, name="v1.2")}
    server.routes[("GET", "/batches/%40v1.3")] = {"schema": "muster.batch/1", **cli.batch(9, name="v1")}
    result = run("wait", "last", "@a b&c.3-4", "@v1.2", "@v1.3", "--timeout", "100ms")
    assert all(call["selector"] == ["42", "7.3-4", "8", "9.3"] for call in steps.calls) and len(steps.calls) >= 2
    assert result.err.endswith("reattach:  muster wait 42 7.3-4 8 9.3\n")


def test_an_unknown_batch_is_an_error_at_once(fake):
    server, run = fake
    serve(server, cli.problem(404, "E202", "there is no batch 42", ""))
    result = run("wait", "42")
    assert result.code == 3 and "[E202]" in result.err


def test_no_server_is_an_error_at_once(tmp_path):
    assert cli.Client(tmp_path)("wait", "42").code == 69


def test_the_time_is_over(fake):
    server, run = fake
    serve(server, cli.waited(False, running=1))
    began = time.monotonic()
    result = run("wait", "42", "--timeout", "300ms")
    assert result.code == 124 and 0.3 <= time.monotonic() - began < 10
    assert result.err.splitlines()[-1] == "the --timeout is over; it goes on. reattach:  muster wait 42"
    server.routes[("POST", "/batches")] = cli.submitted()
    assert run("submit", "--wait", "--timeout=100ms", "true").code == 124


# ---- progress --------------------------------------------------------------------------------------------------------


def tenths(*done):
    return [cli.waited(count == 100, succeeded=count, ready=100 - count) for count in done]


def test_plain_progress_is_a_line_per_tenth(fake):
    server, run = fake
    serve(server, *tenths(0, 3, 11, 12, 19, 35, 99, 100))
    result = run("wait", "42")
    assert result.out == ""
    assert [re.sub(r", [\d.]+/s|, [\dms]+$", "", line) for line in result.err.splitlines()] == [
        "42: 0 % 0/100 done", "42: 11 % 11/100 done", "42: 35 % 35/100 done", "42: 99 % 99/100 done", "42: 100 % 100/100 done"]


def test_progress_can_be_chosen(fake):
    server, run = fake
    serve(server, *tenths(0, 50, 100))
    assert run("wait", "42", "--progress", "none").err == ""
    serve(server, *tenths(0, 50, 100))
    assert "\r" not in run("wait", "42", "--progress=plain").err
    serve(server, *tenths(0, 50, 100))
    assert run("wait", "42", "--progress", "tty").err.count("\r") == 3
    server.routes[("POST", "/batches")] = cli.submitted()
    serve(server, *tenths(0, 50, 100))
    assert run("submit", "--wait", "--progress", "none", "true").err == ""


def test_live_progress_moves_on_one_line(fake):
    server, run = fake
    serve(server, cli.waited(False, succeeded=10, failed=2, running=8, ready=80),
          cli.waited(False, succeeded=60, failed=2, running=8, held=5, ready=25), cli.waited(True, succeeded=97, failed=2, cancelled=1))
    server.routes[("POST", "/batches")] = cli.submitted(name="a\x1b[2Jb")
    server.routes[("GET", "/tasks")] = cli.listing(
        "muster.tasks/1", cli.task(7, state="failed", cause="exit", exit_code=3), cli.task(9, state="failed", cause="signal", signal=9))
    for width in (100, 40, 20):
        serve(server, *[cli.waited(False, succeeded=10, failed=2, running=8, ready=80), cli.waited(True, succeeded=97, failed=2, cancelled=1)])
        shown = run.terminal("submit", "--wait", "--no-color", "true", width=width)
        assert shown.code == 1
        live = [part.replace("\x1b[K", "") for part in shown.out.split("\n")[1].split("\r") if part]
        assert len(live) == 2 and all(len(part) < width for part in live)
        if width == 100:
            cli.golden("wait-terminal.txt", re.sub(r"\d+ms$|\d+s$", "SECONDS", shown.out.replace("\r", "\n").replace("\x1b[K", ""), flags=re.M))


def test_failures_are_summed_up_by_cause(fake):
    server, run = fake
    serve(server, cli.waited(True, succeeded=5, failed=6))
    failed = [cli.task(index, state="failed", cause=cause, exit_code=code, signal=signal_number) for index, cause, code, signal_number in (
        (3, "exit", 1, None), (4, "exit", 2, None), (5, "exit", 1, None), (6, "oom", None, None), (7, "timeout", None, 15), (8, "signal", None, 9))]
    server.routes[("GET", "/tasks")] = cli.listing("muster.tasks/1", *failed)
    result = run("wait", "42", "--progress", "none")
    cli.golden("wait-failures.txt", result.err)
    assert [target for _, target, _, _ in server.requests if "tasks" in target] == ["/api/v1/tasks?selector=42&state=failed&limit=1000"]


def test_what_is_only_held_is_pointed_out(fake):
    server, run = fake
    serve(server, cli.waited(False, succeeded=1, held=4), cli.waited(False, succeeded=1, held=4), cli.waited(True, succeeded=5))
    result = run("wait", "42")
    assert result.err.count("4 tasks are held and nothing else is left; go on:  muster release 42") == 1


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_detaches_and_says_how_to_come_back(fake):
    server, run = fake
    serve(server, cli.waited(False, running=1))
    process = run.start("wait", "42", "--progress", "plain")
    cli.lines_until(process.stderr, "0 %")
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130 and error.endswith("detached; it goes on. reattach:  muster wait 42\n")


def test_ctrl_c_on_a_terminal(fake):
    server, run = fake
    serve(server, cli.waited(False, running=1))
    server.routes[("POST", "/batches")] = cli.submitted()
    session = cli.Terminal([cli.MUSTER, "submit", "--wait", "true"], 80, run.env(), run.home)
    try:
        session.read_until("0 %")
        session.type("\x03")
        result = session.finish()
    finally:
        session.close()
    assert result.code == 130 and "reattach:  muster wait 42" in result.out


def test_ctrl_c_while_the_server_is_silent(fake):
    """A long poll that nobody answers is left at once."""
    server, run = fake
    steps = serve(server, cli.waited(False, running=1))
    process = run.start("wait", "42", "--progress", "plain")
    cli.lines_until(process.stderr, "0 %")
    server.routes[("GET", "/wait")] = lambda request: time.sleep(5)
    while len(steps.calls) == len(server.requests):
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130 and time.monotonic() - began < 3


def test_the_second_ctrl_c_ends_it_at_once(fake):
    server, run = fake
    serve(server, cli.waited(False, running=1))
    process = run.start("wait", "42", "--progress", "plain")
    cli.lines_until(process.stderr, "0 %")
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=20)
    assert process.returncode == 130


# ---- the server goes away --------------------------------------------------------------------------------------------


def test_a_server_that_restarts_elsewhere_is_found_again(tmp_path):
    """As after a kill and a new start with port 0: another port, told by the data folder."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "admin.token").write_text("tok\n")
    (data / "admin.token").chmod(0o600)
    first, second = cli.FakeServer(), cli.FakeServer()
    run = cli.Client(tmp_path, MUSTER_DATA=data)
    try:
        (data / "server.url").write_text(first.url)
        serve(first, cli.waited(False, succeeded=1, running=1))
        serve(second, cli.waited(True, succeeded=2))
        process = run.start("wait", "42", "--progress", "plain")
        cli.lines_until(process.stderr, "50 %")
        (data / "server.url").unlink()
        first.close()
        first = None
        cli.lines_until(process.stderr, "the server is away (")
        (data / "server.url").write_text(second.url)
        error = process.communicate(timeout=30)[1].decode()
        assert process.returncode == 0
        assert re.search(r"the server is back after [\d.ms]+\n42: 100 %", error)
    finally:
        second.close()
        if first:
            first.close()


def test_lost_connections_and_a_starting_server_are_endured(fake):
    server, run = fake
    serve(server, cli.waited(False, running=2), False, False, cli.problem(503, "E108", "the server is starting", ""),
          cli.waited(True, succeeded=2))
    result = run("wait", "42")
    assert result.code == 0
    assert result.err.count("the server is away") == 1 and result.err.count("the server is back after") == 1


def test_the_time_is_over_while_the_server_is_away(fake):
    server, run = fake
    serve(server, cli.waited(False, running=2), False)
    result = run("wait", "42", "--timeout", "500ms")
    assert result.code == 124 and "the server is away" in result.err


def test_ctrl_c_while_the_server_is_away(fake):
    server, run = fake
    serve(server, cli.waited(False, running=2), False)
    process = run.start("wait", "42")
    cli.lines_until(process.stderr, "the server is away")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_an_answer_that_says_no_ends_the_waiting(fake):
    server, run = fake
    serve(server, cli.waited(False, running=2), cli.problem(404, "E202", "there is no batch 42", ""))
    assert run("wait", "42").code == 3
