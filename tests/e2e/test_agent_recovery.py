"""Kills of server, agent and keeper while tasks run: who goes on, who runs again, and that nothing runs twice.

Every task writes to a ledger when it begins and waits at a gate, so that kills hit it in the middle.
"""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

from agent_support import Fifo, Worker, eventually, history, kill, process_ended, shell

TASK = 'echo "begin $MUSTER_TASK_INDEX $MUSTER_ATTEMPT $$" >"$LEDGER"; read line <"$GATE"; echo "end $MUSTER_TASK_INDEX" >"$LEDGER"'


class Scene:
    """Two tasks run, more wait; the ledger says what began."""

    def __init__(self, server, folder, **members):
        self.server = server
        self.worker = Worker(server)
        self.ledger, self.gate = Fifo(folder / "ledger"), Fifo(folder / "gate")
        self.first_gate = Fifo(folder / "first-gate")  # of tasks that wait twice: each gate lets a task through once
        self.members = members

    def submit(self, tasks=4, text=TASK, **members):
        env = {"LEDGER": str(self.ledger.path), "GATE": str(self.gate.path), "FIRST_GATE": str(self.first_gate.path)}
        self.batch = shell(self.server, text, env, array=f"1-{tasks}", **{**self.members, **members})
        return self.batch

    def begun(self, count):
        """{index: (attempt, process id)} of the next so many that began."""
        found = {}
        for line in self.ledger.lines(count):
            word, index, attempt, pid = line.split()
            assert word == "begin", line
            found[int(index)] = (int(attempt), int(pid))
        return found

    def executing(self):
        return self.server.get(f"/batches/{self.batch}")["counts"]["executing"]

    def wait_executing(self, count=2):
        """Until the server knows of it, so that a kill comes after the report and not before."""
        eventually(lambda: self.executing() == count)

    def finish(self, tasks):
        """Opens the gate for all; reads how it ended."""
        self.gate.open_gate(tasks)
        self.server.wait(str(self.batch))

    def histories(self, tasks):
        return {index: history(self.server, f"{self.batch}.{index}") for index in range(1, tasks + 1)}

    def close(self):
        self.ledger.close()
        self.gate.close()
        self.first_gate.close()


@pytest.fixture
def scene(worker_server, tmp_path):
    made = Scene(worker_server, tmp_path)
    made.worker.wait_connected()
    yield made
    made.close()


ONCE = [(1, "succeeded", None)]
LOST_ONCE = [(1, "lost", "worker-lost"), (2, "succeeded", None)]


# ---- server


def test_server_killed_tasks_go_on_and_are_taken_over(scene):
    scene.submit()
    first = scene.begun(2)
    scene.wait_executing()
    agent, keeper = scene.worker.agent(), scene.worker.keeper()
    scene.server.kill()
    scene.gate.open_gate(1)
    assert scene.ledger.line().startswith("end "), "a task ends while there is no server"
    scene.server.start()
    scene.worker.wait_connected()
    assert (scene.worker.agent(), scene.worker.keeper()) == (agent, keeper)
    scene.finish(3)
    assert scene.histories(4) == dict.fromkeys(range(1, 5), ONCE)
    assert len(first) == 2


def test_server_killed_and_back_on_another_port(scene):
    scene.submit(tasks=1)
    scene.begun(1)
    scene.wait_executing(1)
    before = scene.server.url
    scene.server.kill()
    scene.server.start()  # port 0: any free one
    scene.worker.wait_connected()
    assert scene.server.url != before
    scene.finish(1)
    assert scene.histories(1) == {1: ONCE}


# ---- agent


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_agent_ended_tasks_are_taken_over_by_the_next(scene, number):
    scene.submit()
    first = scene.begun(2)
    scene.wait_executing()
    keeper = scene.worker.keeper()
    agent = scene.worker.kill_agent(number)
    eventually(lambda: process_ended(agent))
    assert not any(process_ended(pid) for _, pid in first.values())
    scene.gate.open_gate(1)  # one ends while nobody looks
    assert eventually(scene.worker.agent) != agent
    scene.worker.wait_connected()
    assert scene.worker.keeper() == keeper
    scene.finish(3)
    assert scene.histories(4) == dict.fromkeys(range(1, 5), ONCE)


def test_agent_killed_output_is_neither_lost_nor_doubled(scene):
    text = 'echo one; echo "begin $MUSTER_TASK_INDEX $MUSTER_ATTEMPT $$" >"$LEDGER"; read line <"$GATE"; echo two'
    scene.submit(tasks=1, text=text)
    scene.begun(1)
    eventually(lambda: scene.server.request("GET", "/logs", query={"selector": f"{scene.batch}.1"}).body == b"one\n")
    scene.worker.kill_agent()
    scene.finish(1)
    assert scene.server.request("GET", "/logs", query={"selector": f"{scene.batch}.1"}).body == b"one\ntwo\n"
    assert not scene.server.get(f"/attempts/{scene.batch}.1%231")["log_cut"]


def test_agent_and_server_killed_ends_are_kept_by_the_keeper(scene):
    scene.submit(tasks=2)
    scene.begun(2)
    scene.wait_executing()
    scene.server.kill()
    scene.worker.kill_agent()
    scene.gate.open_gate(2)
    assert sorted(line.split()[0] for line in scene.ledger.lines(2)) == ["end", "end"]
    scene.server.start()
    scene.server.wait(str(scene.batch))
    assert scene.histories(2) == dict.fromkeys((1, 2), ONCE)


# ---- keeper


def test_keeper_killed_running_tasks_die_and_run_again_at_no_cost(scene):
    scene.submit(tasks=4, retries=0)
    first = scene.begun(2)
    scene.wait_executing()
    scene.worker.kill_keeper()
    again = scene.begun(2)
    assert {index: attempt for index, (attempt, _) in again.items()} == dict.fromkeys(first, 2)
    assert all(process_ended(pid) for _, pid in first.values()), "before an attempt begins, the one before it is dead"
    scene.finish(4)
    expected = {index: LOST_ONCE if index in first else ONCE for index in range(1, 5)}
    assert scene.histories(4) == expected


def test_keeper_killed_children_of_tasks_do_not_survive(scene):
    # One child in the session without any environment, one in a session of its own.
    text = 'env -i sleep 1000 & a=$!; setsid sleep 1000 & b=$!; echo "begin $MUSTER_TASK_INDEX $MUSTER_ATTEMPT $$ $a $b" >"$LEDGER"; wait'
    scene.submit(tasks=1, text=text)
    words = scene.ledger.line().split()
    children = [int(word) for word in words[3:]]
    # setsid may fork: what counts is the process that sleeps.
    sleeping = [int(pid) for pid in pids_below(children[0])]
    scene.wait_executing(1)
    scene.worker.kill_keeper()
    assert scene.ledger.line().split()[:3] == ["begin", "1", "2"]
    for pid in set(children + sleeping):
        assert process_ended(pid), pid
    assert scene.server.request("POST", "/cancel", {"selectors": [str(scene.batch)]}).status == 200
    scene.server.wait(str(scene.batch))


def pids_below(parent):
    found = [parent]
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry))
    return found


def test_keeper_killed_what_had_ended_is_not_run_again(scene):
    scene.submit(tasks=2)
    first = scene.begun(2)
    scene.wait_executing()
    agent, keeper = scene.worker.agent(), scene.worker.keeper()
    os.kill(agent, signal.SIGSTOP)  # it will not hear of the end before the keeper's death
    scene.gate.open_gate(1)
    ended = int(scene.ledger.line().split()[1])
    # Collected, and its keeper waits again: the end is in the records.
    eventually(lambda: not os.path.exists(f"/proc/{first[ended][1]}"))
    eventually(lambda: pathlib.Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[0] == "S")
    scene.worker.kill_keeper()
    os.kill(agent, signal.SIGCONT)
    again = scene.begun(1)
    assert set(again) == set(first) - {ended}
    scene.finish(1)
    assert scene.histories(2) == {ended: ONCE, **dict.fromkeys(again, LOST_ONCE)}


def test_agent_and_keeper_killed_together(scene):
    scene.submit(tasks=4)
    first = scene.begun(2)
    scene.wait_executing()
    scene.worker.kill_both()
    again = scene.begun(2)
    assert {index: attempt for index, (attempt, _) in again.items()} == dict.fromkeys(first, 2)
    scene.finish(4)
    assert scene.histories(4) == {index: LOST_ONCE if index in first else ONCE for index in range(1, 5)}


def test_everything_killed_together(scene):
    scene.submit(tasks=3)
    first = scene.begun(2)
    scene.wait_executing()
    scene.server.kill()
    scene.worker.kill_both()
    scene.server.start()
    again = scene.begun(2)
    assert {index: attempt for index, (attempt, _) in again.items()} == dict.fromkeys(first, 2)
    scene.finish(3)
    assert scene.histories(3) == {index: LOST_ONCE if index in first else ONCE for index in range(1, 4)}


def test_the_folder_of_a_dead_keeper_goes_when_the_server_has_everything(scene):
    scene.submit(tasks=2, text=TASK.replace("read ", 'read line <"$FIRST_GATE"; echo said; read ', 1))
    scene.begun(2)
    scene.wait_executing()
    agent, old = scene.worker.agent(), set(scene.worker.keepers())
    os.kill(agent, signal.SIGSTOP)  # what the tasks say now is only with the keeper when it dies
    scene.first_gate.open_gate(2)
    logs = scene.worker.folder / "keepers" / str(*old) / "logs"
    eventually(lambda: sum(path.read_bytes().count(b"said\n") for path in logs.iterdir()) == 2)
    scene.worker.kill_keeper()
    os.kill(agent, signal.SIGCONT)
    scene.begun(2)
    folders = scene.worker.folder / "keepers"
    eventually(lambda: not old & {int(path.name) for path in folders.iterdir()})
    scene.first_gate.open_gate(2)
    scene.finish(2)
    # What the dead attempts had said is there.
    answer = scene.server.request("GET", "/logs", query={"selector": f"{scene.batch}.1#1", "stream": "stdout"})
    assert answer.body == b"said\n", answer


def test_three_dead_keepers_make_a_task_poison(scene):
    scene.submit(tasks=1)
    for attempt in (1, 2, 3):
        assert scene.begun(1)[1][0] == attempt
        scene.wait_executing(1)
        scene.worker.kill_keeper()
    scene.server.wait(str(scene.batch))
    task = scene.server.get(f"/tasks/{scene.batch}.1")
    assert (task["state"], task["cause"]) == ("failed", "poison"), task
    assert [state for _, state, _ in history(scene.server, f"{scene.batch}.1")] == ["lost"] * 3


# ---- --rerun never


def lost_for_good(scene, first):
    """Those that had begun are not begun again; the others run once."""
    scene.gate.open_gate(4)
    scene.server.wait(str(scene.batch))
    for index, attempts in scene.histories(4).items():
        task = scene.server.get(f"/tasks/{scene.batch}.{index}")
        if index in first:
            assert task["state"] in ("failed", "held") and len(attempts) == 1, (task, attempts)
            assert attempts[0][1] == "lost"
        else:
            assert task["state"] == "succeeded" and [one[1] for one in attempts][-1] == "succeeded"
            assert sum(state not in ("refused",) for _, state, _ in attempts) == 1, attempts


@pytest.mark.parametrize("death", ["keeper", "both"])
def test_rerun_never_is_not_begun_twice(scene, death):
    scene.submit(tasks=4, rerun="never")
    first = scene.begun(2)
    scene.wait_executing()
    {"keeper": scene.worker.kill_keeper, "both": scene.worker.kill_both}[death]()
    lost_for_good(scene, first)
    begun = [line for line in iter_quiet(scene.ledger) if line.startswith("begin ")]
    assert not [line for line in begun if int(line.split()[1]) in first], begun


def iter_quiet(fifo):
    while not fifo.is_quiet():
        yield fifo.line()


@pytest.mark.parametrize("death", ["server", "agent"])
def test_rerun_never_goes_on_when_its_keeper_does(scene, death):
    scene.submit(tasks=4, rerun="never")
    scene.begun(2)
    scene.wait_executing()
    if death == "server":
        scene.server.kill()
        scene.server.start()
    else:
        scene.worker.kill_agent()
    scene.finish(4)
    assert scene.histories(4) == dict.fromkeys(range(1, 5), ONCE)


# ---- a connection between agent and keeper that breaks although both live


def test_a_broken_connection_to_a_living_keeper_loses_nothing(worker_server):
    worker = Worker(worker_server)
    worker.wait_connected()
    keeper, agent = worker.keeper(), worker.agent()
    folder = os.open(next((worker.folder / "keepers").iterdir()), os.O_PATH)
    batch = shell(worker_server, ":", array="1-3000")

    def done():
        return worker_server.get(f"/batches/{batch}")["counts"]["succeeded"]

    for part in range(1, 6):
        eventually(lambda: done() >= 400 * part)
        with socket.socket(socket.AF_UNIX) as thief:  # who connects last has the keeper
            thief.connect(f"/proc/self/fd/{folder}/socket")
            assert thief.recv(1) == b"\1"
    os.close(folder)
    worker_server.wait(str(batch))
    assert (worker.keeper(), worker.agent()) == (keeper, agent)
    assert worker_server.get(f"/batches/{batch}")["state"] == "succeeded"
    attempts = worker_server.get("/attempts", selector=str(batch), limit=1000)["items"]
    assert not [one for one in attempts if one["state"] not in ("succeeded", "refused")], "nothing that began is lost"
    assert "asking everybody anew" in worker.log()


# ---- reboot


def test_a_reboot_runs_everything_again_at_once_and_at_no_cost(make_server, tmp_path):
    server = make_server()
    scene = Scene(server, tmp_path)
    scene.worker = Worker(server, server.data / "second")
    boot = tmp_path / "boot_id"
    boot.write_text("the-first-boot\n")
    scene.worker.start("--boot-id-file", boot)
    scene.worker.wait_connected()
    scene.submit(tasks=4, retries=0)
    first = scene.begun(2)
    scene.wait_executing()
    scene.worker.kill_both()
    boot.write_text("the-second-boot\n")
    scene.worker.start("--boot-id-file", boot)
    again = scene.begun(2)
    assert {index: attempt for index, (attempt, _) in again.items()} == dict.fromkeys(first, 2)
    scene.finish(4)
    histories = scene.histories(4)
    for index in first:
        assert histories[index] == LOST_ONCE
    assert all(one[-1][1] == "succeeded" for one in histories.values())
    assert server.get("/workers")["items"][0]["boot_id"] == "the-second-boot"
    assert len(server.get("/workers")["items"]) == 1, "the same worker: its folder is"
    scene.close()


def test_after_a_reboot_recorded_processes_are_not_touched(make_server, tmp_path):
    """The keeper's records name process ids; after a reboot they belong to strangers."""
    server = make_server()
    scene = Scene(server, tmp_path)
    scene.worker = Worker(server, server.data / "second")
    boot = tmp_path / "boot_id"
    boot.write_text("the-first-boot\n")
    scene.worker.start("--boot-id-file", boot)
    scene.worker.wait_connected()
    scene.submit(tasks=1)
    pid = scene.begun(1)[1][1]
    scene.wait_executing(1)
    # The keeper goes on, as a stranger with the same number would; only the boot id says that it is none of ours.
    keeper = scene.worker.keeper()
    scene.worker.kill_agent()
    boot.write_text("the-second-boot\n")
    scene.worker.start("--boot-id-file", boot)
    scene.worker.wait_connected()
    eventually(lambda: len(scene.worker.keepers()) == 1 and keeper not in scene.worker.keepers().values())
    assert not process_ended(keeper) and not process_ended(pid)
    kill(keeper)
    scene.finish(2)
    scene.close()


# ---- half-open connections


def test_a_server_that_is_silent_is_left_and_found_again(scene):
    scene.submit(tasks=1)
    scene.begun(1)
    scene.wait_executing(1)
    scene.server.process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: "no connection to the server" in scene.worker.log(), patience_s=15)
    finally:
        scene.server.process.send_signal(signal.SIGCONT)
    scene.worker.wait_connected()
    scene.finish(1)
    assert scene.histories(1) == {1: ONCE}


# ---- orderly ends


def test_down_ends_tasks_worker_and_keepers_and_the_tasks_run_again(scene):
    scene.submit(tasks=3, retries=0)
    first = scene.begun(2)
    scene.wait_executing()
    agent, keeper = scene.worker.agent(), scene.worker.keeper()
    scene.server.run("down")
    assert process_ended(agent) and process_ended(keeper)
    assert all(process_ended(pid) for _, pid in first.values())
    scene.server.process.wait()
    scene.server.process.stdout.close()
    scene.server.start()
    again = scene.begun(2)
    assert set(again) == set(first)
    scene.finish(3)
    assert all(one[-1][1] == "succeeded" for one in scene.histories(3).values())


def test_an_interrupted_agent_ends_its_tasks_without_a_server(make_server, tmp_path):
    server = make_server()
    scene = Scene(server, tmp_path)
    scene.worker = Worker(server, server.data / "second")
    process = scene.worker.start()
    scene.worker.wait_connected()
    scene.submit(tasks=2)
    first = scene.begun(2)
    scene.wait_executing()
    keeper = scene.worker.keeper()
    server.kill()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process_ended(keeper) and all(process_ended(pid) for _, pid in first.values())
    server.start()
    scene.worker.start()
    again = scene.begun(2)
    assert {index: attempt for index, (attempt, _) in again.items()} == {1: 2, 2: 2}
    scene.finish(2)
    assert [one[-1][1] for one in scene.histories(2).values()] == ["succeeded"] * 2
    scene.close()


def test_an_agent_whose_folder_was_removed_ends_with_its_tasks(make_server, tmp_path):
    server = make_server()
    scene = Scene(server, tmp_path)
    scene.worker = Worker(server, server.data / "second")
    process = scene.worker.start()
    scene.worker.wait_connected()
    scene.submit(tasks=1)
    pid = scene.begun(1)[1][1]
    keeper = scene.worker.keeper()
    subprocess.run(["rm", "-rf", scene.worker.folder], check=True)
    assert process.wait(30) == 0
    eventually(lambda: process_ended(keeper) and process_ended(pid))
    scene.close()
