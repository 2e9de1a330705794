"""`--where`: one filter language on every list and every verb that takes selectors, answered by the server before it is cut."""

import json

import pytest

import cli_support as cli


@pytest.fixture
def work(worker_server, tmp_path):
    """A Client with two batches of twenty tasks: some fail with 3, some with 4, the rest succeeds."""
    home = tmp_path / "here"
    home.mkdir()
    client = cli.Client(home, MUSTER_DATA=worker_server.data)
    client.server = worker_server
    for study in ("PACA", "OV"):
        command = "case {} in 3|7) echo bad {} >&2; exit 3;; 11) exit 4;; esac"
        client("submit", "-n", study.lower(), "--label", f"study={study}", "--array", "1-20", "--mem", "64M", "--wait", "--progress", "none",
               "--", "sh", "-c", command)
    return client


def names(client, *words):
    result = client(*words, "-q")
    assert result.code == 0, result
    return result.out.split()


def test_lists_are_filtered_by_the_server(work):
    """task list, batch list, worker list, attempt list, event list: --where."""
    assert names(work, "task", "list", "1", "--where", "state=failed exit=3") == ["1.3", "1.7"]
    assert names(work, "task", "list", "all", "--where", "exit=4") == ["2.11", "1.11"]
    assert names(work, "task", "list", "all", "--where", "label.study=OV exit=3,4") == ["2.3", "2.7", "2.11"]
    assert names(work, "task", "list", "1", "--where", "index=3..11 -state=succeeded mem=1M+") == ["1.3", "1.7", "1.11"]
    assert names(work, "task", "list", "1.1-5", "--where", "exit=3") == ["1.3"]
    assert names(work, "task", "list", "1", "--where", "state=failed attempts=2+") == []
    assert len(names(work, "task", "list", "1", "--where", "time=..1h ended=1h+")) == 20
    assert names(work, "batch", "list", "--where", "failed=1+ label.study=PACA") == ["1"]
    assert names(work, "batch", "list", "--where", "name~o -state=running") == ["2"]
    assert names(work, "batch", "list", "--where", "failed=4+") == []
    assert len(names(work, "worker", "list", "--where", "slots=2 state=online connected=yes")) == 1
    assert names(work, "worker", "list", "--where", "slots=3+") == []
    assert names(work, "attempt", "list", "1", "--where", "exit=3") == ["1.3#1", "1.7#1"]
    kinds = work("event", "list", "--where", "kind=batch_ended", "--columns", "kind", "--no-header").out.split()
    assert kinds == ["batch_ended", "batch_ended"]


def test_pages_go_on_behind_a_filter(work):
    found, after = [], None
    while True:
        page = work.server.get("/tasks", selector="1", where="exit=0", limit=3, **({"after": after} if after else {}))
        found += [task["index"] for task in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == [index for index in range(1, 21) if index not in (3, 7, 11)]


def test_a_refusal_marks_the_place_and_offers_a_word(work):
    result = work("task", "list", "1", "--where", "exit=3 stat=failed")
    assert result.code == 2
    assert 'a task has no key "stat"; did you mean "state"?' in result.err
    assert "[E220]" in result.err
    lines = result.err.splitlines()
    marked = next(i for i, line in enumerate(lines) if "^" in line)
    assert lines[marked - 1][lines[marked].index("^"):].startswith("stat=failed")
    for verb in ("wait", "logs", "retry", "cancel", "hold", "release"):
        assert work(verb, "1", "--where", "state=faild").code == 2
    assert "exit" in work("help", "filters").out


def test_one_request_retries_what_matches_and_nothing_else(work):
    """retry, task set, hold, release, cancel: --where, --dry-run, --yes; exit 3 for nothing, 6 for everything unasked."""
    preview = work("retry", "1", "--where", "exit=3", "--mem", "128M", "--dry-run")
    assert preview.out == "would have retried 2 tasks\n"
    assert work("hold", "1", "--where", "exit=77").code == 3
    assert work("retry", "all", "--where", "exit=3").code == 6
    done = work("retry", "all", "--where", "exit=3", "--mem", "128M", "--yes", "--json")
    assert json.loads(done.out)["count"] == 4
    assert work("wait", "all", "--where", "index=3,7", "--progress", "none").code == 1
    assert names(work, "task", "list", "all", "--where", "mem=128M attempts=2") == ["2.3", "2.7", "1.3", "1.7"]
    assert names(work, "task", "list", "all", "--where", "attempts=2+ exit=4") == []
    logs = work("logs", "all", "--where", "exit=3")
    assert logs.out == "bad 3\nbad 7\n" * 2
    audit = work("audit", "list", "-o", "jsonl").out
    assert sum('"task.retry"' in line and "exit=3" in line for line in audit.splitlines()) >= 1


def test_needs_of_waiting_tasks_can_be_changed(work):
    """task set: --mem --disk --cpus --slots --gpus --time --retry --env --reason --where --dry-run --key --json."""
    work("submit", "-n", "later", "--array", "1-6", "--hold", "--", "true")
    assert work("task", "set", "3", "--where", "index=..2", "--mem", "32M", "--dry-run").out == "would have changed 2 tasks\n"
    assert work("task", "set", "3", "--where", "index=..2", "--mem", "32M", "--disk", "1M", "--cpus", "1", "--slots", "1", "--time", "5m",
                "--retry", "2", "--env", "A=b", "--reason", "smaller").out == "changed 2 tasks\n"
    assert names(work, "task", "list", "3", "--where", "mem=32M limit=5m") == ["3.1", "3.2"]
    assert work("task", "set", "3.3", "--gpus", "64").code == 5
    assert work("task", "set", "3.3").code == 2
    assert work("task", "set", "1", "--mem", "1M").out == "nothing to set (20 left alone)\n"
    assert work("release", "3").code == 0
    assert work("wait", "3", "--progress", "none").code == 0


def test_a_change_with_a_key_is_done_once(work):
    """retry, hold, release, cancel: --key."""
    first = work("retry", "1", "--where", "exit=3", "--key", "k1", "--json")
    assert json.loads(first.out)["count"] == 2
    assert work("wait", "1", "--progress", "none").code == 1
    again = json.loads(work("retry", "1", "--where", "exit=3", "--key", "k1", "--json").out)
    assert (again["count"], again["replayed"]) == (2, True)
    assert len(names(work, "attempt", "list", "1.3")) == 2
    assert work("retry", "1", "--where", "exit=4", "--key", "k1").code == 3
    work.server.kill()
    work.server.start()
    after = json.loads(work("retry", "1", "--where", "exit=3", "--key", "k1", "--json").out)
    assert (after["count"], after["replayed"]) == (2, True)
    for verb in ("hold", "release", "cancel"):
        assert work(verb, "1.1", "--key", "k-" + verb, "--yes").code == 0


def test_a_change_in_the_background_is_polled(work):
    """POST ?background=true answers with the operation at once; what came of it stays to be asked for."""
    server = work.server
    begun = server.request("POST", "/hold?background=true", {"selectors": ["1"], "where": "index=1+", "dry_run": True})
    assert begun.status == 202 and begun.json()["schema"] == "muster.operation/1", begun
    number = begun.json()["id"]
    while (now := server.get(f"/operations/{number}"))["state"] == "running":
        pass
    assert now["state"] == "done" and now["tasks"] == now["looked"] > 0 and now["result"]["schema"] == "muster.changed/1", now
    assert now["matched"] == now["tasks"] and now["operation"] == "task.hold" and now["object"] == "1 where index=1+"
    refused = server.request("POST", "/hold?background=true", {"selectors": ["1"], "where": "index=0"}).json()["id"]
    while (now := server.get(f"/operations/{refused}"))["state"] == "running":
        pass
    assert now["state"] == "failed" and now["problem"]["code"] == "E202" and now["result"] is None
    for wrong in ("/operations/999", "/operations/x"):
        assert server.request("GET", wrong).status == 404
    assert server.request("POST", "/hold?background=perhaps", {"selectors": ["1"]}).status == 400
