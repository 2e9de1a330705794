#!/usr/bin/env python3
"""B5 and B6: a million array tasks, and a million distinct lines of 100 bytes: time to the answer, and the server's memory.

Goals: array <= 20 ms, lines <= 2 s, memory <= 60 MB and <= 300 MB. The batches are held: nothing starts.
"""

import os
import tempfile
import time

from bench_server import Server, median, report, resident_mb

COUNT = 1_000_000
ROUNDS = 5


def timed_submit(server, *words):
    start = time.monotonic()
    server.submit(*words)
    return time.monotonic() - start


def lines_file():
    path = tempfile.mktemp(prefix="muster-lines-")
    with open(path, "w") as file:
        for number in range(COUNT):
            file.write(f"{number:010d}-{'x' * 88}\n")
    return path


def main():
    arrays, lines, array_memory, line_memory, reads = [], [], [], [], []
    path = lines_file()
    for _ in range(ROUNDS):
        with Server(worker=False) as server:
            arrays.append(timed_submit(server, "--hold", "--array", f"1-{COUNT}", "--", "/bin/true"))
            array_memory.append(resident_mb(server.pids()["server"]))
        with Server(worker=False) as server:
            start = time.monotonic()
            with open(path, "rb") as file:
                while file.read(1 << 20):
                    pass
            reads.append(time.monotonic() - start)
            lines.append(timed_submit(server, "--hold", "--from", path, "--", "/bin/echo", "{}"))
            line_memory.append(resident_mb(server.pids()["server"]))
    os.unlink(path)
    report("B5.array", median(arrays) * 1e3, "ms", "goal 20 ms", f"{median(arrays) / 0.020:.2f}")
    report("B5.lines", median(lines), "s", f"goal 2 s, reading the file {median(reads) * 1e3:.0f} ms", f"{median(lines) / 2:.2f}")
    report("B6.array", median(array_memory), "MB", "goal 60 MB", f"{median(array_memory) / 60:.2f}")
    report("B6.lines", median(line_memory), "MB", "goal 300 MB, the lines alone 101 MB", f"{median(line_memory) / 300:.2f}")


main()
