"""A private server and worker for a benchmark: started in a temporary folder, measured from outside, ended by pid.

CPU seconds are the kernel's (/proc/PID/stat: own and of children that were waited for), so a busy machine does not spoil them.
"""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

MUSTER = os.environ.get("MUSTER", "build/muster")
PROGRAMS = os.environ.get("MUSTER_BENCH", "build/bench")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system seconds of a process and of its children that have ended."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(value) for value in fields[11:15]) / TICKS


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def report(name, value, unit, reference, ratio):
    print(f"{name} {value:.6g} {unit} ({reference}, {ratio})", flush=True)


def median(values):
    return statistics.median(values)


class Server:
    """`with Server(slots=2) as server:` runs `muster up -d`; everything is gone afterwards."""

    def __init__(self, slots=2, worker=True, data=None):
        self.data = data or tempfile.mkdtemp(prefix="muster-bench-")
        self.keep = data is not None
        self.slots = slots
        self.worker = worker

    def __enter__(self):
        command = [MUSTER, "up", "-d", "--data", self.data, "--listen", "127.0.0.1:0"]
        command += ["--slots", str(self.slots)] if self.worker else ["--no-worker"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if self.worker:
            self.wait_for_worker()
        return self

    def __exit__(self, *_):
        subprocess.run([MUSTER, "down", "--data", self.data], check=False, stdout=subprocess.DEVNULL)
        if not self.keep:
            shutil.rmtree(self.data, ignore_errors=True)

    def run(self, *words, **options):
        return subprocess.run([MUSTER, *words, "--data", self.data], check=options.pop("check", True),
                              capture_output=True, text=True, **options)

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json").stdout)

    def submit(self, *words, **options):
        """Submit with the data folder's server; the words come before the `--` of the command."""
        at = words.index("--") if "--" in words else len(words)
        command = [MUSTER, "submit", "-q", "--data", self.data, *words[:at], *words[at:]]
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout.strip()

    def wait_for_worker(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            workers = self.json("worker", "list")["items"]
            if any(worker["connected"] for worker in workers):
                return
            time.sleep(0.02)
        raise RuntimeError("the worker did not connect")

    def pids(self):
        """Process ids by role, found by the data folder in their command lines."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(self.data in word for word in words) and os.path.basename(words[0]) == os.path.basename(MUSTER):
                for role in ("server", "agent", "keeper"):
                    if role in words[1:2]:
                        found[role] = int(entry)
        return found
