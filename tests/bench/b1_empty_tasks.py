#!/usr/bin/env python3
"""B1: empty tasks through server, agent and keeper against a bare posix_spawn loop of the same static program.

Interleaved pairs; the ratio of each pair, then the median. Goal: CPU <= 1.10, wall <= 1.15 of the bare loop.
"""

import os
import subprocess
import time

from bench_server import PROGRAMS, Server, cpu_seconds, median, report

TASKS = int(os.environ.get("MUSTER_BENCH_TASKS", "100000"))
PAIRS = int(os.environ.get("MUSTER_BENCH_PAIRS", "5"))
EMPTY = os.path.abspath(f"{PROGRAMS}/empty_program")


def floor():
    out = subprocess.run([f"{PROGRAMS}/floor_spawn", EMPTY, str(TASKS), "2"], check=True, capture_output=True, text=True)
    wall, cpu = map(float, out.stdout.split())
    return wall, cpu


def through_muster():
    with Server(slots=2) as server:
        pids = server.pids()
        before = {role: cpu_seconds(pid) for role, pid in pids.items()}
        start = time.monotonic()
        batch = server.submit("--array", f"1-{TASKS}", "--", EMPTY)
        server.run("wait", batch, "--progress", "none")
        wall = time.monotonic() - start
        cpu = {role: cpu_seconds(pid) - before[role] for role, pid in pids.items()}
    return wall, cpu


def main():
    ratios_cpu, ratios_wall, parts, floors = [], [], [], []
    for _ in range(PAIRS):
        floor_wall, floor_cpu = floor()
        wall, cpu = through_muster()
        total = sum(cpu.values())
        ratios_cpu.append(total / floor_cpu)
        ratios_wall.append(wall / floor_wall)
        floors.append(floor_cpu / TASKS * 1e6)
        parts.append({role: value / TASKS * 1e6 for role, value in cpu.items()} | {"total": total / TASKS * 1e6, "wall": wall})
    floor_us = median(floors)
    for role in ("server", "agent", "keeper", "total"):
        value = median([part[role] for part in parts])
        report(f"B1.cpu.{role}", value, "us/task", f"bare loop {floor_us:.1f} us", f"{value / floor_us:.3f}")
    report("B1.cpu.ratio", median(ratios_cpu), "x", "goal 1.10", "pairs " + " ".join(f"{r:.3f}" for r in ratios_cpu))
    report("B1.wall.ratio", median(ratios_wall), "x", "goal 1.15", "pairs " + " ".join(f"{r:.3f}" for r in ratios_wall))
    report("B1.rate", TASKS / median([part["wall"] for part in parts]), "tasks/s", "bare loop", f"{1 / median(ratios_wall):.3f}")


main()
