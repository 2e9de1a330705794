"""How long a batch will take, and how much memory its tasks really need: told once enough of them have ended."""

import json
import time

import pytest

import cli_support as cli


@pytest.fixture
def work(worker_server, tmp_path):
    home = tmp_path / "here"
    home.mkdir()
    client = cli.Client(home, MUSTER_DATA=worker_server.data)
    client.server = worker_server
    return client


def test_the_time_left_is_a_range_and_is_hidden_at_first(work):
    work("submit", "-n", "steady", "--array", "1-60", "--", "sleep", "0.2")
    first = work.server.get("/batches/1")
    assert first["left"] is None or first["counts"]["succeeded"] >= 3
    deadline = time.monotonic() + 30
    while (batch := work.server.get("/batches/1"))["left"] is None:
        assert time.monotonic() < deadline and batch["state"] == "running", batch
        time.sleep(0.05)
    left = batch["left"]
    assert 0 < left["low_s"] <= left["middle_s"] <= left["high_s"] and left["places"] >= 1
    unfinished = 60 - batch["counts"]["succeeded"]
    true_s = unfinished * 0.2 / 2
    assert 0.3 * true_s < left["middle_s"] < 4 * true_s + 2, (left, true_s)
    waited = work("wait", "1", "--progress", "plain")
    assert waited.code == 0
    assert " left" in waited.err and "about " in waited.err, waited.err
    listed = work("batch", "list", "--columns", "id,left", "--no-header")
    assert listed.code == 0 and listed.out.strip().startswith("1")
    assert work.server.get("/batches/1")["left"] is None


def test_memory_that_is_asked_for_and_not_used_is_told_with_the_command(work):
    work("submit", "-n", "small", "--array", "1-40", "--mem", "512M", "--wait", "--progress", "none", "--", "true")
    usage = work.server.get("/batches/1")["usage"]
    assert usage["tasks"] == 40 and usage["mem_asked_mb"] == 512 and 0 < usage["mem_suggested_mb"] <= 256
    shown = work("status", "1").out
    if "ask for" in shown:
        assert f"muster task set 1 --mem {usage['mem_suggested_mb']}M" in shown
    # The rows tell a new server the same.
    work.server.kill()
    work.server.start()
    again = work.server.get("/batches/1")["usage"]
    assert (again["tasks"], again["mem_suggested_mb"]) == (40, usage["mem_suggested_mb"])
    document = json.loads(work("batch", "show", "1", "--json").out)
    assert document["usage"]["try"] == usage["try"]


def test_every_task_of_before_is_counted_once(work):
    """A new server reads the rows a piece at a time, while more tasks end: in the end each has been counted, and none twice."""
    work("submit", "-n", "many", "--array", "1-5000", "--wait", "--progress", "none", "--", "true")
    work("submit", "--batch", "many", "--array", "5001-5100", "--hold", "--", "true")
    work.server.kill()
    work.server.start()
    assert 0 < work.server.get("/batches/1")["usage"]["tasks"] <= 5000
    work("release", "1")
    work("wait", "1", "--progress", "none")
    deadline = time.monotonic() + 30
    while (usage := work.server.get("/batches/1")["usage"])["tasks"] < 5100:
        assert time.monotonic() < deadline, usage
        time.sleep(0.1)
    time.sleep(1.1)    # one more piece would be read by now
    assert work.server.get("/batches/1")["usage"]["tasks"] == 5100
