"""`explain` and `failures`: why something does not move, why something failed, and the command that helps."""

import json
import os
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


def test_a_task_that_waits_for_another(work):
    work("submit", "--", "sleep", "30")
    work("submit", "--after", "1", "--", "true")
    result = work("explain", "2.1")
    assert result.code == 0
    assert result.out.startswith("2.1 is waiting: it waits for 1  (dependency)\n"), result
    assert "try:  muster explain 1\n" in result.out
    work("cancel", "1", "--yes")


def test_tasks_that_are_held_busy_or_limited(work):
    work("submit", "--array", "1-4", "--hold", "--", "sleep", "20")
    held = work("explain", "1.1")
    assert "its batch is held  (held)" in held.out and "try:  muster release 1\n" in held.out
    work("release", "1")
    deadline = time.monotonic() + 20
    busy = {"nearest": []}
    while not busy["nearest"] or not busy["nearest"][0]["shortages"]:  # granted in one of the next turns
        assert time.monotonic() < deadline, busy
        busy = json.loads(work("explain", "1.4", "--json").out)
    assert (busy["reason"], busy["workers"]["total"], busy["workers"]["ever"], busy["feasible"]) == ("busy", 1, 1, True)
    assert busy["nearest"][0]["shortages"][0]["what"] == "slots"
    batch = work("explain", "1")
    assert batch.out.startswith("batch 1 "), batch
    assert "busy" in batch.out and "1.3" in batch.out
    name = busy["nearest"][0]["worker"]
    assert work("explain", "--worker", name).out == f"{name} is busy: 2 of 2 slots\n"
    work("worker", "pause", name, "--reason", "disk swap")
    assert work("explain", "--worker", name).out.startswith(f"{name} takes nothing new: it is paused (disk swap)\ntry:  muster worker resume {name}\n")
    assert f"try:  muster worker resume {name}" in work("explain", "1.4").out
    work("cancel", "1", "--yes")


def test_what_nothing_can_ever_run_is_exit_5_and_the_offered_command_helps(make_server, tmp_path):
    """Accepted while there was no worker; then a worker comes that is too small for it."""
    server = make_server()
    home = tmp_path / "here"
    home.mkdir()
    work = cli.Client(home, MUSTER_DATA=server.data)
    work("submit", "-n", "big", "--array", "1-2", "--mem", "900T", "--", "true")
    none = work("explain", "1.1")
    assert none.code == 0 and "there is no worker" in none.out and "muster invite" in none.out
    server.terminate()
    server.options = [option for option in server.options if option != "--no-worker"]
    server.start()
    deadline = time.monotonic() + 20
    while work("explain", "1.1").code != 5:
        assert time.monotonic() < deadline, work("explain", "1.1")
    result = work("explain", "1.1")
    assert "0 of 1 worker can take it now, 0 ever could  (too-big)" in result.out
    assert "nothing that is there can ever run it" in result.out
    assert work("explain", "1").code == 5
    command = next(line for line in result.out.splitlines() if line.startswith("try:  muster task set 1.1 --mem "))
    helped = work(*command.removeprefix("try:  muster ").split())
    assert helped.code == 0, helped
    assert work("wait", "1.1", "--progress", "none").code == 0
    assert work("explain", "1.1").out == "1.1 succeeded\n"


def test_failures_are_grouped_by_cause(work):
    script = ("case {} in 1|2|3|4) echo reading /data/s{}.fq >&2; echo \"KeyError: '{}'\" >&2; exit 1;; "
              "5|6) kill -SEGV $$;; 7) exit 9;; esac")
    work("submit", "-n", "mixed", "--array", "1-10", "--wait", "--progress", "none", "--", "sh", "-c", script)
    groups = json.loads(work("failures", "1", "--json").out)
    assert (groups["failed"], groups["groups_total"]) == (7, 3)
    shown = [(group["count"], group["cause"], group["exit_code"], group["signal"], group["line"]) for group in groups["groups"]]
    assert shown == [(4, "exit", 1, None, "KeyError: '#'"), (2, "signal", None, 11, None), (1, "exit", 9, None, None)] or shown[0][0] == 4
    assert groups["groups"][0]["samples"] == ["1.1", "1.2", "1.3"]
    assert groups["groups"][0]["retry"] == "muster retry 1 --where 'state=failed cause=exit exit=1'"
    text = work("failures", "1").out
    assert text.startswith("7 failed, 3 causes\n  4x exit 1  (executing)\n      KeyError: '#'\n"), text
    assert "7 failed, 3 causes" in work("batch", "show", "1").out or not os.isatty(1)
    assert json.loads(work("failures", "1", "--where", "index=5+", "--json").out)["failed"] == 3
    assert work("failures", "1", "--where", "index=8+").out == "nothing failed in 1\n"
    explained = work("explain", "1.7").out
    assert explained.startswith("1.7 failed after 1 attempt: exit 9"), explained
    assert "muster failures 1" in work("explain", "1").out


def test_a_task_is_tried_by_hand(work, tmp_path):
    """task run: --by-hand."""
    work("submit", "-n", "hand", "--env", "GREETING=good day", "--mem", "2G", "--time", "5m", "--array", "7-7", "--", "sh", "-c", "echo {}; pwd")
    assert work("task", "run", "1.7").code == 2
    result = work("task", "run", "1.7", "--by-hand", stdin="echo $GREETING $MUSTER_TASK_ID $MUSTER_MEM_MB; pwd; ulimit -d\n",
                  env={"SHELL": "/bin/sh"})
    assert result.code == 0, result
    assert result.out.splitlines() == ["good day 1.7 2048", str(tmp_path / "here"), str(2 << 20)]
    assert "its command:" in result.err and "secrets" in result.err and "time 5m00s (not kept here)" in result.err
    assert work("task", "run", "1.99", "--by-hand").code == 3
