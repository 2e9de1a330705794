"""20,000 short tasks under random kill -9 of server, agent and keeper, judged by a ledger kept outside of Muster.

The tasks themselves append to the ledger; the submitter notes every answer it got. MUSTER_TORTURE_KILLS and
MUSTER_TORTURE_TASKS make it longer (`./dev test --long` does).
"""

import collections
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

MUSTER = os.path.abspath(os.environ.get("MUSTER", "build/muster"))
LONG = os.environ.get("MUSTER_TEST_LONG") == "1"
KILLS = int(os.environ.get("MUSTER_TORTURE_KILLS", "200" if LONG else "24"))
TASKS = int(os.environ.get("MUSTER_TORTURE_TASKS", "100000" if LONG else "20000"))
BATCH = 500
SEED = int(os.environ.get("MUSTER_TORTURE_SEED", str(int(time.time()))))

TASK = 'echo "$MUSTER_TASK_ID $MUSTER_ATTEMPT start" >>"$LEDGER"; echo "$MUSTER_TASK_ID $MUSTER_ATTEMPT end" >>"$LEDGER"'


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


class System:
    """One data folder and whatever runs on it."""

    def __init__(self, folder):
        self.data = str(folder / "data")
        self.ledger = str(folder / "ledger")
        open(self.ledger, "w").close()

    def run(self, *words, check=True, timeout=60):
        at = words.index("--") if "--" in words else len(words)
        words = (*words[:at], "--data", self.data, *words[at:])
        result = subprocess.run([MUSTER, *words], capture_output=True, text=True, timeout=timeout,
                                stdin=subprocess.DEVNULL)
        assert not check or result.returncode == 0, (words, result.returncode, result.stdout, result.stderr)
        return result

    def up(self):
        self.run("up", "-d", "--listen", "127.0.0.1:0", "--slots", "2")

    def pids(self):
        found = collections.defaultdict(list)
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if os.path.basename(words[0]) == "muster" and any(self.data in word for word in words):
                for role in ("server", "agent", "keeper"):
                    if role in words[1:2]:
                        found[role].append(int(entry))
        # A task between its keeper's vfork and its own exec looks like a keeper; it is a child of one.
        found["keeper"] = [pid for pid in found["keeper"] if parent_of(pid) not in found["keeper"]]
        return found


class Submitter(threading.Thread):
    """Submits batches with keys; asks again with the same key until it has an answer. Notes only what was answered."""

    def __init__(self, system):
        super().__init__()
        self.system = system
        self.acknowledged = {}
        self.error = None

    def run(self):
        try:
            for number in range(TASKS // BATCH):
                self.acknowledged[f"key-{number}"] = self.submit(f"key-{number}")
        except BaseException as error:  # shown by the test, not lost in the thread
            self.error = error

    def submit(self, key):
        give_up = time.monotonic() + 60
        while True:
            result = self.system.run("submit", "-q", "--key", key, "--array", f"1-{BATCH}", "--env", f"LEDGER={self.system.ledger}",
                                     "--shell", "--", TASK, check=False)
            if result.returncode == 0:
                return int(result.stdout.strip())
            assert result.returncode in (69, 75), (result.returncode, result.stdout, result.stderr)
            assert time.monotonic() < give_up, "no answer for a minute"
            time.sleep(0.02)  # the pace of asking again; nothing depends on its length


def kill_at_random(system, dice, submitter):
    """Kills one of the three, restarts the server when it was the one; returns what was killed."""
    killed = collections.Counter()
    while sum(killed.values()) < KILLS:
        time.sleep(dice.uniform(0.1, 0.6))  # the pace of the faults
        role = dice.choices(["server", "agent", "keeper"], weights=[4, 3, 3])[0]
        victims = system.pids()[role]
        if not victims:
            continue
        os.kill(dice.choice(victims), signal.SIGKILL)
        killed[role] += 1
        if role == "server":
            system.up()
        if submitter.error is not None:
            raise submitter.error
    return killed


def read_tasks(system, batch):
    out = system.run("task", "list", str(batch), "-o", "jsonl", "--limit", str(BATCH)).stdout
    return [json.loads(line) for line in out.splitlines()]


def check_ledger(system, batches):
    starts, ends = collections.Counter(), collections.Counter()
    with open(system.ledger) as file:
        for line in file:
            task, attempt, what = line.split()
            (starts if what == "start" else ends)[(task, int(attempt))] += 1
    doubled = [key for key, count in starts.items() if count > 1]
    assert not doubled, f"attempts that were started twice: {doubled[:10]}"
    lost_attempts = 0
    for batch in batches:
        tasks = read_tasks(system, batch)
        assert len(tasks) == BATCH, f"batch {batch} has {len(tasks)} tasks"
        for task in tasks:
            assert task["state"] == "succeeded", task
            last = (task["id"], task["attempts"])
            assert starts[last] == 1 and ends[last] == 1, f"{last} succeeded, but the ledger says otherwise"
            if task["attempts"] == 1:
                continue
            history = json.loads(system.run("task", "show", task["id"], "-o", "json").stdout)["history"]
            for attempt in history[:-1]:
                lost_attempts += attempt["state"] == "lost"
                assert attempt["state"] in ("lost", "refused"), attempt
    return lost_attempts


@pytest.fixture
def system(tmp_path):
    system = System(tmp_path)
    system.up()
    yield system
    system.run("down", check=False)
    left = {role: pids for role, pids in system.pids().items() if pids}
    for pids in left.values():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert not left, f"still running after down: {left}"


def test_nothing_is_lost_and_nothing_runs_twice(system):
    print(f"seed {SEED}: repeat with MUSTER_TORTURE_SEED={SEED}")
    submitter = Submitter(system)
    submitter.start()
    killed = kill_at_random(system, random.Random(SEED), submitter)
    submitter.join()
    if submitter.error is not None:
        raise submitter.error
    batches = list(submitter.acknowledged.values())
    assert len(set(batches)) == TASKS // BATCH, "a key was answered with the batch of another"
    system.run("wait", *map(str, batches), "--progress", "none", timeout=300)
    lost = check_ledger(system, batches)
    existing = json.loads(system.run("batch", "list", "-o", "json", "--limit", "1000").stdout)["items"]
    assert {batch["id"] for batch in existing} == set(batches), "a submit without an answer left a batch of its own"
    system.run("down")
    database = sqlite3.connect(f"file:{system.data}/muster.db?mode=ro", uri=True)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(f"killed {dict(killed)}; {lost} attempts were lost and run again")
