"""T-02: server, agent and keeper are killed at every named point of the way of a task, one point at a time; nothing is lost or doubled.
Stores fail, also after they have written; processes stand still; the connection to PostgreSQL is cut.

The points are calls of failpoint("…") in the sources, so that a new one cannot be forgotten here. They do nothing in the program that
people get; build/failing/muster is linked with others, which kill the process that passes the armed one.
"""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import conftest
import postgres_support
from agent_support import Worker, eventually, history
from conftest import MUSTER

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAILING = pathlib.Path(MUSTER).parent / "failing" / "muster"
CALL = re.compile(r'\bfailpoint\("([a-z_.]+)"\)')
POINTS = sorted({name for path in (ROOT / "src").rglob("*.cpp") for name in CALL.findall(path.read_text())})
LONG = bool(os.environ.get("MUSTER_TEST_LONG"))
TASKS = 60
PASSES = (1, 2, 3, 5, 7, 11, 30) if LONG else (1,)
AT_ONCE = 4  # most of the time they wait for each other


@pytest.fixture(scope="module")
def postgres():
    one = postgres_support.Postgres()
    yield one
    one.end()


pytestmark = pytest.mark.skipif(not FAILING.exists(), reason="build/failing/muster is not built")


class Ground:
    """A server with a worker whose processes pass failpoints."""

    def __init__(self, make_server, monkeypatch, name, options=()):
        monkeypatch.setattr(conftest, "MUSTER", str(FAILING))
        self.server = make_server(start=False, worker=True, slots=2, name=name, options=options)
        self.folder = self.server.folder / "points"
        self.folder.mkdir()
        self.ledger = self.server.folder / "ledger"
        self.ledger.touch()
        plain = self.server.environment
        monkeypatch.setattr(self.server, "environment", lambda: plain() | {"MUSTER_FAILPOINTS": str(self.folder)})

    def arm(self, point, passes, action="kill"):
        (self.folder / "armed").write_text(f"{point} {passes} {action}\n")

    def passed(self):
        file = self.folder / "passed"
        return set(file.read_text().split()) if file.exists() else set()

    def start(self):
        """Until it is ready, however often it dies on the way."""
        for _ in range(3):
            try:
                self.server.start()
                return
            except AssertionError:
                self.server.process.wait(30)
        raise AssertionError("it does not start")

    def submit(self):
        """Once, whatever becomes of the answer: the key says that it is the same one."""
        script = f'echo "start $MUSTER_TASK_INDEX $MUSTER_ATTEMPT" >> {self.ledger}; echo out; echo "end $MUSTER_TASK_INDEX" >> {self.ledger}'
        body = {"command": ["sh", "-c", script], "array": f"1-{TASKS}", "cwd": "none"}
        for _ in range(5):
            try:
                answer = self.server.request("POST", "/batches", body, fields={"Idempotency-Key": "one"})
                if answer.status in (200, 201):
                    return
                assert answer.status == 503, answer  # it is not known whether it was written
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.server.process.wait(5)  # its sockets go a moment before it does
                self.mend()
        raise AssertionError("the submission is never answered")

    def mend(self):
        """Whoever has died: the server is ours to start; it starts agents, and these start keepers."""
        if self.server.process.poll() is not None:
            self.server.process.stdout.close()
            self.start()

    def finish(self):
        def done():
            self.mend()
            try:
                return self.server.get("/batches/1")["counts"]["succeeded"] == TASKS
            except OSError:
                return False
        eventually(done)

    def check(self, point):
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        starts = collections.Counter((int(line[1]), int(line[2])) for line in lines if line[0] == "start")
        ended = {int(line[1]) for line in lines if line[0] == "end"}
        assert ended == set(range(1, TASKS + 1)), "every task ran to its end"
        assert max(starts.values()) == 1, "no attempt ran twice"
        more = {index: count for index, count in collections.Counter(index for index, _ in starts).items() if count > 1}
        if not point.startswith(("keeper.", "file.")):
            assert not more, ("only a keeper's death makes a task run again", more)
        for index in list(more)[:5] + [1, TASKS]:
            states = [state for _, state, _ in history(self.server, f"1.{index}")]
            assert states.count("succeeded") == 1 and states[-1] == "succeeded", (index, states)
        log = self.server.request("GET", "/logs", query={"selector": "1.1"}).body
        assert log == b"out\n", log


def test_there_are_points_on_the_whole_way():
    assert len(POINTS) >= 30 and {point.split(".")[0] for point in POINTS} == {"server", "agent", "keeper", "file", "postgres"}


def test_the_program_that_people_get_has_no_failpoints(make_server, monkeypatch, tmp_path):
    points = tmp_path / "points"
    points.mkdir()
    (points / "armed").write_text("server.commit.before 1\n")
    monkeypatch.setenv("MUSTER_FAILPOINTS", str(points))
    server = make_server(start=False)
    plain = server.environment
    monkeypatch.setattr(server, "environment", lambda: plain() | {"MUSTER_FAILPOINTS": str(points)})
    server.start()
    server.submit("true")
    assert sorted(path.name for path in points.iterdir()) == ["armed"]
    assert b"MUSTER_FAILPOINTS" not in pathlib.Path(MUSTER).read_bytes() and b"MUSTER_FAILPOINTS" in FAILING.read_bytes()


def run_past(make_server, monkeypatch, point, passes, action="kill", options=()):
    ground = Ground(make_server, monkeypatch, f"{point}-{passes}-{action}", options)
    ground.arm(point, passes, action)
    ground.start()
    ground.submit()
    ground.finish()
    fired = not (ground.folder / "armed").exists()
    assert fired or passes > 1, f"{point} was never passed: " + " ".join(sorted(ground.passed()))
    ground.check(point if action == "kill" else "")
    ground.server.end()
    shutil.rmtree(ground.server.folder)


def run_all_past(make_server, monkeypatch, runs):
    """`runs`: (point, passes, action)."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {run: pool.submit(run_past, make_server, monkeypatch, *run) for run in runs}
    failed = {run: repr(error) for run, future in futures.items() if (error := future.exception())}
    assert not failed, failed


@pytest.mark.parametrize("process", ["server", "agent", "keeper", "file"])
def test_a_kill_at_each_point_loses_and_doubles_nothing(make_server, monkeypatch, process):
    points = [point for point in POINTS if point.split(".")[0] == process]
    run_all_past(make_server, monkeypatch, [(point, passes, "kill") for point in points for passes in PASSES])


def test_a_store_that_fails_before_and_after_it_has_written_loses_and_doubles_nothing(make_server, monkeypatch):
    points = [point for point in POINTS if point.startswith(("server.commit.", "server.transaction.", "server.incarnation."))]
    assert len(points) == 6, points
    # With 4 the submission is over: what fails is the record of grants and ends.
    run_all_past(make_server, monkeypatch, [(point, passes, "error") for point in points for passes in (1, 4)])


def test_processes_that_stand_still_at_a_point_lose_and_double_nothing(make_server, monkeypatch):
    points = POINTS if LONG else ["server.commit.before", "server.commit.after", "server.logs.before", "agent.granted", "agent.logs_read",
                                  "agent.keepers_told", "keeper.starting", "keeper.report.before"]
    points = [point for point in points if not point.startswith("postgres.")]
    run_all_past(make_server, monkeypatch, [(point, 1, "delay") for point in points])


@pytest.mark.skipif(bool(postgres_support.MISSING) or not FAILING.with_name("muster-server").exists(), reason="no PostgreSQL, or no muster-server")
@pytest.mark.parametrize("action", ["kill", "cut"])
def test_postgresql_that_is_lost_at_a_point_loses_and_doubles_nothing(make_server, monkeypatch, postgres, action):
    for point in (point for point in POINTS if point.startswith("postgres.")):
        for passes in PASSES if LONG else (1, 5) if "pipeline" in point else (1,):
            postgres.ask("SET client_min_messages = error; DROP SCHEMA IF EXISTS muster CASCADE")
            run_past(make_server, monkeypatch, point, passes, action, ("--store", postgres.url))
