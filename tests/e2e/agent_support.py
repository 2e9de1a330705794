"""For the tests of agent and keeper: finds the processes of a worker's folder, kills them, and lets tasks speak to the test.

Tasks announce themselves through a fifo and wait at gates (fifos, too), so that no test guesses how long something takes.
"""

import os
import pathlib
import select
import signal
import subprocess
import time

from conftest import MUSTER

PATIENCE_S = 30


class Fifo:
    """Both ends are open here, so that neither side ever finds it without the other."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        os.mkfifo(self.path)
        self.file = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.buffer = b""

    def line(self, patience_s=PATIENCE_S):
        """The next line that a task wrote."""
        deadline = time.monotonic() + patience_s
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.file], [], [], left)[0], f"nobody wrote to {self.path.name}"
            self.buffer += os.read(self.file, 65536)
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def lines(self, count):
        return [self.line() for _ in range(count)]

    def open_gate(self, count=1):
        """Lets so many tasks through that `read` from it."""
        os.write(self.file, b"\n" * count)

    def is_quiet(self):
        """Nothing more was written; only meaningful when everything that could write has ended."""
        return not self.buffer and not select.select([self.file], [], [], 0)[0]

    def close(self):
        os.close(self.file)


def eventually(what, patience_s=PATIENCE_S, pace_s=0.02):
    """Asks again until the answer is true; returns it."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(pace_s)  # the pace of asking again


def process_ended(pid):
    """Gone, or a zombie that nobody has collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
    if number == signal.SIGKILL:
        eventually(lambda: process_ended(pid))


class Worker:
    """A worker's folder, whoever runs in it."""

    def __init__(self, server, folder=None):
        self.server = server
        self.folder = pathlib.Path(folder or server.data / "worker")
        self.own = []  # agents that this test started

    # ---- processes

    def agent(self):
        """Process id of the agent that holds the folder."""
        def holder():
            pid = self.lock_owner()
            return pid if pid and not process_ended(pid) else None
        return eventually(holder)

    def lock_owner(self):
        try:
            return int((self.folder / "agent.lock").read_text())
        except (OSError, ValueError):
            return None

    def keepers(self):
        """{number: process id} of the keepers that live."""
        found = {}
        for identity in (self.folder / "keepers").glob("*/identity"):
            try:
                pid = int(identity.read_text().split()[1])
            except (OSError, IndexError):
                continue
            if not process_ended(pid):
                found[int(identity.parent.name)] = pid
        return found

    def keeper(self):
        """Process id of the only keeper."""
        keepers = eventually(self.keepers)
        assert len(keepers) == 1, keepers
        return next(iter(keepers.values()))

    def kill_agent(self, number=signal.SIGKILL):
        pid = self.agent()
        kill(pid, number)
        for process in self.own:
            if process.pid == pid:
                process.wait(PATIENCE_S)
        return pid

    def kill_keeper(self):
        pid = self.keeper()
        kill(pid)
        return pid

    def kill_both(self):
        agent, keeper = self.agent(), self.keeper()
        os.kill(agent, signal.SIGSTOP)  # it must not see the keeper die
        kill(keeper)
        kill(agent)
        for process in self.own:
            if process.pid == agent:
                process.wait(PATIENCE_S)

    # ---- an agent of the test's own

    def start(self, *options, slots=2, url=None, token=None, name="alpha"):
        where = ["--server", url] if url else ["--url-file", self.server.data / "server.url"]
        token = token or self.server.data / "worker" / "agent.token"
        words = ["agent", "--folder", self.folder, *where, "--token-file", token, "--name", name, "--slots", slots, *options]
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with open(self.folder.parent / "agent.log", "ab") as log:
            process = subprocess.Popen([MUSTER, *map(str, words)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=self.server.environment(), start_new_session=True)
        self.own.append(process)
        return process

    def log(self):
        for path in (self.folder.parent / "agent.log", self.folder / "agent.log"):
            if path.exists():
                return path.read_text(errors="replace")
        return ""

    # ---- as the server sees it

    def row(self):
        items = self.server.get("/workers")["items"]
        return items[0] if items else None

    def wait_connected(self):
        return eventually(lambda: (self.row() or {}).get("connected") and self.row())


def history(server, task):
    """The attempts of a task: [(number, state, cause)]."""
    return [(one["attempt"], one["state"], one["cause"]) for one in server.get(f"/tasks/{task}")["history"]]


def shell(server, text, env=None, **members):
    """Submits shell text; the number of the batch. `env` becomes the tasks' environment."""
    return server.submit(text, shell="", env=env or {}, **{"cwd": "/", **members})["batch"]
