"""Server and local worker together: who starts whom, who survives whom, and how tasks, attempts and logs are shown."""

import os
import signal
import threading
import time

import pytest


def until(condition, what, limit_s=30):
    """Looks again and again; `what` says what did not come."""
    deadline = time.monotonic() + limit_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come within {limit_s} s"
        time.sleep(0.02)  # the pace of looking again


def agent_pid(server):
    text = (server.data / "worker" / "agent.lock").read_text().strip()
    return int(text) if text else 0


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def connected(server):
    return [worker for worker in server.get("/workers")["items"] if worker["connected"]]


def executing(server, selector, count):
    return until(lambda: server.get("/wait", selector=selector, timeout_s=0)["executing"] == count, f"{count} running tasks")


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_a_task_with_its_attempts_and_logs(worker_server):
    server = worker_server
    batch = server.submit("echo out $MUSTER_ATTEMPT; echo err >&2; test $MUSTER_ATTEMPT = 2", retries=3, name="twice")["batch"]
    server.wait(batch)
    task = server.get(f"/tasks/{batch}.1")
    assert task["state"] == "succeeded" and task["attempts"] == 2 and task["exit_code"] == 0 and task["worker"]
    assert [(a["attempt"], a["state"], a["exit_code"]) for a in task["history"]] == [(1, "failed", 1), (2, "succeeded", 0)]
    listed = server.get("/attempts", selector=f"{batch}.1")["items"]
    assert [a["id"] for a in listed] == [f"{batch}.1#1", f"{batch}.1#2"]
    assert listed[0]["cause"] == "exit" and listed[1]["cause"] is None and listed[1]["stdout_bytes"] == 6
    one = server.get(f"/attempts/{batch}.1%231")
    assert one["schema"] == "muster.attempt/1" and one["state"] == "failed"
    assert server.request("GET", f"/attempts/{batch}.1%233").code() == "E202"
    for stream, bytes_ in (("stdout", b"out 2\n"), ("stderr", b"err\n")):
        answer = server.request("GET", "/logs", query={"selector": f"{batch}.1", "stream": stream})
        assert answer.body == bytes_ and answer.fields["muster-log-final"] == "true"
        assert answer.fields["muster-log-attempt"] == f"{batch}.1#2" and answer.fields["muster-log-cut"] == "false"
    assert server.request("GET", "/logs", query={"selector": f"{batch}.1#1", "stream": "stdout"}).body == b"out 1\n"
    kinds = [event["kind"] for event in server.get("/events", batch=batch)["items"]]
    assert kinds[-1] == "batch_created" and kinds[0] == "batch_ended", kinds


def test_logs_in_pieces_and_of_a_whole_batch(worker_server):
    server = worker_server
    batch = server.submit("seq", "{}", "1000", array="1-5")["batch"]
    server.wait(batch)

    def read(selector, limit, **query):
        pieces, at, attempts = [], "", []
        while True:
            answer = server.request("GET", "/logs", query={"selector": selector, "limit": limit, "from": at, "stream": "stdout", **query})
            assert answer.status == 200 and len(answer.body) <= limit, answer
            pieces.append(answer.body)
            attempts.append(answer.fields.get("muster-log-attempt"))
            at = answer.fields["muster-log-next"]
            if answer.fields["muster-log-final"] == "true":
                return b"".join(pieces), attempts
            assert len(pieces) < 1000
    wanted = {index: b"".join(b"%d\n" % number for number in range(index, 1001)) for index in range(1, 6)}
    assert read(f"{batch}.3", 500)[0] == wanted[3]
    assert read(f"{batch}", 700)[0] == b"".join(wanted.values())
    assert read(f"{batch}", 1 << 20, wait_s=5)[0] == b"".join(wanted.values())
    assert read(f"{batch}.2-3", 1000)[0] == wanted[2] + wanted[3]
    tail = server.request("GET", "/logs", query={"selector": f"{batch}.1", "tail": 10})
    assert tail.body == wanted[1][-10:] and int(tail.fields["muster-log-start"]) == len(wanted[1]) - 10
    assert server.request("GET", "/logs", query={"selector": f"{batch}", "from": "5"}).code() == "E203"


def test_a_running_log_is_followed(worker_server, tmp_path):
    server = worker_server
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    batch = server.submit(f"echo first; read line < {gate}; echo $line", retries=0)["batch"]
    first = server.request("GET", "/logs", query={"selector": f"{batch}.1", "wait_s": 20})
    assert first.body == b"first\n" and first.fields["muster-log-final"] == "false"
    caught = []
    at = first.fields["muster-log-next"]
    follow = threading.Thread(target=lambda: caught.append(
        server.request("GET", "/logs", query={"selector": f"{batch}.1", "wait_s": 30, "from": at})))
    follow.start()
    gate.write_text("second\n")
    follow.join(30)
    assert caught[0].body == b"second\n"
    server.wait(batch)
    last = server.request("GET", "/logs", query={"selector": f"{batch}.1", "from": caught[0].fields["muster-log-next"], "wait_s": 20})
    assert last.body == b"" and last.fields["muster-log-final"] == "true"


def test_a_retry_of_a_batch_that_left_memory(worker_server, tmp_path):
    server = worker_server
    batch = server.submit("test", "-e", str(tmp_path / "there"))["batch"]
    server.wait(batch)
    assert server.terminate() == 0
    server.start()
    until(lambda: connected(server), "the worker")
    (tmp_path / "there").write_text("")
    assert server.request("POST", "/retry", {"selectors": [str(batch)], "retries": 2}).json()["count"] == 1
    assert server.wait(batch)["counts"]["succeeded"] == 1
    assert server.get(f"/tasks/{batch}.1")["attempts"] == 2
    after = server.submit("true", after=[str(batch)])["batch"]
    assert server.wait(after)["counts"]["succeeded"] == 1


# ---- who survives whom -----------------------------------------------------------------------------------------------


def test_a_killed_agent_is_replaced_and_its_tasks_go_on(worker_server, tmp_path):
    server = worker_server
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    batch = server.submit(f"read line < {gate}")["batch"]
    executing(server, batch, 1)
    old = agent_pid(server)
    os.kill(old, signal.SIGKILL)
    until(lambda: agent_pid(server) not in (0, old) and connected(server), "another agent")
    gate.write_text("go\n")
    assert server.wait(batch)["counts"]["succeeded"] == 1
    assert server.get(f"/tasks/{batch}.1")["attempts"] == 1


def test_tasks_go_on_while_the_server_is_down(worker_server, tmp_path):
    server = worker_server
    for end in (server.terminate, server.kill):
        gate = tmp_path / end.__name__
        os.mkfifo(gate)
        batch = server.submit(f"read line < {gate}")["batch"]
        executing(server, batch, 1)
        end()
        worker = agent_pid(server)
        assert alive(worker)
        gate.write_text("go\n")
        server.start()
        assert server.wait(batch)["counts"]["succeeded"] == 1
        assert server.get(f"/tasks/{batch}.1")["attempts"] == 1
        assert agent_pid(server) == worker


def test_ctrl_c_ends_tasks_and_worker_at_no_cost(worker_server, tmp_path):
    server = worker_server
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    batch = server.submit(f"test $MUSTER_ATTEMPT = 2 || read line < {gate}")["batch"]
    executing(server, batch, 1)
    worker = agent_pid(server)
    os.kill(server.process.pid, signal.SIGINT)
    assert server.process.wait(30) == 0
    assert not alive(worker)
    assert not (server.data / "server.url").exists()
    server.start()
    assert server.wait(batch)["counts"]["succeeded"] == 1
    assert server.get(f"/tasks/{batch}.1")["retries"] == 0


def test_down_stops_what_a_killed_server_left(worker_server):
    server = worker_server
    until(lambda: connected(server), "the worker")
    worker = agent_pid(server)
    server.kill()
    assert alive(worker)
    done = server.run("down")
    assert f"worker stopped (process {worker})" in done.stderr
    assert not alive(worker)


def test_down_stops_a_keeper_whose_agent_and_server_were_killed(worker_server, tmp_path):
    server = worker_server
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    batch = server.submit(f"test $MUSTER_ATTEMPT = 2 || read line < {gate}")["batch"]
    executing(server, batch, 1)
    server.kill()
    worker = agent_pid(server)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not alive(worker), "the agent's end")
    done = server.run("down")
    assert "keeper stopped (process " in done.stderr and "worker stopped" not in done.stderr
    assert "nothing runs in" in server.run("down").stderr
    server.start()
    assert server.wait(batch)["counts"]["succeeded"] == 1


def test_down_keep_running_leaves_the_worker(worker_server):
    server = worker_server
    until(lambda: connected(server), "the worker")
    worker = agent_pid(server)
    done = server.run("down", "--keep-running")
    assert "server stopped" in done.stderr and "worker stopped" not in done.stderr
    assert server.process.wait(20) == 0 and alive(worker)
    assert "worker stopped" in server.run("down").stderr


def test_gpu_slots_that_were_declared(make_server):
    server = make_server(start=False, worker=True)
    done = server.run("up", "-d", "--listen", "127.0.0.1:0", "--slots", "2", "--gpu-slots", "2")
    server.url = done.stdout.split(" ready at ")[1].split()[0]
    slots = until(lambda: connected(server), "the worker")[0]["slots"]
    assert slots["enabled"] == 2 and slots["gpu_enabled"] == 2
    batch = server.submit("echo $CUDA_VISIBLE_DEVICES", gpus=1, array="1-2")["batch"]
    server.wait(batch)
    assert server.request("GET", "/logs", query={"selector": f"{batch}.1"}).body in (b"0\n", b"1\n")
    server.run("down")


def test_slots_change_live(worker_server):
    server = worker_server
    name = until(lambda: connected(server), "the worker")[0]["name"]
    assert server.request("PATCH", f"/workers/{name}", {"slots": 5}).status == 200
    assert server.get(f"/workers/{name}")["slots"]["enabled"] == 5


@pytest.mark.parametrize("options", [[], ["--keep-running"]])
def test_the_port_is_free_after_the_end(worker_server, options):
    """A socket that leaked into the worker would keep it."""
    server = worker_server
    until(lambda: connected(server), "the worker")
    server.run("down", *options)
    assert server.process.wait(20) == 0
    server.listen = "%s:%d" % server.address
    server.start()
    assert server.get("/status")["batches_live"] == 0
