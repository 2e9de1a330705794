#!/usr/bin/env python3
"""B4: from sending a submit to the first instruction of the task, on an idle local worker; one at a time over one connection.

Goals: p50 <= 1 ms, p99 <= 5 ms. Reference: the same program by os.posix_spawn from the same client.
"""

import http.client
import json
import os
import tempfile
import time

from bench_server import PROGRAMS, Server, report

SUBMITS = int(os.environ.get("MUSTER_BENCH_SUBMITS", "1000"))
STAMP = os.path.abspath(f"{PROGRAMS}/stamp_program")


def stamp_after(path, size):
    """The stamp that appears behind `size` bytes of the file, and the file's new size."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(path) as file:
            file.seek(size)
            line = file.readline()
        if line.endswith("\n"):
            return int(line), size + len(line)
    raise RuntimeError("the task did not start")


def measure(start_one):
    path = tempfile.mktemp(prefix="muster-stamps-")
    open(path, "w").close()
    delays, size = [], 0
    for _ in range(SUBMITS):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        start_one(path)
        stamp, size = stamp_after(path, size)
        delays.append((stamp - before) / 1e6)
    os.unlink(path)
    delays.sort()
    return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]


def main():
    with Server(slots=2) as server:
        with open(f"{server.data}/server.url") as file:
            address = file.read().strip().split("//")[1].rstrip("/")
        with open(f"{server.data}/admin.token") as file:
            token = file.read().strip()
        connection = http.client.HTTPConnection(address)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

        def submit(path):
            connection.request("POST", "/api/v1/batches", json.dumps({"command": [STAMP, path], "cwd": "/"}), headers)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 201, (response.status, body)

        def spawn(path):
            os.waitpid(os.posix_spawn(STAMP, [STAMP, path], {}), 0)

        spawn_p50, spawn_p99 = measure(spawn)
        p50, p99 = measure(submit)
        report("B4.p50", p50, "ms", f"goal 1 ms, posix_spawn {spawn_p50:.3f} ms", f"{p50 / spawn_p50:.2f}")
        report("B4.p99", p99, "ms", f"goal 5 ms, posix_spawn {spawn_p99:.3f} ms", f"{p99 / spawn_p99:.2f}")


main()
