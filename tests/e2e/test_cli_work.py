"""The command line against a real server with a real worker: what a person does from the first batch to the last retry."""

import json
import os
import re
import signal
import time

import pytest

import cli_support as cli


@pytest.fixture
def work(worker_server, tmp_path):
    """A Client of a server with a worker of two slots; its folder is where commands are typed."""
    home = tmp_path / "here"
    home.mkdir()
    client = cli.Client(home, MUSTER_DATA=worker_server.data)
    client.server = worker_server
    deadline = time.monotonic() + 30
    while not rows(client, "worker", "list"):  # it connects a moment after the server is ready
        assert time.monotonic() < deadline, worker_server.logs()
        time.sleep(0.01)
    return client


def rows(client, *words):
    """A list command's items as dictionaries."""
    result = client(*words, "-o", "jsonl")
    assert result.code == 0, result
    return [json.loads(line) for line in result.out.splitlines()]


def submit(client, *words, code=0, **options):
    result = client("submit", "--progress", "none", "--wait", *words, **options)
    assert result.code == code, result
    return result


# ---- the first ten minutes -------------------------------------------------------------------------------------------


def test_a_first_batch_from_lines_to_retry(work):
    lines = "".join(f"{number}\n" for number in range(1, 21))
    result = work("submit", "-n", "hello", "--wait", "--", "sh", "-c", "echo sample {}; test {} -ne 13", stdin=lines)
    assert result.code == 1
    assert result.out == "batch 1 hello: 20 tasks\n"
    assert "1 hello: 100 % 20/20 done, 1 failed" in result.err
    assert "1 failed: 1x exit 1\n  see it:  muster logs 1.13    again:  muster retry 1\n" in result.err
    assert work("logs", "1.13").out == "sample 13\n"
    assert work("logs", "1").out == "".join(f"sample {number}\n" for number in range(1, 21))
    assert work("wait", "1").code == 1
    assert work("batch", "list", "--state", "ended", "-q").out == "1\n"
    again = work("retry", "1", "--env", "M1=2")
    assert again.out == "retried 1 task (19 left alone)\n"
    assert work("wait", "last", "--progress", "none").code == 1
    attempts = rows(work, "attempt", "list", "1.13")
    assert [(one["id"], one["state"], one["exit_code"]) for one in attempts] == [("1.13#1", "failed", 1), ("1.13#2", "failed", 1)]
    assert len(rows(work, "attempt", "list", "1")) == 21


def test_the_terminal_of_a_first_batch(work):
    """The whole transcript as a person sees it, without colour, with what differs from run to run named."""
    parts = []

    def type_in(*words, width=100, **options):
        result = work.terminal(*words, "--no-color", width=width, **options)
        parts.append(f"$ muster {' '.join(words)}\n{result.out}[{result.code}]\n\n")

    work("submit", "-n", "steps", "--array", "1-4", "--wait", "--progress", "none", "--shell", "--", "echo step {}; test {} -ne 4")
    for words in (["batch", "list"], ["task", "list", "1"], ["logs", "1.4"], ["status", "1.4#1"], ["cancel", "1"], ["retry", "1", "--dry-run"],
                  ["hold", "1"], ["task", "list", "9"], ["logs", "1.9"], ["worker", "list"]):
        type_in(*words)
    text = cli.normalised("".join(parts), HERE=work.home, DATA=work.server.data, HOST=os.uname().nodename)
    text = re.sub(r"\b\d+(\.\d+)?(ms|s)\b( ago)?|\bnow\b", "T", text)
    text = re.sub(r"\b\d+(\.\d+)?[KMG]\b(/\d+(\.\d+)?[KMG])?", "SIZE", text)
    text = re.sub(r"[ ]{2,}", "  ", text)
    cli.golden("first-batch.txt", text)


def test_a_single_task_says_no_more_than_needed(work):
    assert work("submit", "-q", "--wait", "--", "true").out == "1\n"
    shown = json.loads(work("task", "show", "1.1", "--json").out)
    assert shown["schema"] == "muster.task/1" and shown["state"] == "succeeded" and shown["history"][0]["id"] == "1.1#1"
    assert json.loads(work("attempt", "show", "1.1#1", "--json").out)["exit_code"] == 0
    assert json.loads(work("batch", "show", "last", "--json").out)["counts"]["succeeded"] == 1
    assert rows(work, "task", "list", "T1")[0]["id"] == "1.1"


# ---- items -----------------------------------------------------------------------------------------------------------

HOSTILE = ["a b", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "*", "~", "\\", "-n", "a\tb", "ü", "{}", "$HOME", "!x",
           "# no comment", "& touch pwned &", "| touch pwned"]


def test_values_never_change_the_command(work):
    script = ("printf '%s\\n' {}", "printf '%s\\n' \"{}\"", "printf '%s\\n' '{}'", "printf '%s\\n' $(printf %s {})x")
    text = "\n".join(HOSTILE) + "\n"
    for number, command in enumerate(script, 1):
        submit(work, "--", command, stdin=text)
        if number < 4:
            assert work("logs", str(number)).out == text
    submit(work, "--", "printf", "%s\\n", "{}", stdin=text)
    assert work("logs", "last").out == text
    assert not (work.home / "pwned").exists()


def test_a_file_name_with_every_byte(work):
    name = bytes(byte for byte in range(1, 256) if byte not in b"/")
    os.makedirs(work.home / "files")
    with open(os.path.join(os.fsencode(work.home), b"files", name), "w") as file:
        file.write("found\n")
    submit(work, "--each", "files/*", "--", "cat", "--", "{}")
    assert work("logs", "1").out == "found\n"
    submit(work, "-0", "--", "cat", stdin=b"files/" + name + b"\0")
    assert work("logs", "2").out == "found\n"


@pytest.mark.parametrize("name, text", [
    ("t.tsv", "sample\tfile\nx y\t1\nz\t2\n"), ("t.csv", 'sample,file\n"x y",1\r\nz,2\r\n'),
    ("t.jsonl", '{"sample":"x y","file":1}\n{"file":2,"sample":"z"}\n')])
def test_tables(work, name, text):
    (work.home / name).write_text(text)
    submit(work, "--from", name, "--", "echo", "{#}:{sample}:{file}:{{}")
    assert work("logs", "1").out == "1:x y:1:{}\n2:z:2:{}\n"
    submit(work, "--from", "-", "--format", name[2:], "--", "echo {#}:{sample}", stdin=text)
    assert work("logs", "2").out == "1:x y\n2:z\n"
    task = rows(work, "task", "list", "1.1")[0]
    assert task["command"] == "echo '1:x y:1:{}'"


def test_arrays_with_gaps(work):
    submit(work, "--array", "2-10:4,20", "--", "echo", "{}-{#}")
    assert [one["id"] for one in rows(work, "task", "list", "1")] == ["1.2", "1.6", "1.10", "1.20"]
    assert work("logs", "1").out == "2-2\n6-6\n10-10\n20-20\n"


@pytest.mark.parametrize("name, text, code, words", [
    ("t.tsv", "a\tb\n1\t2\n3\n", "E207", "line 3"), ("t.csv", 'a,b\n1,"2\n', "E207", "line 2"), ("t.jsonl", '{"a":1}\n{"b":1}\n', "E207", "line 2"),
    ("t.csv", "a,b\n", "E214", "no"), ("t.txt", "\n\n", "E214", "no")])
def test_tables_that_are_refused_leave_nothing_behind(work, name, text, code, words):
    (work.home / name).write_text(text)
    result = work("submit", "--from", name, "--", "echo", "{}" if name == "t.txt" else "{a}")
    assert result.code == 2 and f"[{code}]" in result.err and words in result.err
    assert rows(work, "batch", "list") == []


# ---- every option does what it says ----------------------------------------------------------------------------------


def test_submit_cwd_and_env_and_label(work):
    (work.home / "sub").mkdir()
    submit(work, "--cwd", "sub", "--env", "COLOUR=deep blue", "--env", "HERE", "--label", "study=PACA", "--",
           "pwd; echo $COLOUR $HERE $MUSTER_TASK_INDEX", env={"HERE": "from the shell"})
    assert work("logs", "1").out == f"{work.home}/sub\ndeep blue from the shell 1\n"
    assert json.loads(work("batch", "show", "1", "--json").out)["template"]["labels"] == {"study": "PACA"}
    submit(work, "--", "pwd")
    assert work("logs", "2").out == f"{work.home}\n"
    submit(work, "--cwd", "none", "--", "pwd; echo here > $TEMP/x; ls $TEMP")
    assert re.fullmatch(r".*/work/.*\nx\n", work("logs", "3").out)


def test_submit_shell(work):
    submit(work, "--shell=bash", "--", "a=(x y z); echo ${a[1]}")
    assert work("logs", "1").out == "y\n"
    submit(work, "--shell", "--", "echo $0")
    assert work("logs", "2").out.strip().endswith("sh")


def test_submit_time_and_grace(work):
    result = submit(work, "--time", "300ms", "--grace", "200ms", "--", "trap '' TERM; echo started; while :; do sleep 0.05; done", code=1)
    assert "timeout" in result.err
    task = rows(work, "task", "list", "1")[0]
    assert (task["state"], task["cause"], task["time_limit_s"]) == ("failed", "timeout", 0.3) and task["wall_s"] >= 0.5
    assert work("logs", "1").out == "started\n"


def test_submit_retry(work):
    submit(work, "--retry", "2", "--", "echo try $MUSTER_ATTEMPT; test $MUSTER_ATTEMPT -eq 3")
    assert [one["state"] for one in rows(work, "attempt", "list", "1")] == ["failed", "failed", "succeeded"]
    assert work("logs", "1.1").out == "try 3\n" and work("logs", "1.1#1").out == "try 1\n"


def test_submit_max_running_and_slots(work):
    command = "echo s >> log; sleep 0.2; echo e >> log"
    submit(work, "--array", "1-4", "--max-running", "1", "--", command + " # one at a time")
    assert (work.home / "log").read_text().split() == ["s", "e"] * 4
    (work.home / "log").unlink()
    submit(work, "--array", "1-4", "--slots", "2", "--", command)
    assert (work.home / "log").read_text().split() == ["s", "e"] * 4


def test_submit_priority(work):
    work("worker", "set", only_worker(work), "--slots", "1")
    for name, priority in (("low", "-1"), ("middle", None), ("high", "5")):
        words = ["--priority", priority] if priority else []
        assert work("submit", "--hold", *words, "--", f"echo {name} >> order").code == 0
    assert work("release", "1", "2", "3").code == 0
    assert work("wait", "1", "2", "3").code == 0
    assert (work.home / "order").read_text().split() == ["high", "middle", "low"]


def only_worker(client):
    return rows(client, "worker", "list")[0]["name"]


def test_submit_after(work):
    work("submit", "--array", "1-2", "--hold", "--", "echo first >> order; test {} -ne 2")
    work("submit", "--after", "1", "--", "echo barrier >> order")
    work("submit", "--after-any", "1", "--", "echo whatever >> order")
    work("submit", "--array", "1-2", "--after-each", "1", "--", "echo each {} >> order")
    work("submit", "--after", "1.1", "--", "echo one >> order")
    assert {one["state"] for one in rows(work, "task", "list", "3")} == {"waiting"}
    work("release", "1")
    assert [work("wait", str(number), "--progress", "none").code for number in range(1, 6)] == [1, 1, 0, 1, 0]
    lines = sorted((work.home / "order").read_text().splitlines())
    assert lines == ["each 1", "first", "first", "one", "whatever"]
    assert rows(work, "task", "list", "2")[0]["reason"] == "dependency"


def test_submit_batch_and_close(work):
    assert work("submit", "--batch", "big", "--array", "1-2", "--", "true").out == "batch 1 big: 2 tasks\n"
    assert work("submit", "--batch", "big", "--close", "--", "true").out == "batch 1 big: 1 task, from 1.3 on\n"
    assert work("submit", "--batch", "big", "--", "true").out == "batch 2 big: 1 task\n"
    assert work("wait", "@big", "1").code == 0
    assert work("batch", "set", "1", "--open").code == 0
    assert [one["id"] for one in rows(work, "batch", "list", "--name", "big")] == [2, 1]


def test_submit_key(work):
    first = work("submit", "--key", "k", "--array", "1-3", "--", "true")
    again = work("submit", "--key", "k", "--array", "1-3", "--", "true")
    assert first.out == "batch 1 true: 3 tasks\n" and again.out == "batch 1 true: 3 tasks (submitted before with this key)\n"
    other = work("submit", "--key", "k", "--array", "1-4", "--", "true")
    assert other.code == 3 and "[E211]" in other.err


def test_submit_dry_run(work):
    assert work("submit", "--dry-run", "--array", "1-3", "--", "true").out == "would submit 3 tasks as a new batch true\n"
    assert rows(work, "batch", "list") == []


def test_submit_rerun_never(work):
    submit(work, "--rerun", "never", "--", "true")
    assert json.loads(work("batch", "show", "1", "--json").out)["template"]["rerun"] == "never"


def test_submit_log_max(work):
    submit(work, "--log-max", "64k", "--", "seq 1 100000")
    result = work("logs", "1.1")
    assert result.out.startswith("1\n2\n") and result.out.endswith("100000\n") and 8_000 < len(result.out) < 80_000
    assert "has a gap" in result.err


@pytest.mark.parametrize("words", [["--gpus", "100"], ["--mem", "900T"], ["--cpus", "100000"], ["--disk", "900P"], ["--slots", "5000"]])
def test_what_nothing_can_ever_run_is_refused(work, words):
    result = work("submit", *words, "--", "true")
    assert result.code == 5 and "[E209]" in result.err, result


def test_resources_are_in_the_environment(work):
    submit(work, "--cpus", "1", "--mem", "100M", "--disk", "1M", "--slots", "1", "--", "echo $MUSTER_CPUS $MUSTER_MEM_MB $MUSTER_GPUS")
    assert work("logs", "1").out == "1 100 0\n"


def test_a_command_that_does_not_exist(work):
    submit(work, "--", "no-such-program-here", code=1)
    task = rows(work, "task", "list", "1")[0]
    assert task["cause"] == "launch" and "no-such-program-here" in task["message"]


# ---- changes ---------------------------------------------------------------------------------------------------------


def test_hold_release_cancel_retry(work):
    assert work("submit", "--hold", "--array", "1-5", "--", "echo $WORD").code == 0
    assert json.loads(work("batch", "show", "1", "--json").out)["held"] is True
    assert work("cancel", "1.1").out == "cancelled 1 task\n"
    assert work("cancel", "1.1").out == "nothing to cancel (1 left alone)\n"
    assert work("cancel", "1").code == 6
    assert work("release", "1", "--reason", "go").code == 0
    assert work("wait", "1", "--progress", "none").code == 1
    assert work("retry", "1", "--env", "WORD=again", "--time", "1h", "--retry", "1", "--mem", "50M", "--cpus", "1", "--slots", "2", "--disk", "1M",
                "--gpus", "0").out.startswith("retried 1 task")
    assert work("wait", "1", "--progress", "none").code == 0
    assert work("logs", "1.1").out == "again\n" and work("logs", "1.2").out == "\n"
    assert rows(work, "task", "list", "1.1")[0]["resources"]["mem_mb"] == 50
    kinds = [event["kind"] for event in rows(work, "event", "list", "1")]
    assert {"cancelled", "released", "retried"} <= set(kinds)


def test_cancel_stops_what_runs(work):
    work("submit", "--array", "1-2", "--", "echo up; sleep 600")
    follower = work.start("logs", "-f", "1.1")
    cli.lines_until(follower.stdout, "up")
    assert work("cancel", "--yes", "1", "--reason", "enough").out == "cancelled 2 tasks\n"
    assert work("wait", "1", "--progress", "none", "--timeout", "30s").code == 1
    assert follower.wait(30) == 0
    follower.stdout.close(), follower.stderr.close()
    assert {one["state"] for one in rows(work, "attempt", "list", "1")} == {"cancelled"}


def test_batch_set_and_worker_set(work):
    work("submit", "--hold", "--", "true")
    result = work("batch", "set", "last", "--priority", "7", "--max-running", "3", "--name", "other name")
    assert result.err == "  undo:  muster batch set 1 --priority 0 --max-running 0 --name true\n"
    shown = json.loads(work("batch", "show", "@other name", "--json").out)
    assert (shown["priority"], shown["max_running"], shown["name"]) == (7, 3, "other name")
    name = only_worker(work)
    assert work("worker", "set", name, "--slots", "1").err.endswith("--slots 2\n")
    shown = json.loads(work("worker", "show", name, "--json").out)
    assert shown["slots"]["enabled"] == 1


# ---- selectors that are wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, code, exit_code", [
    (["task", "list", "99"], "E202", 3), (["task", "show", "1.99"], "E202", 3), (["attempt", "show", "1.1#9"], "E202", 3),
    (["worker", "show", "nobody"], "E202", 3), (["batch", "show", "@nobody"], "E202", 3), (["wait", "99"], "E202", 3),
    (["logs", "99.1"], "E202", 3), (["cancel", "99"], "E202", 3), (["batch", "show", "1.x"], "E201", 2), (["wait", "1..2"], "E201", 2),
    (["retry", "#"], "E201", 2), (["task", "list", "1", "--state", "finished"], "E203", 2), (["batch", "list", "--state", "done"], "E203", 2),
    (["submit", "--after", "77", "--", "true"], "E202", 3), (["batch", "set", "1", "--name", "a\nb"], "E203", 2),
    (["status", "nonsense!"], "E201", 2), (["status", "42"], "E202", 3)])
def test_refusals_have_a_code_and_an_exit_code(work, words, code, exit_code):
    work("submit", "--hold", "--", "true")
    result = work(*words)
    assert (result.code, result.out) == (exit_code, "") and f"[{code}]" in result.err, result


def test_a_wrong_token(work):
    result = work("status", env={"MUSTER_TOKEN": "mst_admin_1_wrong"})
    assert result.code == 4 and "[E107]" in result.err


# ---- logs ------------------------------------------------------------------------------------------------------------


def test_streams_and_parts_of_a_log(work):
    submit(work, "--", "echo out; echo err >&2; printf end")
    assert work("logs", "1", "--stream", "stdout").out == "out\nend"
    assert work("logs", "1", "--stream", "stderr").out == "err\n"
    assert sorted(work("logs", "1.1").out) == sorted("out\nerr\nend")
    assert work("logs", "1.1", "--stream", "stdout", "--head", "2").out == "ou"
    assert work("logs", "1.1", "--stream", "stdout", "--tail", "4").out == "\nend"


def test_a_log_is_bytes(work):
    data = bytes(range(256)) * 300
    (work.home / "data").write_bytes(data)
    submit(work, "--", "cat", "data")
    assert work("logs", "1", text=False).out == data
    shown = work.terminal("logs", "1", "--no-color", width=80).out
    assert "\x1b" not in shown and "\x07" not in shown
    assert "\x1b" in work.terminal("logs", "--raw", "1", width=80).out


def test_a_large_log(work):
    submit(work, "--", "seq 1 2000000")
    out = work("logs", "1.1").out
    assert out.startswith("1\n2\n") and out.endswith("\n2000000\n") and out.count("\n") == 2_000_000


def test_following_a_task_from_before_its_start(work):
    work("submit", "--hold", "--", "for i in 1 2 3; do echo line $i; sleep 0.2; done")
    follower = work.start("logs", "-f", "1.1")
    work("release", "1")
    out, error = follower.communicate(timeout=60)
    assert (follower.returncode, out, error) == (0, b"line 1\nline 2\nline 3\n", b"")


def test_following_a_batch_in_order(work):
    work("submit", "--array", "1-6", "--", "echo a{}; sleep 0.1; echo b{}")
    assert work("logs", "-f", "1").out == "".join(f"a{number}\nb{number}\n" for number in range(1, 7))


# ---- the server goes away --------------------------------------------------------------------------------------------


def test_waiting_and_following_survive_a_killed_server(work):
    work("submit", "--", "echo one; while ! test -e go; do sleep 0.05; done; echo two")
    follower = work.start("logs", "-f", "1.1")
    cli.lines_until(follower.stdout, "one")
    waiter = work.start("wait", "1", "--progress", "plain")
    cli.lines_until(waiter.stderr, "0 %")
    old = work.server.url
    work.server.kill()
    cli.lines_until(waiter.stderr, "the server is away")
    work.server.start()
    assert work.server.url != old
    (work.home / "go").write_text("")
    out, error = follower.communicate(timeout=60)
    assert (follower.returncode, out) == (0, b"two\n") and error.count(b"the server is back after") == 1
    error = waiter.communicate(timeout=60)[1]
    assert waiter.returncode == 0 and b"the server is back after" in error and b"1: 100 % 1/1 done" in error


def test_ctrl_c_leaves_the_work_alone(work):
    process = work.start("submit", "--wait", "--", "while ! test -e go; do sleep 0.05; done")
    cli.lines_until(process.stderr, "0 %")
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and b"reattach:  muster wait 1" in error
    (work.home / "go").write_text("")
    assert work("wait", "1").code == 0


def test_status_of_a_busy_server(work):
    work("submit", "-n", "busy", "--array", "1-4", "--", "while ! test -e go; do sleep 0.05; done")
    work("submit", "-n", "later", "--hold", "--", "true")
    started = work("wait", "1", "--timeout", "1s", "--progress", "none")
    assert started.code == 124
    document = json.loads(work("status", "--json").out)
    assert document["workers"] == {"online": 1, "total": 1, "slots": 2, "busy": 2} and document["counts"]["running"] >= 2
    shown = work.terminal("status", "--no-color", width=100).out
    assert "1 of 1 online, 2 of 2 slots busy" in shown and "‖ held" in shown and "▶ running" in shown
    (work.home / "go").write_text("")
    assert work("wait", "1").code == 0
