"""Options of the commands that start and stop things, each with what it is for."""

import os
import subprocess

MUSTER = os.path.abspath(os.environ.get("MUSTER", "build/muster"))


def run(*words):
    return subprocess.run([MUSTER, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def test_declared_gpu_slots_are_used_one_by_one(make_server):
    server = make_server(worker=True, slots=2, options=["--gpu-slots", "2"])
    batch = server.submit("sh", "-c", "echo $CUDA_VISIBLE_DEVICES", array="1-4", gpus=1, cwd="/")["batch"]
    assert server.wait(batch)["counts"]["succeeded"] == 4
    devices = server.run("logs", str(batch)).stdout.split()
    assert len(devices) == 4 and set(devices) <= {"0", "1"}


def test_down_of_another_data_folder_leaves_this_one_alone(make_server, tmp_path):
    server = make_server()
    other = run("down", "--data", str(tmp_path / "nothing-here"))
    assert other.returncode in (0, 3, 69), other
    assert server.get("/status")["version"]


def test_selftest_tells_one_seed_in_full_and_finds_a_planted_mistake():
    told = run("selftest", "--seed", "7", "--trace")
    assert told.returncode == 0 and len(told.stdout.splitlines()) > 20, told.stdout[-500:]
    found = run("selftest", "--seeds", "300", "--mistake", "speaks_first")
    assert found.returncode == 1, found.stdout[-500:]
    unknown = run("selftest", "--mistake", "no-such-mistake")
    assert unknown.returncode == 2 and "one of:" in unknown.stderr
