"""T-23: one worker of a fleet fails everything at once. It is set aside before it has cost more than ten tasks."""

import os
import subprocess
import time

import pytest

from agent_support import eventually
from conftest import MUSTER

LONG = bool(os.environ.get("MUSTER_TEST_LONG"))
WORKERS, TASKS, PAUSE_S = (20, 10_000, 0.1) if LONG else (5, 300, 0.2)


@pytest.fixture
def fleet(make_server, tmp_path):
    """Agents with a home of their own each; tasks fail where the home says so."""
    server = make_server()
    running = []
    for number in range(WORKERS):
        home = tmp_path / f"home-{number}"
        home.mkdir()
        if number == 0:
            (home / "broken").touch()
        with open(tmp_path / f"agent-{number}.log", "wb") as log:
            running.append(subprocess.Popen(
                [MUSTER, "agent", "--folder", server.data / f"w{number}", "--server", server.url, "--token-file",
                 server.data / "worker" / "agent.token", "--name", f"w{number}", "--slots", "1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=server.environment() | {"HOME": str(home)}))
    eventually(lambda: sum(one["connected"] for one in server.get("/workers")["items"]) == WORKERS)
    yield server
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)


def test_a_worker_that_fails_everything_costs_ten_tasks_at_most(fleet):
    server, start = fleet, time.monotonic()
    batch = server.submit("sh", "-c", f"test ! -e $HOME/broken && sleep {PAUSE_S}", array=f"1-{TASKS}", cwd="none")["batch"]
    eventually(lambda: server.get("/workers/w0")["state"] == "quarantined")
    quarantined_s = time.monotonic() - start
    assert quarantined_s < 30
    server.wait(batch, timeout_s=TASKS * PAUSE_S + 60)
    counts = server.get(f"/batches/{batch}")["counts"]
    assert counts["succeeded"] + counts["failed"] == TASKS and 3 <= counts["failed"] <= 10, counts
    assert [one["state"] for one in server.get("/workers")["items"]].count("online") == WORKERS - 1
