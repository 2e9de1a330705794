"""A full disk: new submits are refused with 507, what runs is recorded, and all is well when space returns.

The data folder lies on a small file system of its own, which only root can mount.
"""

import os
import subprocess
import time

import pytest

SIZE_MB = 420  # the ballast of 64 MiB, the 256 MiB below which the disk counts as low, and some room to work

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "muster-test", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path):
    """Writes until the disk takes no more."""
    with open(path, "wb", buffering=0) as file:
        block = b"x" * (1 << 20)
        try:
            while True:
                file.write(block)
        except OSError:
            pass
        try:
            while True:
                file.write(block[:512])
        except OSError:
            pass


def until(condition, seconds=15):
    """Looks again and again; what is waited for is a state that the server reports."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_full_disk_refuses_new_work_and_records_what_ends(make_server, small_disk, tmp_path):
    server = make_server(start=False, worker=True)
    server.data = small_disk / "data"
    server.start()
    try:
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        accepted = [server.submit("sh", "-c", f"read line < {gate}; echo $line", cwd="/")["batch"] for _ in range(2)]
        assert until(lambda: server.get("/status")["counts"]["running"] == 2)
        fill(small_disk / "filling")
        assert until(lambda: server.get("/status")["disk"] == "low")
        refused = server.request("POST", "/batches", {"command": ["true"], "cwd": "/"})
        assert refused.status == 507 and refused.code() == "E507", refused
        by_command = server.run("submit", "--", "true", check=False)
        assert by_command.returncode == 75 and "E507" in by_command.stderr, by_command
        with open(gate, "w") as file:
            file.write("one\ntwo\n")
        for batch in accepted:
            assert server.wait(batch)["counts"]["succeeded"] == 1
        os.unlink(small_disk / "filling")
        assert until(lambda: server.get("/status")["disk"] == "plenty")
        later = server.submit("true", cwd="/")["batch"]
        assert server.wait(later)["counts"]["succeeded"] == 1
        server.kill()
        server.start()
        states = {item["id"]: item["state"] for item in server.get("/batches")["items"]}
        assert states == {batch: "succeeded" for batch in [*accepted, later]}
    finally:
        server.end()
