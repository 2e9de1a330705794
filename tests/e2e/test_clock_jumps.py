"""T-08: the wall clock of server, agent and keeper jumps by hours, days and years while tasks run; only displayed times change.

The processes are real. A preloaded library gives them another wall clock, read from a file at each look; their monotonic clock is the
kernel's. A static program takes no such library, so it is muster-server that runs here: it contains all three.
"""

import collections
import glob
import os
import pathlib

import pytest

import conftest
from agent_support import Fifo, Worker, eventually, history, shell
from conftest import MUSTER

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400

pytestmark = [pytest.mark.skipif(LIBRARY is None, reason="the package faketime is not installed"),
              pytest.mark.skipif(not os.path.exists(MUSTER + "-server"), reason="muster-server is not built (libpq-dev is missing)")]


class Clock:
    def __init__(self, file):
        self.file = pathlib.Path(file)
        self.set(0)

    def set(self, seconds):
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n")
        beside.rename(self.file)

    def environment(self):
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}


@pytest.fixture
def jumping(make_server, monkeypatch, tmp_path):
    clock = Clock(tmp_path / "clock")
    monkeypatch.setattr(conftest, "MUSTER", MUSTER + "-server")
    server = make_server(start=False, worker=True, slots=2, options=["--lease", "8s"])
    plain = server.environment
    monkeypatch.setattr(server, "environment", lambda: plain() | clock.environment())
    server.start()
    worker = Worker(server)
    worker.wait_connected()
    for pid in (server.process.pid, worker.agent(), worker.keeper()):
        assert LIBRARY in pathlib.Path(f"/proc/{pid}/maps").read_text(), "every process has the other clock"
    return server, worker, clock


def test_jumps_change_displayed_times_only(jumping, tmp_path):
    server, worker, clock = jumping
    ledger, said, gate = tmp_path / "ledger", Fifo(tmp_path / "said"), Fifo(tmp_path / "gate")
    long = shell(server, f"echo long >> {ledger}; echo began > {said.path}; read line < {gate.path}", name="long", time_s=3600)
    assert said.line() == "began"
    agent, keeper = worker.agent(), worker.keeper()
    # One that fails and waits for its next try is looked at, too.
    retried = server.submit("sh", "-c", f'echo retried >> {ledger}; test "$MUSTER_ATTEMPT" -ge 3', retries=3)["batch"]
    for jump in (HOUR, -HOUR, DAY, -DAY, 30 * DAY, -10 * YEAR, 10 * YEAR, 0):
        clock.set(jump)
        if jump == 10 * YEAR:
            # Every token has ended by that clock. Who is connected stays so, and nothing is taken away meanwhile.
            assert server.request("GET", "/status").code() == "E107"
            continue
        batch = shell(server, f"echo {jump} >> {ledger}; sleep 0.2")
        server.wait(batch)
        assert history(server, f"{batch}.1") == [(1, "succeeded", None)]
        assert server.get("/workers")["items"][0]["connected"]
    server.wait(retried)
    gate.open_gate()
    server.wait(long)
    assert history(server, f"{long}.1") == [(1, "succeeded", None)], "no time limit, no lease and no loss by a jump"
    assert [state for _, state, _ in history(server, f"{retried}.1")] == ["failed", "failed", "succeeded"]
    assert worker.agent() == agent and worker.keeper() == keeper
    runs = collections.Counter(ledger.read_text().split())
    assert runs.pop("retried") == 3 and set(runs.values()) == {1}, runs
    kinds = {event["kind"] for event in server.get("/events", limit=1000)["items"]}
    assert not kinds & {"lease_expired", "worker_silent", "worker_restarted"}, kinds


def test_a_lease_is_measured_while_the_clock_stands_elsewhere(jumping, tmp_path):
    """A jump of ten years back does not make a lease longer: what is cut off is still ended, and runs again."""
    server, worker, clock = jumping
    ledger, gate = tmp_path / "ledger", Fifo(tmp_path / "gate")
    batch = shell(server, f"echo ran >> {ledger}; read line < {gate.path}")
    eventually(lambda: ledger.exists())
    clock.set(-10 * YEAR)
    worker.kill_agent()  # the server starts another one, which takes the task over
    eventually(lambda: worker.lock_owner() and worker.row()["connected"])
    gate.open_gate()
    server.wait(batch)
    assert history(server, f"{batch}.1") == [(1, "succeeded", None)] and ledger.read_text() == "ran\n"
