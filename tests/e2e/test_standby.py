"""Two servers on one PostgreSQL: one leads, the other stands by and takes over; nothing is lost, nothing runs twice.

Real servers, real agents, real tasks; what ran is told by a ledger that the tasks write themselves.
"""

import collections
import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

import pytest

from conftest import MUSTER
from postgres_support import MISSING, Postgres

LONG = bool(os.environ.get("MUSTER_TEST_LONG"))
AGENTS = 50 if LONG else 4
TASKS = 2000 if LONG else 80
BACK_S = 10

if not MISSING and not os.path.exists(MUSTER + "-server"):
    MISSING = "muster-server is not built (libpq-dev is missing)"
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")


@pytest.fixture(scope="module")
def postgres():
    one = Postgres()
    yield one
    one.end()


@pytest.fixture
def fresh(postgres):
    postgres.ask("SET client_min_messages = error; DROP SCHEMA IF EXISTS muster CASCADE")
    return postgres


def start_standby(make_server, url, *more):
    standby = make_server(start=False, name="standby", options=["--store", url, *more])
    standby.output = b""
    standby.process = subprocess.Popen([MUSTER, "up", "--data", standby.data, "--listen", "127.0.0.1:0", *standby.options],
                                       env=standby.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=open(standby.folder / "stderr", "ab"), start_new_session=True)
    line = standby._first_line()
    assert " stands by at " in line, (line, standby.stderr())
    standby.url = line.split(" stands by at ")[1].split()[0]
    return standby


def answer(url, path):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def wait_for_lead(server):
    """Seconds until the server says that it is ready."""
    start = time.monotonic()
    while time.monotonic() - start < 30:
        try:
            if answer(server.url, "/readyz")[0] == 200:
                return time.monotonic() - start
        except OSError:
            pass
        time.sleep(0.05)  # the pace of asking
    raise AssertionError("it does not take over: " + server.logs())


@pytest.fixture
def agents(tmp_path):
    running = []

    def start(token_file, *urls):
        for number in range(AGENTS):
            folder = tmp_path / f"agent-{number}"
            with open(tmp_path / f"agent-{number}.log", "wb") as log:
                running.append(subprocess.Popen(
                    [MUSTER, "agent", "--folder", folder, "--server", ",".join(urls), "--token-file", token_file, "--name",
                     f"w{number}", "--slots", "1"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def submit_ledger(server, tmp_path):
    ledger = tmp_path / "ledger"
    script = f'echo "$MUSTER_TASK_INDEX" >> {ledger}; sleep 0.1'
    server.run("submit", "--array", f"1-{TASKS}", "--cwd", str(tmp_path), "--", "sh", "-c", script)
    return ledger


def wait_for_lines(ledger, count):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if ledger.exists() and len(ledger.read_text().split()) >= count:
            return
        time.sleep(0.02)  # the pace of looking
    raise AssertionError("the tasks do not run")


def finish(server, ledger):
    server.run("wait", "1", "--timeout", "120s", timeout=150)
    ran = collections.Counter(map(int, ledger.read_text().split()))
    assert sorted(ran) == list(range(1, TASKS + 1))
    assert [index for index, times in ran.items() if times > 1] == []
    assert server.get("/batches/1")["counts"]["succeeded"] == TASKS


def test_the_standby_takes_over_from_a_killed_leader_while_agents_run_tasks(fresh, make_server, agents, tmp_path):
    leader = make_server(name="leader", options=["--store", fresh.url])
    standby = start_standby(make_server, fresh.url)
    assert answer(standby.url, "/healthz")[0] == 200
    status, body = answer(standby.url, "/readyz")
    assert status == 503 and "standby" in body and leader.url in body
    agents(leader.data / "worker" / "agent.token", leader.url, standby.url)
    ledger = submit_ledger(leader, tmp_path)
    wait_for_lines(ledger, TASKS // 8)
    leader.process.kill()
    leader.process.wait()
    assert wait_for_lead(standby) < BACK_S
    finish(standby, ledger)


def test_a_standby_speaks_tls_where_its_leader_does(fresh, make_server, agents, tmp_path):
    leader = make_server(name="leader", options=["--store", fresh.url, "--tls"])
    standby = start_standby(make_server, fresh.url, "--tls")
    own = (standby.data / "standby").read_text().strip()
    assert own.startswith("https://") and "#sha256//" in own, own
    assert answer(standby.url, "/healthz")[0] == 200
    status, body = answer(standby.url, "/readyz")
    assert status == 503 and leader.url in body
    # One who shakes hands slowly, and one who speaks plainly, hold up nobody.
    parts = urllib.parse.urlsplit(standby.url)
    silent = [socket.create_connection((parts.hostname, parts.port)) for _ in range(3)]
    silent[0].sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
    assert answer(standby.url, "/healthz")[0] == 200
    agents(leader.data / "worker" / "agent.token", (leader.data / "server.url").read_text().strip(), own)
    ledger = submit_ledger(leader, tmp_path)
    wait_for_lines(ledger, TASKS // 8)
    leader.process.kill()
    leader.process.wait()
    assert wait_for_lead(standby) < BACK_S
    finish(standby, ledger)
    for one in silent:
        one.close()


def test_a_frozen_leader_is_replaced_and_stands_by_when_it_thaws(fresh, make_server, agents, tmp_path):
    leader = make_server(name="leader", options=["--store", fresh.url])
    standby = start_standby(make_server, fresh.url)
    agents(leader.data / "worker" / "agent.token", leader.url, standby.url)
    ledger = submit_ledger(leader, tmp_path)
    wait_for_lines(ledger, TASKS // 8)
    leader.process.send_signal(signal.SIGSTOP)
    try:
        assert wait_for_lead(standby) < BACK_S
    finally:
        leader.process.send_signal(signal.SIGCONT)
    finish(standby, ledger)
    deadline = time.monotonic() + 20
    while "standby" not in answer(leader.url, "/readyz")[1]:
        assert time.monotonic() < deadline, leader.logs()
        time.sleep(0.1)  # the pace of asking
    assert answer(standby.url, "/readyz")[0] == 200


def test_a_database_that_dies_is_waited_for(fresh, make_server):
    leader = make_server(name="leader", options=["--store", fresh.url])
    leader.run("submit", "--", "true")
    fresh.crash()
    fresh.start()
    leader.run("submit", "--", "true")
    assert fresh.ask("SELECT count(*) FROM muster.batches") == "2"


def test_a_database_that_dies_again_and_again_while_agents_run_tasks(fresh, make_server, agents, tmp_path):
    leader = make_server(name="leader", options=["--store", fresh.url])
    agents(leader.data / "worker" / "agent.token", leader.url)
    ledger = submit_ledger(leader, tmp_path)
    for part, die in ((8, fresh.kill), (4, fresh.crash), (2, fresh.kill)):
        wait_for_lines(ledger, TASKS // part)
        die()
        # Work that was granted goes on meanwhile; what ends is told when there is somebody to tell.
        time.sleep(0.5)  # how long it is away
        fresh.start()
        assert wait_for_lead(leader) < BACK_S
    finish(leader, ledger)
    assert fresh.ask("SELECT count(*), count(DISTINCT (batch, position)) FROM muster.tasks WHERE state = 4") == f"{TASKS}|{TASKS}"
    assert "late_result_refused" not in leader.request("GET", "/events?limit=1000").body.decode()


def test_down_in_a_standbys_folder_leaves_the_leader_alone(fresh, make_server):
    leader = make_server(name="leader", options=["--store", fresh.url])
    standby = start_standby(make_server, fresh.url)
    standby.run("down")
    assert standby.process.wait(20) == 0
    assert answer(leader.url, "/readyz")[0] == 200
    leader.terminate()
    # PostgreSQL ends a session a moment after its client; until then the next server would stand by first.
    while fresh.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0":
        time.sleep(0.02)  # the pace of asking
    # The folder remembers its store.
    leader.start()
    assert "postgresql" in leader.request("GET", "/status").body.decode()


def test_a_store_that_is_none_is_refused(make_server, tmp_path):
    server = make_server(start=False)
    done = server.run("up", "--store", "mysql://x", check=False)
    assert done.returncode == 2 and "--store" in done.stderr
    done = server.run("up", "--store", f"postgres://nobody@{urllib.parse.quote(str(tmp_path), safe='')}/none", check=False)
    assert done.returncode == 75 and "E111" in done.stderr, done
