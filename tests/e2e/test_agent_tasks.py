"""What a task is given, how it ends and what is said of it: the real agent and the real keeper below a real server."""

import os
import pathlib
import time

import pytest

from agent_support import Fifo, Worker, eventually, history, process_ended, shell


@pytest.fixture
def fifo(tmp_path):
    made = []

    def make(name):
        made.append(Fifo(tmp_path / name))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ended(server, task):
    server.wait(task)
    return server.get(f"/tasks/{task}")


def output(server, task, stream="stdout"):
    answer = server.request("GET", "/logs", query={"selector": task, "stream": stream})
    assert answer.status == 200, answer
    return answer.body.decode()


# ---- ends


def test_tasks_run_and_their_output_arrives(worker_server):
    batch = shell(worker_server, 'echo "out {}"; echo "err {}" >&2', array="1-50")
    worker_server.wait(str(batch))
    assert worker_server.get(f"/batches/{batch}")["state"] == "succeeded"
    for index in (1, 17, 50):
        assert output(worker_server, f"{batch}.{index}") == f"out {index}\n"
        assert output(worker_server, f"{batch}.{index}", "stderr") == f"err {index}\n"


def test_output_arrives_while_the_task_runs(worker_server, fifo):
    gate = fifo("gate")
    batch = shell(worker_server, 'echo early; read line <"$GATE"; echo late', {"GATE": str(gate.path)})
    eventually(lambda: output(worker_server, f"{batch}.1") == "early\n")
    gate.open_gate()
    assert ended(worker_server, f"{batch}.1")["state"] == "succeeded"
    assert output(worker_server, f"{batch}.1") == "early\nlate\n"


def test_large_output_is_complete(worker_server):
    batch = shell(worker_server, "seq 1 2000000")  # 14.9 MB: several segments of the keeper, many frames
    worker_server.wait(str(batch))
    text = output(worker_server, f"{batch}.1")
    first = text.splitlines()[0]
    assert first == "1"
    attempt = worker_server.get(f"/attempts/{batch}.1%231")
    assert attempt["stdout_bytes"] == sum(len(str(n)) + 1 for n in range(1, 2000001)) and not attempt["log_cut"]
    tail = worker_server.request("GET", "/logs", query={"selector": f"{batch}.1", "stream": "stdout", "tail": 16})
    assert tail.body.endswith(b"1999999\n2000000\n")


@pytest.mark.parametrize("lines, cut", [(1000, False), (100000, True)])
def test_an_attempt_says_whether_its_output_was_cut_to_the_limit(worker_server, lines, cut):
    code = f"seq 1 {lines}; seq 1 {lines} >&2"
    batch = worker_server.submit("sh", "-c", code, log_max_bytes=64 << 10, cwd="none")["batch"]
    worker_server.wait(str(batch))
    attempt = worker_server.get(f"/attempts/{batch}.1%231")
    assert attempt["log_cut"] is cut, attempt
    whole = sum(len(worker_server.request("GET", "/logs", query={"selector": f"{batch}.1", "stream": stream}).body) for stream in ("stdout", "stderr"))
    assert (whole < attempt["stdout_bytes"] + attempt["stderr_bytes"]) is cut


@pytest.mark.parametrize("text, cause, exit_code, number", [
    ("exit 7", "exit", 7, None), ("kill -SEGV $$", "signal", None, 11), ("kill -KILL $$", "signal", None, 9)])
def test_a_failure_tells_how(worker_server, text, cause, exit_code, number):
    batch = shell(worker_server, text)
    task = ended(worker_server, f"{batch}.1")
    assert (task["state"], task["cause"], task["exit_code"], task["signal"]) == ("failed", cause, exit_code, number)


def test_a_command_that_does_not_exist_is_a_failed_launch(worker_server):
    batch = worker_server.submit("no-such-command-of-muster", cwd="/")["batch"]
    task = ended(worker_server, f"{batch}.1")
    assert (task["state"], task["cause"]) == ("failed", "launch")
    assert "no such command" in task["message"] and "no-such-command-of-muster" in task["message"]


def test_a_missing_folder_is_a_failed_launch(worker_server, tmp_path):
    missing = str(tmp_path / "missing")
    batch = worker_server.submit("true", cwd=missing)["batch"]
    task = ended(worker_server, f"{batch}.1")
    assert (task["state"], task["cause"]) == ("failed", "launch")
    assert missing in task["message"]


# ---- limits


def test_a_time_limit_is_term_then_grace_then_kill_for_the_whole_group(worker_server, fifo):
    told = fifo("told")
    # The leader and its child ignore TERM; a second child dies of it.
    text = 'trap "echo term >$TOLD" TERM; (trap "" TERM; echo $$ >"$TOLD"; exec sleep 1000) & ' \
           'echo pids $! >"$TOLD"; while :; do wait; done'
    batch = shell(worker_server, text, {"TOLD": str(told.path)}, time_s=1, grace_s=1)
    first = sorted(told.lines(2))
    child = int(first[1].split()[1])
    task = ended(worker_server, f"{batch}.1")
    assert (task["state"], task["cause"], task["signal"]) == ("failed", "timeout", 9)
    assert told.line() == "term"
    eventually(lambda: process_ended(child))
    assert 2.0 <= task["wall_s"] < 20


def test_a_time_limit_that_is_obeyed_needs_no_kill(worker_server):
    batch = shell(worker_server, "exec sleep 1000", time_s=1, grace_s=100)
    task = ended(worker_server, f"{batch}.1")
    assert (task["state"], task["cause"], task["signal"]) == ("failed", "timeout", 15)


def test_a_memory_limit_is_reported_as_such(worker_server):
    batch = worker_server.submit("python3", "-c", "b = bytearray(400 << 20); b[::4096] = b'x' * len(b[::4096]); print(len(b))",
                                 cwd="/", mem_mb=64)["batch"]
    task = ended(worker_server, f"{batch}.1")
    assert task["cause"] == "oom" and task["history"][0]["cause"] == "oom", task


# ---- what a task is given


def test_the_environment_of_a_task(worker_server):
    batch = shell(worker_server, "env", {"MINE": "a b"}, array="5-6", cpus=1, mem_mb=100)
    worker_server.wait(str(batch))
    seen = dict(line.split("=", 1) for line in output(worker_server, f"{batch}.6").splitlines() if "=" in line)
    task = worker_server.get(f"/tasks/{batch}.6")
    expected = {"MUSTER_BATCH_ID": str(batch), "MUSTER_TASK_ID": f"{batch}.6", "MUSTER_TASK_INDEX": "6", "MUSTER_ATTEMPT": "1",
                "MUSTER_CPUS": "1", "MUSTER_MEM_MB": "100", "MUSTER_GPUS": "0", "CPU": "1", "MINE": "a b",
                "MUSTER_TASK_NUMBER": task["number"].removeprefix("T"), "HOME": str(worker_server.home)}
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["PATH"] == os.environ["PATH"]
    assert "CUDA_VISIBLE_DEVICES" not in seen
    assert not [name for name in seen if name.startswith("XDG_")], "only what is meant for tasks is passed on"


def test_a_folder_of_its_own_goes_after_success_and_stays_after_failure(worker_server):
    text = 'cd "$OUTPUT" && echo x >file && mkdir -p "$TEMP/deep/er" && ls -d "$INPUT" "$OUTPUT" "$TEMP" && pwd && exit {}'
    batch = shell(worker_server, text, array="0-1", cwd="none")
    worker_server.wait(str(batch))
    work = worker_server.data / "worker" / "work" / str(batch)
    kept = work / "1" / "1"
    assert output(worker_server, f"{batch}.1") == f"{kept}/input\n{kept}/output\n{kept}/tmp\n{kept}/output\n"
    assert (kept / "output" / "file").read_text() == "x\n"
    eventually(lambda: not (work / "0").exists())
    eventually(lambda: not any((worker_server.data / "worker" / "removed").iterdir()))


def test_failed_folders_are_swept_after_a_day(make_server):
    server = make_server()
    worker = Worker(server, server.data / "second")
    worker.start()
    worker.wait_connected()
    batch = shell(server, "exit {}", array="1-2", cwd="none")
    server.wait(str(batch))
    worker.kill_agent()
    folders = [worker.folder / "work" / str(batch) / str(index) / "1" for index in (1, 2)]
    day_ago = time.time() - 25 * 3600
    os.utime(folders[0], (day_ago, day_ago))
    worker.start()
    eventually(lambda: not folders[0].exists())
    assert folders[1].exists()


# ---- slots


def test_gpu_slots_give_each_task_a_device_of_its_own(make_server, fifo):
    server = make_server(worker=True, slots=1, options=("--gpu-slots", "3"))
    seen, gate = fifo("seen"), fifo("gate")
    env = {"SEEN": str(seen.path), "GATE": str(gate.path)}
    text = 'echo "$MUSTER_TASK_INDEX ${CUDA_VISIBLE_DEVICES-none}" >"$SEEN"; read line <"$GATE"'
    batch = shell(server, text, env, array="1-4", gpus=1)
    first = dict(line.split(" ") for line in seen.lines(3))
    assert sorted(first.values()) == ["0", "1", "2"], "three run at once, each on its own"
    gate.open_gate()
    index, device = seen.line().split(" ")
    assert index not in first and device in "012"
    gate.open_gate(3)
    server.wait(str(batch))
    both = shell(server, text, env, gpus=2)
    assert len(set(seen.line().split(" ")[1].split(","))) == 2
    gate.open_gate()
    server.wait(str(both))
    without = shell(server, text, env)
    assert seen.line() == "1 ", "a task without GPUs sees none"
    gate.open_gate()
    server.wait(str(without))


def test_slots_change_while_tasks_run(worker_server, fifo):
    seen, gate = fifo("seen"), fifo("gate")
    env = {"SEEN": str(seen.path), "GATE": str(gate.path)}
    batch = shell(worker_server, 'echo "$MUSTER_TASK_INDEX" >"$SEEN"; read line <"$GATE"', env, array="1-9")
    name = Worker(worker_server).wait_connected()["name"]
    running = set(seen.lines(2))

    def executing():
        return worker_server.get(f"/batches/{batch}")["counts"]["executing"]

    assert worker_server.request("PATCH", f"/workers/{name}", {"slots": 4}).status == 200
    running |= set(seen.lines(2))
    eventually(lambda: executing() == 4)
    assert worker_server.request("PATCH", f"/workers/{name}", {"slots": 1}).status == 200
    eventually(lambda: worker_server.get(f"/workers/{name}")["slots"]["enabled"] == 1)
    gate.open_gate(3)
    eventually(lambda: executing() == 1)
    assert seen.is_quiet(), "what was lowered starts nothing new before there is room"
    gate.open_gate()
    running.add(seen.line())
    eventually(lambda: executing() == 1)
    gate.open_gate(5)
    worker_server.wait(str(batch))
    assert len(running | set(seen.lines(4))) == 9
    assert [history(worker_server, f"{batch}.{index}") for index in range(1, 10)] == [[(1, "succeeded", None)]] * 9


def test_cancel_reaches_the_whole_group(worker_server, fifo):
    told = fifo("told")
    batch = shell(worker_server, 'sleep 1000 & echo $! >"$TOLD"; wait', {"TOLD": str(told.path)})
    child = int(told.line())
    assert worker_server.request("POST", "/cancel", {"selectors": [str(batch)]}).status == 200
    assert ended(worker_server, f"{batch}.1")["state"] == "cancelled"
    eventually(lambda: process_ended(child))


def test_a_worker_uses_little_memory_for_many_ended_tasks(worker_server):
    worker = Worker(worker_server)

    def resident_kb(pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def run_some():
        worker_server.wait(str(shell(worker_server, ":", array="1-2500")), timeout_s=60)
        return resident_kb(worker.agent()), resident_kb(worker.keeper())

    run_some()
    agent_first, keeper_first = run_some()
    for _ in range(4):
        agent_last, keeper_last = run_some()
    # 10,000 forgotten tasks: 100 bytes left behind by each would be seen.
    assert agent_last - agent_first < 1000 and keeper_last - keeper_first < 1000, (agent_first, agent_last, keeper_first, keeper_last)
