#!/usr/bin/env python3
"""B7: a server that was killed with 1,000,000 tasks, half of them finished: from its start to the first task that starts again.

Goal: <= 1 s. Reference: the same start on a folder with a small batch.
"""

import os
import shutil
import subprocess
import tempfile
import time

from bench_server import MUSTER, PROGRAMS, median, report

COUNT = int(os.environ.get("MUSTER_BENCH_TASKS", "1000000"))
SMALL = 4000  # more than the simulated worker holds at once
ROUNDS = 5
STAMP = os.path.abspath(f"{PROGRAMS}/stamp_program")


def first_start(count):
    folder = tempfile.mkdtemp(prefix="muster-b7-")
    stamps = f"{folder}/stamps"
    data = f"{folder}/data"
    subprocess.run([f"{PROGRAMS}/half_finished_folder", data, str(count), STAMP, stamps], check=True)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    subprocess.run([MUSTER, "up", "-d", "--data", data, "--listen", "127.0.0.1:0", "--slots", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    answered = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if os.path.exists(stamps) and os.path.getsize(stamps) >= 2:
            break
        time.sleep(0.002)
    with open(stamps) as file:
        stamp = int(file.readline())
    subprocess.run([MUSTER, "down", "--data", data], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return (stamp - before) / 1e9, (answered - before) / 1e9


def main():
    full, small = [], []
    for _ in range(ROUNDS):
        small.append(first_start(SMALL)[0])
        full.append(first_start(COUNT)[0])
    report("B7.first_start", median(full), "s", f"goal 1 s, a small batch {median(small):.3f} s", f"{median(full) / median(small):.2f}")


main()
