"""Live views over the event stream: `top`, `watch` and `-w`, on a terminal and in a pipe, across a server that goes away."""

import json
import os
import signal
import subprocess

import pytest

import cli_support as cli
from agent_support import Worker


@pytest.fixture
def busy(worker_server, tmp_path):
    """A server, its worker, and a client of it on a terminal or in a pipe."""
    Worker(worker_server).wait_connected()
    run = cli.Client(tmp_path, MUSTER_DATA=worker_server.data)
    return worker_server, run


def gate(tmp_path):
    """A command that goes on when the file is there."""
    path = tmp_path / "gate"
    return path, ["sh", "-c", f"while [ ! -e {path} ]; do sleep 0.05; done; test {{}} -ne 2"]


def started(run, *words):
    """A process whose output can be read line by line."""
    return run.start(*words, stderr=subprocess.STDOUT, bufsize=0)


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


# ---- watch -----------------------------------------------------------------------------------------------------------


def test_watch_tells_failures_and_ends_as_wait_does(busy, tmp_path):
    server, run = busy
    path, command = gate(tmp_path)
    batch = server.submit(*command, array="1-4")["batch"]
    watching = started(run, "watch", "last")
    try:
        cli.lines_until(watching.stdout, "0 %")
        path.touch()
        lines = cli.lines_until(watching.stdout, "1 failed")
        assert any(line.split("\t")[:3] == [f"{batch}.2", "failed", "1"] for line in lines), lines
        assert watching.wait(30) == 1
    finally:
        end(watching)
    done = run("watch", f"{batch}.1")
    assert (done.code, done.out) == (0, "")
    assert run("watch", str(batch)).code == 1
    assert run("watch", "T" + str(server.get(f"/tasks/{batch}.1")["number"]).lstrip("T")).code == 0
    assert run("watch", "99").code == 3 and run("watch", "1..2").code == 2


def test_watch_survives_the_server(busy, tmp_path):
    server, run = busy
    path, command = gate(tmp_path)
    batch = server.submit(*command, array="1-3")["batch"]
    watching = started(run, "watch", str(batch))
    try:
        cli.lines_until(watching.stdout, "0 %")
        server.kill()
        cli.lines_until(watching.stdout, "the server is away")
        server.start()
        cli.lines_until(watching.stdout, "the server is back after")
        path.touch()
        cli.lines_until(watching.stdout, f"{batch}.2\tfailed")
        assert watching.wait(30) == 1
    finally:
        end(watching)


def test_ctrl_c_detaches(busy, tmp_path):
    server, run = busy
    path, command = gate(tmp_path)
    batch = server.submit(*command, array="1-2")["batch"]
    for words in (["watch", str(batch)], ["task", "list", str(batch), "-w"], ["status", "--watch"]):
        watching = started(run, *words)
        assert watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130, words
        if words[0] == "watch":
            assert f"reattach:  muster watch {batch}" in watching.stdout.read().decode()
        end(watching)
    path.touch()


# ---- -w --------------------------------------------------------------------------------------------------------------


def test_lists_go_on_in_a_pipe_with_what_is_new(busy, tmp_path):
    server, run = busy
    path, command = gate(tmp_path)
    batch = server.submit(*command, array="1-2")["batch"]
    watching = started(run, "task", "list", str(batch), "-w", "--columns", "id,state")
    try:
        cli.lines_until(watching.stdout, f"{batch}.2\t")
        path.touch()
        lines = cli.lines_until(watching.stdout, f"{batch}.2\tfailed")
        assert lines.count("id\tstate\n") == 0, "what was printed is not printed again"
    finally:
        end(watching)


@pytest.mark.parametrize("words", [["batch", "list"], ["attempt", "list", "1"], ["worker", "list"], ["event", "list"], ["batch", "show", "1"],
                                   ["task", "show", "1.1"], ["attempt", "show", "1.1#1"], ["status"], ["status", "1"]])
def test_every_view_can_be_watched(busy, words):
    """--watch of `list`, `show` and `status`: something happens, and it is seen."""
    server, run = busy
    server.submit("true")
    server.wait("1")
    watching = started(run, *words, "--watch", "-o", "json")
    try:
        first = json.loads(watching.stdout.readline())
        assert first["schema"].startswith("muster.")
    finally:
        end(watching)


def test_a_list_in_place_on_a_terminal(busy):
    server, run = busy
    session = cli.Terminal([cli.MUSTER, "batch", "list", "-w", "--no-color"], 80, run.env(), run.home)
    try:
        session.read_until("COMMAND", 20)
        server.submit("true", name="later")
        session.read_until("later", 20)
        session.read_until("succeeded", 20)
        assert session.output.count(b"\x1b[H\x1b[2J") >= 2
        os.kill(session.process.pid, signal.SIGINT)
        assert session.finish(20).code == 130
    finally:
        session.close()


def test_worker_show_by_name(busy):
    server, run = busy
    name = server.get("/workers")["items"][0]["name"]
    watching = started(run, "worker", "show", name, "-w", "--json")
    try:
        assert json.loads(watching.stdout.readline())["name"] == name
    finally:
        end(watching)


# ---- top -------------------------------------------------------------------------------------------------------------


def test_top_once(tmp_path):
    """One frame of exactly known documents: wide, narrow, in a pipe."""
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/status")] = cli.status(batches_live=2, attention=[
            cli.need("failed", "bad", "3 tasks of 42 align failed", "muster task list 42 --state failed", batch=42),
            cli.need("held", "warning", "40 nightly is held", "muster release 40", batch=40)])
        server.routes[("GET", "/workers")] = cli.listing("muster.workers/1", cli.worker(), cli.worker(2, name="lab2", connected=False,
                                                                                                    state="offline"))
        server.routes[("GET", "/events")] = cli.listing("muster.events/1", {
            "seq": 9, "time": cli.ago(cli.LONG_AGO), "kind": "batch-submitted", "batch": 42, "task": None, "attempt": None,
            "worker": None, "who": "ana", "text": "200 tasks\x1b[2J"})
        parts = []
        for title, result in (("100 columns", run.terminal("top", "--once", width=100)),
                              ("80 columns", run.terminal("top", "--once", "--no-color", width=80)),
                              ("20 columns", run.terminal("top", "--once", "--no-color", width=20)), ("pipe", run("top", "--once"))):
            assert result.code == 0 and "\x1b[2J" not in result.out, result
            parts.append(f"=== {title}\n{result.out}{result.err}")
        cli.golden("top.txt", cli.normalised("".join(parts)))
        refused = run("top")
        assert refused.code == 2 and "muster top --once" in refused.err


def test_top_is_live_and_gives_the_terminal_back(busy):
    server, run = busy
    session = cli.Terminal([cli.MUSTER, "top"], 100, run.env(), run.home)
    try:
        session.read_until("q ends", 20)
        server.submit("sleep", "30", name="napping")
        session.read_until("napping", 20)
        session.type("q")
        done = session.finish(20)
        assert done.code == 0 and "\x1b[?1049h" in done.out and done.out.rstrip().endswith("\x1b[?25h\x1b[?1049l")
    finally:
        session.close()


def test_top_waits_for_a_server_that_went_away(busy):
    server, run = busy
    session = cli.Terminal([cli.MUSTER, "top"], 100, run.env(), run.home)
    try:
        session.read_until("q ends", 20)
        server.kill()
        session.read_until("waiting for the server", 20)
        server.start()
        before = len(session.output)
        server.submit("sleep", "30", name="afterwards")
        session.read_until("afterwards", 20)
        assert b"live" in session.output[before:]
        os.kill(session.process.pid, signal.SIGINT)
        assert session.finish(20).code == 130
    finally:
        session.close()
