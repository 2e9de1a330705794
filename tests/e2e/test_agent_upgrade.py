"""Agents older than their server go over to its version while tasks run, and stay what they are when that does not work.

The older build is this one with another number in it: a copy of the program in which the version's text was changed. A newer
version that is broken is a shell script that a muster-server hands out: it stands beside it under the name muster.
"""

import hashlib
import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest

import agent_support
import conftest
import hostile_agent as bad
from agent_support import Fifo, Worker, eventually, history, kill, process_ended, shell
from conftest import MUSTER

PROGRAM = 10
OLD = "0.0.9"
MARK = b"muster version "


def version_of(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.fixture(scope="module")
def new():
    return version_of(MUSTER)


@pytest.fixture(scope="module")
def older(tmp_path_factory, new):
    program = pathlib.Path(MUSTER).read_bytes()
    assert program.count(MARK + new.encode()) == 1 and len(new) == len(OLD)
    copy = tmp_path_factory.mktemp("older") / "muster"
    copy.write_bytes(program.replace(MARK + new.encode(), MARK + OLD.encode()))
    copy.chmod(0o755)
    assert version_of(copy) == OLD
    return copy


def joined(server, program, folder, *words):
    """A worker on a machine of its own, with that program."""
    import json
    key = json.loads(server.run("invite", "--json", "--name", "lab").stdout)["key"]
    subprocess.run([program, "join", server.url, "--key", key, "--folder", folder, "-d", *map(str, words)], check=True, timeout=60,
                   env=server.environment(), stdin=subprocess.DEVNULL)
    return Worker(server, folder)


def of_version(worker, version):
    return eventually(lambda: (row := worker.row()) and row["version"] == version and row["connected"] and row)


def gated(server, name):
    """A task that says it began and goes on when its gate is opened: (batch, gate)."""
    said, gate = Fifo(server.folder / f"said-{name}"), Fifo(server.folder / f"gate-{name}")
    batch = shell(server, f"echo began; echo began > {said.path}; read line < {gate.path}; echo ended")
    assert said.line() == "began"
    return batch, gate


def test_a_joined_worker_goes_over_while_its_tasks_run(make_server, older, new):
    """up --no-upgrade, join --upgrade-patience"""
    server = make_server(listen="0.0.0.0:0", options=["--no-upgrade"])
    worker = joined(server, older, server.data / "far", "--slots", 2, "--upgrade-patience", "1m")
    assert of_version(worker, OLD), "with --no-upgrade it is left as it is"
    first, gate = gated(server, "first")
    agent, (keeper, keeper_pid) = worker.agent(), next(iter(worker.keepers().items()))
    server.listen = f"0.0.0.0:{server.address[1]}"
    server.terminate()
    server.options.remove("--no-upgrade")
    server.start()
    of_version(worker, new)
    assert worker.agent() == agent and not process_ended(agent), "it is the same process"
    program = worker.folder / "versions" / new / "muster"
    assert os.readlink(f"/proc/{agent}/exe") == str(program) and program.stat().st_mode & 0o755 == 0o755
    assert program.read_bytes() == pathlib.Path(MUSTER).read_bytes()
    assert sorted(path.name for path in (worker.folder / "versions").iterdir()) == [new]
    second = subprocess.run([MUSTER, "join", "--folder", worker.folder], capture_output=True, text=True, check=False, timeout=30,
                            env=server.environment(), stdin=subprocess.DEVNULL)
    assert second.returncode == 3 and f"process {agent}" in second.stderr, "it holds the folder as before"
    # New tasks go to a keeper of the new version; the old one stays until its task has ended.
    fresh, other = gated(server, "second")
    keepers = worker.keepers()
    assert keepers[keeper] == keeper_pid and len(keepers) == 2, keepers
    assert (worker.folder / "keepers" / str(max(keepers)) / "version").read_text().strip() == new
    gate.open_gate()
    other.open_gate()
    server.wait(first, fresh)
    assert server.run("logs", f"{first}.1").stdout == "began\nended\n"
    assert [len(history(server, f"{batch}.1")) for batch in (first, fresh)] == [1, 1], "nothing ran twice"
    eventually(lambda: list(worker.keepers()) == [max(keepers)])
    assert new in server.run("worker", "list", "-o", "wide").stdout and new in server.run("worker", "show", "lab").stdout
    said = worker.log()
    assert f"the server has version {new}, this is {OLD}" in said and f"version {new} has taken over" in said


def test_the_server_goes_forward_and_back_while_a_task_runs(make_server, older, new, monkeypatch):
    monkeypatch.setattr(conftest, "MUSTER", str(older))
    server = make_server(worker=True)
    worker = Worker(server)
    of_version(worker, OLD)
    batch, gate = gated(server, "task")
    server.listen = "127.0.0.1:%d" % server.address[1]
    server.terminate()
    monkeypatch.setattr(conftest, "MUSTER", MUSTER)
    server.start()
    of_version(worker, new)
    server.terminate()
    monkeypatch.setattr(conftest, "MUSTER", str(older))
    server.start()
    of_version(worker, new)
    gate.open_gate()
    server.wait(batch)
    assert [(state, cause) for _, state, cause in history(server, f"{batch}.1")] == [("succeeded", None)]
    assert server.run("logs", f"{batch}.1").stdout == "began\nended\n"


SCRIPT = """#!/bin/sh
if [ "$1" = --version ]; then {version}; exit; fi
echo "$@" >> {tried}
{then}
"""


@pytest.fixture
def broken_server(make_server, monkeypatch, new):
    """A server whose newest program for agents is a script."""
    if not os.path.exists(MUSTER + "-server"):
        pytest.skip("muster-server is not built (libpq-dev is missing)")

    def make(then="exit 1", version=None):
        server = make_server(start=False)
        place = server.folder / "program"
        place.mkdir()
        shutil.copy(MUSTER + "-server", place / "muster-server")
        if then is not None:
            (place / "muster").write_text(SCRIPT.format(version=version or f"echo muster {new}", then=then, tried=server.folder / "tried"))
            (place / "muster").chmod(0o755)
        monkeypatch.setattr(conftest, "MUSTER", str(place / "muster-server"))
        server.start()
        monkeypatch.setattr(conftest, "MUSTER", MUSTER)
        return server

    return make


@pytest.mark.parametrize("then", ["exit 1", "exec sleep 600"], ids=["that ends at once", "that never comes up"])
def test_a_new_version_is_replaced_by_the_old_one_again(broken_server, older, new, monkeypatch, then):
    server = broken_server(then)
    monkeypatch.setattr(agent_support, "MUSTER", str(older))
    worker = Worker(server, server.data / "second")
    worker.start("--upgrade-patience", "1500ms", slots=1)
    tried = server.folder / "tried"
    eventually(tried.exists)
    eventually(lambda: (worker.folder / "versions" / "refused").exists())
    of_version(worker, OLD)
    assert process_ended(worker.own[0].pid) and worker.lock_owner() != worker.own[0].pid
    assert tried.read_text().startswith(f"agent --folder {worker.folder} ")
    assert server.wait(shell(server, "true"))["done"], "the old one works"
    # It is not tried again: neither in this agent's next session nor by the next agent.
    worker.kill_agent(signal.SIGTERM)
    agent = worker.start(slots=1)
    eventually(lambda: worker.lock_owner() == agent.pid)
    of_version(worker, OLD)
    eventually(lambda: "failed here less than a day ago" in worker.log())
    assert tried.read_text().count("\n") == 1 and worker.row()["connected"]


@pytest.mark.parametrize("version, then", [("echo muster 9.9.9", "exit 1"), ("exit 1", "exit 1"), ("", None)],
                         ids=["says another version", "does not run", "is not there"])
def test_what_is_no_newer_version_is_not_gone_over_to(broken_server, older, monkeypatch, version, then):
    server = broken_server(then, version)
    monkeypatch.setattr(agent_support, "MUSTER", str(older))
    worker = Worker(server, server.data / "second")
    agent = worker.start(slots=1)
    of_version(worker, OLD)
    if then is None:
        connection = server.connect()
        connection.request("GET", "/dl/muster")
        assert connection.getresponse().status == 404
        connection.close()
        eventually(lambda: "no program for agents" in (server.data / "server.log").read_text())
    else:
        eventually(lambda: (worker.folder / "versions" / "refused").exists())
        assert "is not version" in (worker.folder / "upgrade.log").read_text()
    assert worker.agent() == agent.pid and server.wait(shell(server, "true"))["done"]


@pytest.fixture
def web():
    """Gives whatever bytes it is told to, and a length of its own."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(self.server.length))
            self.end_headers()
            self.wfile.write(self.server.body)
            self.server.asked.append((self.path, self.headers["Authorization"]))

        def log_message(self, *words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_program_is_fetched_whole_or_not_at_all(web, tmp_path, new):
    right = pathlib.Path(MUSTER).read_bytes()
    wanted = hashlib.sha256(right).hexdigest()
    out, token = tmp_path / "versions" / "muster", tmp_path / "token"
    token.write_text("mst_agent_1_x_y\n")

    def fetch(body, length=None, version=new):
        web.body, web.length = body, length or len(body)
        return subprocess.run([MUSTER, "fetch", "--from", "http://127.0.0.1:%d" % web.server_port, "--is", version, "--sha256", wanted,
                               "--out", out, "--token-file", token], capture_output=True, text=True, check=False, timeout=60)

    for name, done, code in (("truncated", fetch(right[:1 << 20], len(right)), 69), ("short", fetch(right[:-1]), 4),
                             ("tampered", fetch(right[:4096] + b"x" + right[4097:]), 4), ("another", fetch(right, version="9.9.9"), 3)):
        assert done.returncode == code and not list(tmp_path.glob("versions/*")), (name, done)
    assert fetch(right).returncode == 0 and out.read_bytes() == right and out.stat().st_mode & 0o700 == 0o700
    assert web.asked[-1] == ("/dl/muster", "Bearer mst_agent_1_x_y"), "with its own credential"
    asked = len(web.asked)
    assert fetch(b"").returncode == 0 and len(web.asked) == asked, "what is there already is not fetched again"
    done = subprocess.run([MUSTER, "fetch", "--from", "http://127.0.0.1:1"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2 and "is missing" in done.stderr, done
    done = subprocess.run([MUSTER, "guard", "--folder", tmp_path, "--patience", "1s", "--", "join"], capture_output=True, text=True,
                          check=False, timeout=30)
    assert done.returncode == 3 and "is changing its version" in done.stderr, done


def test_one_that_speaks_no_common_protocol_is_offered_the_program_too(server):
    token = (server.data / "worker" / "agent.token").read_text().strip()
    program = pathlib.Path(MUSTER).read_bytes()
    stranger = bad.HostileAgent(server, token).hello(protocol=(0, 0), version="0.0.1", slots=0)
    kind, message = stranger.receive()
    said = dict(bad.fields(message))
    assert kind == PROGRAM and said[2] == hashlib.sha256(program).digest() and said[3] == len(program)
    assert stranger.receive()[0] == bad.REFUSED
    newer = bad.HostileAgent(server, token).hello(version="99.0.0", slots=0)
    assert newer.receive()[0] == bad.WELCOME, "one that is newer is left as it is"
    stranger.close()
    newer.close()


def test_an_agent_of_before_a_restore_cannot_report_to_the_restored_server(make_server, tmp_path):
    """T-36: what the lost server granted after the backup is refused by the new one, and runs anew."""
    first = make_server()
    worker = Worker(first, first.folder / "far")
    worker.start(url=first.url, slots=1)
    worker.wait_connected()
    ledger = tmp_path / "ledger"
    said, gate = Fifo(tmp_path / "said"), Fifo(tmp_path / "gate")
    script = f"echo $MUSTER_ATTEMPT >> {ledger}; echo began > {said.path}; read line < {gate.path}"
    before = shell(first, script, name="before", held=True)
    first.run("backup", tmp_path / "backup.db")
    first.run("release", before)
    assert said.line() == "began"
    token = (first.data / "worker" / "agent.token").read_text()
    listen = "127.0.0.1:%d" % first.address[1]
    first.kill()
    second = make_server(start=False, listen=listen)
    second.run("restore", tmp_path / "backup.db")
    second.start()
    # The agent comes back by itself, with the token that the backup knows, and what it runs is nothing the new server granted.
    eventually(lambda: (row := Worker(second).row()) and row["connected"])
    assert token == (first.data / "worker" / "agent.token").read_text()
    assert second.get(f"/tasks/{before}.1")["state"] == "held"
    second.run("release", before)
    assert said.line() == "began"
    gate.open_gate()
    second.wait(before)
    attempts = history(second, f"{before}.1")
    assert [state for _, state, _ in attempts] == ["succeeded"], attempts
    assert len(ledger.read_text().split()) == 2, "it ran once for each server, and the newer run counts"
    kill(worker.agent(), signal.SIGINT)
    worker.own[0].wait(30)
