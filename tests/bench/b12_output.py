#!/usr/bin/env python3
"""B12: 1 GB of output at 50 MB/s as a task's log and into a file of the same disk; then the first screen of `logs`, and the whole log.

Goals: the task at most 10 % slower, the first screen within 100 ms, the server's memory flat. MUSTER_BENCH_MB makes it smaller.
"""

import os
import subprocess
import sys
import tempfile
import time

from bench_server import MUSTER, Server, median, report, resident_mb

SIZE_MB = int(os.environ.get("MUSTER_BENCH_MB", "1000"))
RATE_MB = 50
ROUNDS = 2
WRITER = f"""
import os, time
line = b"x" * 99 + b"\\n"
chunk = line * 10000
begin = time.monotonic()
for done in range(1, {SIZE_MB} + 1):
    left = memoryview(chunk)
    while left:
        left = left[os.write(1, left):]
    ahead = begin + done / {RATE_MB} - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)
"""


def into_a_file(folder):
    with open(os.path.join(folder, "output"), "wb") as file:
        begin = time.monotonic()
        subprocess.run([sys.executable, "-S", "-c", WRITER], stdout=file, check=True)
        took = time.monotonic() - begin
    os.unlink(file.name)
    return took


def into_a_log(server):
    batch = server.submit("--log-max", "2G", "--", sys.executable, "-S", "-c", WRITER)
    server.run("wait", batch, "--progress", "none")
    attempt = server.json("attempt", "show", f"{batch}.1#1")
    assert attempt["stdout_bytes"] == SIZE_MB * 1000000, attempt
    return batch, attempt["wall_s"]


def first_screen_s(server, batch):
    begin = time.monotonic()
    reader = subprocess.Popen([MUSTER, "logs", batch, "--data", server.data], stdout=subprocess.PIPE)
    reader.stdout.read(24 * 100)
    took = time.monotonic() - begin
    reader.stdout.close()
    reader.wait()
    return took


def whole_log_s(server, batch):
    begin = time.monotonic()
    with open(os.devnull, "wb") as nowhere:
        subprocess.run([MUSTER, "logs", batch, "--data", server.data], stdout=nowhere, check=True)
    return time.monotonic() - begin


def main():
    files, logs, screens = [], [], []
    with Server(slots=1) as server, tempfile.TemporaryDirectory(dir=server.data) as folder:
        before_mb = resident_mb(server.pids()["server"])
        for _ in range(ROUNDS):
            files.append(into_a_file(folder))
            batch, took = into_a_log(server)
            logs.append(took)
        for _ in range(9):
            screens.append(first_screen_s(server, batch))
        whole_s = whole_log_s(server, batch)
        grown_mb = resident_mb(server.pids()["server"]) - before_mb
    slower = median(logs) / median(files)
    report("B12.output", median(logs), "s", f"into a file {median(files):.2f} s, {SIZE_MB} MB, goal 1.10", f"{slower:.3f}")
    report("B12.first_screen", median(screens) * 1e3, "ms", "goal 100 ms", f"{median(screens) / 0.1:.2f}")
    report("B12.memory", grown_mb, "MB", f"the server's, more than before; whole log read in {whole_s:.1f} s", f"{grown_mb / SIZE_MB:.3f}")


main()
