#!/usr/bin/env python3
"""B13: `muster status` against a warm server as a whole process: start, connect, ask, print, end. Goal: 5 ms.

Reference: a static program that does nothing, started the same way, interleaved with it; `muster --version` is the start alone.
"""

import os
import time

from bench_server import MUSTER, PROGRAMS, Server, median, report

ROUNDS = int(os.environ.get("MUSTER_BENCH_ROUNDS", "5"))
CALLS = int(os.environ.get("MUSTER_BENCH_CALLS", "100"))


def milliseconds(program, *words, env):
    """The median wall time of one call; output goes to /dev/null."""
    times = []
    for _ in range(CALLS):
        before = time.perf_counter_ns()
        child = os.posix_spawn(program, [program, *words], env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, result = os.waitpid(child, 0)
        times.append((time.perf_counter_ns() - before) / 1e6)
        assert result == 0, (words, result)
    return median(times)


def main():
    muster, empty = os.path.abspath(MUSTER), os.path.abspath(f"{PROGRAMS}/empty_program")
    with Server(slots=2) as server:
        server.submit("--array", "1-1000", "--hold", "--", "true")
        env = {**os.environ, "MUSTER_DATA": server.data}
        rounds = [(milliseconds(empty, env=env), milliseconds(muster, "--version", env=env), milliseconds(muster, "status", env=env))
                  for _ in range(ROUNDS)]
        floor, start, status = (median(column) for column in zip(*rounds))
        report("B13.start", start, "ms", f"goal 3 ms, empty program {floor:.3f} ms",
               f"{median([row[1] / row[0] for row in rounds]):.2f}")
        report("B13.status", status, "ms", f"goal 5 ms, empty program {floor:.3f} ms",
               f"{median([row[2] / row[0] for row in rounds]):.2f}")


main()
