#!/usr/bin/env python3
"""B9: does the server slow down with its history? CPU per task of the 20th 50,000 tasks over that of the first, one server life.

Goal: <= 1.03. The tasks are real processes; memory is printed beside it.
"""

import os

from bench_server import PROGRAMS, Server, cpu_seconds, median, report, resident_mb

TASKS = int(os.environ.get("MUSTER_BENCH_TASKS", "50000"))
ROUNDS = 20
EMPTY = os.path.abspath(f"{PROGRAMS}/empty_program")


def main():
    with Server(slots=2) as server:
        pid = server.pids()["server"]
        costs, memory = [], []
        for _ in range(ROUNDS):
            before = cpu_seconds(pid)
            server.run("wait", server.submit("--array", f"1-{TASKS}", "--", EMPTY), "--progress", "none")
            costs.append((cpu_seconds(pid) - before) / TASKS * 1e6)
            memory.append(resident_mb(pid))
    first, last = median(costs[:3]), median(costs[-3:])
    report("B9.first", first, "us/task", "median of rounds 1-3", "1")
    report("B9.slope", last / first, "x", f"goal 1.03, rounds 18-20 {last:.2f} us", f"{last / first / 1.03:.3f}")
    report("B9.memory", memory[-1], "MB", f"after round 1 {memory[0]:.1f} MB", f"{memory[-1] / memory[0]:.2f}")


main()
