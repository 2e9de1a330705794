"""`muster agent` and `muster keeper` as a person or a supervisor meets them: options, refusals, and who may hold a folder."""

import os
import signal
import subprocess

import pytest

from agent_support import Worker, eventually, process_ended, shell
from conftest import MUSTER


def muster(*words, timeout=30):
    return subprocess.run([MUSTER, *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout,
                          check=False)


def test_a_folder_and_one_address_are_needed(tmp_path):
    for words, said in (
        (["agent"], "folder is missing"),
        (["agent", "--folder", tmp_path / "w"], "address is needed once"),
        (["agent", "--folder", tmp_path / "w", "--server", "http://127.0.0.1:1", "--url-file", tmp_path / "u"], "needed once"),
        (["agent", "--folder", tmp_path / "w", "--server", "http://example.org"], "not the address of a server"),
        (["keeper"], "folder is missing"),
    ):
        done = muster(*words)
        assert done.returncode == 2 and said in done.stderr and "[E203]" in done.stderr, done
    assert not (tmp_path / "w").exists(), "nothing is made before the words are understood"


def test_a_machine_without_a_boot_id_needs_another_file(tmp_path):
    done = muster("agent", "--folder", tmp_path / "w", "--server", "http://127.0.0.1:1", "--boot-id-file", tmp_path / "none")
    assert done.returncode != 0 and "--boot-id-file" in done.stderr, done


def test_a_second_agent_is_refused_and_the_first_goes_on(worker_server):
    worker = Worker(worker_server)
    worker.wait_connected()
    agent = worker.agent()
    done = muster("agent", "--folder", worker.folder, "--url-file", worker_server.data / "server.url")
    assert done.returncode == 3 and "[E103]" in done.stderr and f"process {agent}" in done.stderr, done
    assert worker.agent() == agent and worker.row()["connected"]


def test_a_worker_is_its_folder_and_has_the_name_it_asked_for(make_server):
    server = make_server()
    worker = Worker(server, server.data / "second")
    worker.start(name="alpha", slots=3)
    row = worker.wait_connected()
    assert row["name"] == "alpha" and row["slots"]["enabled"] == 3 and row["cpus"] >= 1 and row["mem_mb"] > 0 and row["disk_mb"] > 0
    other = Worker(server, server.data / "third")
    other.start(name="alpha", url=server.url)
    refusal = "there is a worker alpha already, which is not this one"
    eventually(lambda: refusal in other.log())
    assert [one["name"] for one in server.get("/workers")["items"]] == ["alpha"], "two agents under one name: the second is refused"
    other.kill_agent(signal.SIGTERM)
    other.start(name="gamma", url=server.url)
    eventually(lambda: len([one for one in server.get("/workers")["items"] if one["connected"]]) == 2)
    worker.kill_agent(signal.SIGTERM)
    worker.start(name="beta", slots=5)
    eventually(lambda: server.get("/workers/alpha")["slots"]["enabled"] == 5)
    assert len(server.get("/workers")["items"]) == 2, "the same folder is the same worker"


def test_gpus_may_be_declared(make_server):
    server = make_server()
    worker = Worker(server, server.data / "second")
    worker.start("--gpu-slots", "2")
    assert worker.wait_connected()["slots"]["gpu_enabled"] == 2


@pytest.mark.parametrize("token", ["", "mst_agent_1_" + "0" * 64 + "_00000000"])
def test_a_wrong_token_is_said_once_and_read_again_at_each_try(make_server, tmp_path, token):
    server = make_server()
    worker = Worker(server, server.data / "second")
    file = tmp_path / "token"
    file.write_text(token + "\n")
    worker.start(token=file)
    eventually(lambda: "no connection to the server" in worker.log())
    file.write_text((server.data / "worker" / "agent.token").read_text())
    worker.wait_connected()
    assert worker.log().count("no connection to the server") == 1, worker.log()


def test_an_agent_waits_for_its_server(make_server, tmp_path):
    server = make_server(start=False)
    server.data.mkdir(mode=0o700)
    worker = Worker(server, server.data / "second")
    worker.start()
    eventually(lambda: "no server has written" in worker.log())
    server.start()
    worker.wait_connected()
    batch = shell(server, ":")
    server.wait(str(batch))


def test_the_keeper_outlives_the_agent_and_is_found_again(make_server):
    server = make_server()
    worker = Worker(server, server.data / "second")
    worker.start()
    worker.wait_connected()
    keeper = worker.keeper()
    for number in (signal.SIGKILL, signal.SIGTERM):
        worker.kill_agent(number)
        assert not process_ended(keeper)
        worker.start()
        worker.wait_connected()
        assert worker.keeper() == keeper


def test_an_agent_killed_while_it_starts_a_keeper_leaves_no_keeper_behind(make_server):
    """Killed at any moment of its start, again and again: in the end there is one keeper."""
    server = make_server()
    worker = Worker(server, server.data / "second")
    for step in range(12):
        process = worker.start()
        try:
            process.wait(0.004 * step)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
    worker.start()
    worker.wait_connected()
    folder = str(worker.folder)

    def keepers_running():
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if words[1:2] == ["keeper"] and any(folder in word for word in words) and not process_ended(int(entry)):
                found.append(int(entry))
        return found

    eventually(lambda: keepers_running() == [worker.keeper()])


def test_a_second_keeper_in_one_folder_is_refused(make_server):
    server = make_server()
    worker = Worker(server, server.data / "second")
    worker.start()
    worker.wait_connected()
    old = worker.keeper()
    folder = next((worker.folder / "keepers").iterdir())
    # A second one in the same folder is refused: the first goes on.
    read, write = os.pipe()
    done = subprocess.run([MUSTER, "keeper", "--folder", folder, "--ready-fd", str(write)], pass_fds=[write], timeout=30, check=False)
    os.close(write)
    assert done.returncode != 0
    assert b"only keeper" in os.read(read, 4096)
    os.close(read)
    assert worker.keeper() == old
