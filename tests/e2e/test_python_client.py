"""The Python client (clients/python) against a real server and real tasks: submit, map, wait, as_completed, logs, causes, refusals."""

import json
import pathlib
import subprocess
import sys
import threading
import time

import pytest
from agent_support import Worker
from conftest import MUSTER

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"
sys.path.insert(0, str(CLIENT))
import muster  # noqa: E402


@pytest.fixture
def client(worker_server):
    Worker(worker_server).wait_connected()
    with muster.connect(data=str(worker_server.data)) as connected:
        yield connected


# ---- submitting and results


def test_one_command_gives_its_output(client):
    batch = client.submit(["echo", "a b", "c"])
    assert batch.results(timeout=60) == ["a b c\n"]
    assert batch.task(1).result() == "a b c\n"
    assert batch.done() and batch.counts["succeeded"] == 1


def test_shell_text_and_options_reach_the_task(client):
    batch = client.submit("echo $GREETING $MUSTER_CPUS; pwd", env={"GREETING": "hello"}, cpus=1, mem="64M", name="greet", cwd="/tmp",
                          labels={"study": "PACA"}, time_limit=30, retries=2, priority=5)
    assert batch.results(timeout=60) == ["hello 1\n/tmp\n"]
    task = batch.task(1)
    assert task.data["resources"]["mem_mb"] == 64 and task.data["time_limit_s"] == 30
    assert batch.name == "greet" and client.batch("@greet").id == batch.id


def test_map_runs_a_task_for_each_item_and_never_parses_it(client):
    items = ["a b", "$(false)", "q'\"", "new\nline", "ümlaut"]
    batch = client.map("printf %s {}", items)
    assert batch.results(timeout=60) == items


def test_map_with_columns(client):
    batch = client.map(["echo", "{sample}-{lane}"], [{"sample": "S1", "lane": 1}, {"sample": "S2", "lane": 2}])
    assert batch.results(timeout=60) == ["S1-1\n", "S2-2\n"]


def test_an_array_of_indexes(client):
    batch = client.submit("echo {}", array="5-7")
    assert [task.index for task in batch.tasks()] == [5, 6, 7]
    assert batch.results(timeout=60) == ["5\n", "6\n", "7\n"]


def test_the_same_key_submits_once(client):
    first = client.submit(["true"], key="nightly")
    assert client.submit(["true"], key="nightly") == first
    with pytest.raises(muster.Conflict) as refused:
        client.submit(["false"], key="nightly")
    assert refused.value.code == "E211"


def test_dependencies_take_batches_and_tasks(client):
    first = client.submit(["true"], held=True)
    second = client.submit(["true"], after=first)
    assert second.task(1).state == "waiting"
    first.release()
    second.wait(timeout=60)


# ---- futures


def test_as_completed_gives_each_task_once(client):
    batch = client.map("test {} -ne 3", range(1, 21))
    found = list(batch.as_completed(timeout=60))
    assert sorted(task.index for task in found) == list(range(1, 21))
    assert {task.state for task in found} == {"succeeded", "failed"}
    assert all(task.seconds is not None for task in found)


def test_as_completed_is_told_and_does_not_ask(client):
    """While nothing ends, nothing is asked for; what ends is there at once."""
    batch = client.submit(["true"], array="1-3", held=True)
    calls = []
    real_call = client._http.call
    client._http.call = lambda method, path, *rest, **named: calls.append(path) or real_call(method, path, *rest, **named)
    found = []
    reader = threading.Thread(target=lambda: found.extend(batch.as_completed(timeout=60)))
    reader.start()
    before = asked_until_quiet(calls)
    time.sleep(1.5)    # as long as several looks of one who polls
    assert len(calls) == before
    client.release(batch)
    reader.join(60)
    assert sorted(task.index for task in found) == [1, 2, 3]


def asked_until_quiet(calls):
    """How many calls there were when half a second had brought no other."""
    while True:
        before = len(calls)
        time.sleep(0.5)
        if before and len(calls) == before:
            return before


def test_as_completed_of_several_batches_and_of_parts(client):
    one, two = client.submit(["true"], array="1-5"), client.map("exit {}", [0, 1])
    found = [task.id for task in client.as_completed([one, two], timeout=60)]
    assert sorted(found) == sorted([f"{one.id}.{i}" for i in range(1, 6)] + [f"{two.id}.1", f"{two.id}.2"])
    assert [task.id for task in client.as_completed(f"{one.id}.2-3", timeout=60)] == [f"{one.id}.2", f"{one.id}.3"]
    held = client.submit(["true"], held=True)
    with pytest.raises(muster.WaitTimeout):
        list(client.as_completed([one, held], timeout=0.3))


def test_as_completed_takes_up_again(worker_server, client):
    """The connection breaks in the middle, and the server is killed and comes back with another port: each task comes once."""
    batch = client.map(f"test {{}} -gt 5 || exit 0; while test ! -e {worker_server.folder}/go{{}}; do sleep 0.05; done", range(1, 8))
    found, seen = [], threading.Semaphore(0)

    def read():
        for task in batch.as_completed(timeout=90):
            found.append(task.index)
            seen.release()

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        assert seen.acquire(timeout=60)
    worker_server.kill()
    worker_server.start()
    (worker_server.folder / "go6").touch()
    assert seen.acquire(timeout=60)
    (worker_server.folder / "go7").touch()
    reader.join(60)
    assert sorted(found) == list(range(1, 8))


def test_a_failed_task_carries_its_cause(client):
    batch = client.submit("echo to stdout; echo 'no such reference' >&2; exit 7")
    error = batch.task(1).exception(timeout=60)
    assert isinstance(error, muster.TaskFailed)
    assert (error.cause, error.exit_code, error.stderr) == ("exit", 7, "no such reference\n")
    assert "exit 7: no such reference" in str(error)
    with pytest.raises(muster.TaskFailed):
        batch.task(1).result()


def test_a_failed_batch_groups_its_causes(client):
    batch = client.map("case {} in 1|2|3) exit 9;; 4) kill -KILL $$;; esac", range(1, 7))
    with pytest.raises(muster.BatchFailed) as failed:
        batch.wait(timeout=60)
    causes = [(failure.cause, failure.count) for failure in failed.value.failures]
    assert causes == [("exit 9", 3), ("signal 9", 1)]
    assert failed.value.failures[0].tasks == [f"{batch.id}.{index}" for index in (1, 2, 3)]
    assert batch.wait(check=False).counts["succeeded"] == 2


def test_failures_are_those_that_the_server_groups(worker_server, client):
    """The last lines on stderr are part of what tells groups apart, with what differs from task to task masked."""
    batch = client.map("echo loading >&2; echo no such file /data/sample{}.bam >&2; exit 2", range(1, 6))
    with pytest.raises(muster.BatchFailed) as failed:
        batch.wait(timeout=60)
    (failure,) = batch.failures()
    shown = json.loads(subprocess.run([MUSTER, "failures", batch.id, "--json"], capture_output=True, text=True, check=False,
                                      env={"MUSTER_DATA": str(worker_server.data)}).stdout)["groups"][0]
    assert (failure.cause, failure.count, failure.phase, len(failure.tasks)) == ("exit 2", 5, "executing", 3)
    assert failure.line == shown["line"] and "sample" not in failure.line and failure.line.startswith("no such file")
    assert failure.retry == shown["retry"] == f"muster retry {batch.id} --where 'state=failed cause=exit exit=2'"
    assert f"5x exit 2: {failure.line} ({batch.id}.1, " in str(failed.value)


def test_cancelled_and_retried(client):
    batch = client.submit(["true"], held=True)
    assert batch.cancel("wrong reference") == 1
    with pytest.raises(muster.TaskCancelled):
        batch.task(1).result(timeout=60)
    assert batch.retry(mem="32M") == 1
    batch.release()
    task = batch.wait(timeout=60).task(1)
    assert task.state == "succeeded" and task.data["resources"]["mem_mb"] == 32
    assert client.batch(batch.id).task(1).attempts()[-1].state == "succeeded"


def test_waiting_ends_with_its_time(client):
    batch = client.submit(["true"], held=True)
    with pytest.raises(muster.WaitTimeout):
        batch.wait(timeout=0.2)
    with pytest.raises(TimeoutError):
        list(batch.as_completed(timeout=0.2))
    assert not batch.done()


def test_logs_are_followed_to_the_end(client):
    batch = client.submit("echo one; echo two >&2; echo three", name="talk")
    assert b"".join(client.log_bytes(batch.task(1), stream="stdout", follow=True)) == b"one\nthree\n"
    assert batch.task(1).stderr() == "two\n"


# ---- lists


def test_lists_go_over_all_pages(client):
    batch = client.submit(["true"], array="1-2500", held=True)
    assert sum(1 for _ in batch.tasks()) == len(batch) == 2500
    assert [found.id for found in client.batches()][0] == batch.id
    assert [worker.state for worker in client.workers()] == ["online"]
    assert client.status()["schema"].startswith("muster.status/")
    assert next(iter(client.events(batch)))["batch"] == int(batch.id)


# ---- the server goes away


def test_waiting_survives_a_killed_server(worker_server, client):
    batch = client.submit("test -e {}/go", [str(worker_server.folder)], held=True)
    outcome = []
    waiter = threading.Thread(target=lambda: outcome.append(batch.wait(timeout=60).state))
    waiter.start()
    worker_server.kill()
    (worker_server.folder / "go").touch()
    worker_server.start()
    with muster.connect(data=str(worker_server.data)) as other:
        other.release(batch)
    waiter.join(60)
    assert outcome == ["succeeded"]


def test_a_server_that_never_was_is_an_error_at_once(tmp_path):
    with pytest.raises(muster.Unreachable) as refused:
        muster.connect("http://127.0.0.1:9", token="mst_x")
    assert refused.value.code == "E101" and "muster up" in refused.value.next
    with pytest.raises(muster.Unreachable):
        muster.connect(data=str(tmp_path))


# ---- refusals


def test_refusals_keep_the_words_of_the_server(client):
    with pytest.raises(muster.NotFound) as missing:
        client.batch(4711)
    assert missing.value.code == "E202" and missing.value.status == 404
    with pytest.raises(muster.Infeasible) as large:
        client.submit(["true"], cpus=100_000)
    assert large.value.code == "E209"
    with pytest.raises(muster.UsageError) as place:
        client.submit("echo {nobody}")
    assert place.value.code in ("E204", "E205")
    with pytest.raises(muster.UsageError):
        client.submit(["echo", "{}"], [])


def test_a_wrong_token_is_refused(worker_server):
    with pytest.raises(muster.NotAllowed):
        muster.connect(worker_server.url, token="mst_admin_1_" + "0" * 64 + "_deadbeef")


def test_a_token_file_that_others_read_is_not_used(worker_server, tmp_path):
    file = tmp_path / "token"
    file.write_text((worker_server.data / "admin.token").read_text())
    file.chmod(0o644)
    with pytest.raises(muster.NotAllowed) as refused:
        muster.connect(worker_server.url, token_file=str(file))
    assert refused.value.code == "E109"
    file.chmod(0o600)
    muster.connect(worker_server.url, token_file=str(file)).close()


@pytest.mark.parametrize("url", ["http://192.0.2.1:7420", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://127.0.0.1/api"])
def test_addresses_that_are_none(url):
    with pytest.raises(muster.UsageError):
        muster.find_endpoint(url, token="t")


def test_a_context_of_the_config_file(worker_server, tmp_path):
    folder = tmp_path / "muster"
    folder.mkdir()
    (folder / "config.toml").write_text(f'current = "lab"\n[contexts.lab]\nurl = "{worker_server.url}"\n'
                                        f'token_file = "{worker_server.data}/admin.token"\n')
    found = muster.find_endpoint(environment={"XDG_CONFIG_HOME": str(tmp_path)})
    assert found.url == worker_server.url and found.token.startswith("mst_")
    # The reader for Pythons without tomllib says the same.
    code = ("import sys; sys.modules['tomllib'] = None; import muster; "
            f"print(muster.find_endpoint(environment={{'XDG_CONFIG_HOME': {str(tmp_path)!r}}}) == muster.find_endpoint("
            f"{worker_server.url!r}, token_file={str(worker_server.data / 'admin.token')!r}, environment={{}})._replace("
            "source='a context of the config file'))")
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=CLIENT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


# ---- over TLS


def test_a_pinned_server_is_proved_before_anything_is_sent(make_server):
    server = make_server(listen="0.0.0.0:0")
    port = server.url.rsplit(":", 1)[1]
    pin = json.loads(server.run("invite", "-o", "json").stdout)["pin"]
    url = f"https://127.0.0.1:{port}"
    token = (server.data / "admin.token").read_text().strip()
    with muster.connect(f"{url}#{pin}", token=token) as client:
        assert list(client.workers()) == []
    other = pin[:-5] + ("AAAA=" if pin[-5:] != "AAAA=" else "BBBB=")
    with pytest.raises(muster.NotAllowed) as refused:
        muster.connect(url, pin=other, token=token)
    assert "nothing was sent" in refused.value.detail
    with pytest.raises(muster.NotAllowed):
        muster.connect(url, token=token)  # no authority answers for a certificate that the server made itself
