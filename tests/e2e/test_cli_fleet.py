"""Workers and limits from the command line, against a real server and worker: what is set, shown, refused and taken back."""

import json

import pytest

from agent_support import Fifo, eventually
from cli_support import Client


def worker_name(server):
    return server.run("worker", "list", "-q").stdout.split()[0]


def show(server, name):
    return json.loads(server.run("worker", "show", name, "--json").stdout)


@pytest.fixture
def fleet(worker_server):
    eventually(lambda: worker_server.get("/workers")["items"] and worker_server.get("/workers")["items"][0]["connected"])
    return worker_server


def test_a_worker_is_declared_set_and_removed(server):
    """worker create --slots --gpu-slots --label --offer --serves --dry-run; worker set --label --offer --serves --lease -n --name."""
    dry = server.run("worker", "create", "big1", "--slots", "4", "--dry-run")
    assert dry.stdout.startswith("would have declared big1")
    assert not server.get("/workers")["items"]
    made = server.run("worker", "create", "big1", "--slots", "4", "--gpu-slots", "2", "--label", "storage=lustre",
                      "--offer", "license=3", "--serves", "align")
    assert "undo:  muster worker remove big1" in made.stderr
    worker = show(server, "big1")
    assert (worker["state"], worker["slots"]["enabled"], worker["slots"]["gpu_enabled"]) == ("offline", 4, 2)
    assert (worker["labels"], worker["offers"], worker["serves"]) == ({"storage": "lustre"}, {"license": 3}, "align")
    twice = server.run("worker", "create", "big1", check=False)
    assert twice.returncode == 3 and "there is a worker big1 already" in twice.stderr
    done = server.run("worker", "set", "big1", "--label", "zone=b", "--label", "disk=ssd", "--offer", "none", "--serves", "everything",
                      "--lease", "90s")
    assert done.stderr.strip() == ("undo:  muster worker set big1 --label storage=lustre --offer license=3 --serves align --lease 0s")
    worker = show(server, "big1")
    assert (worker["labels"], worker["offers"], worker["serves"], worker["lease_s"]) == ({"disk": "ssd", "zone": "b"}, {}, None, 90)
    server.run("worker", "set", "big1", "--name", "big2")
    server.run("worker", "set", "big2", "-n", "big3")
    assert show(server, "big3")["id"] == worker["id"]
    for words in (["--label", "no-value"], ["--offer", "license=many"], ["--label", "a=b", "--label", "a=c"]):
        assert server.run("worker", "set", "big3", *words, check=False).returncode == 2
    assert server.run("worker", "set", "big3", "--lease", "999d", check=False).returncode == 2
    table = server.run("worker", "list", "--columns", "name,state,labels,serves").stdout
    assert table.splitlines()[1].split("\t") == ["big3", "offline", "disk=ssd, zone=b", ""]
    asked = server.run("worker", "remove", "big3", check=False)
    assert asked.returncode == 6 and "muster worker remove --yes big3" in asked.stderr
    server.run("worker", "remove", "big3", "--yes")
    assert not server.get("/workers")["items"]
    kinds = [event["kind"] for event in server.get("/events")["items"]]
    assert "worker_created" in kinds and "worker_removed" in kinds


def test_verbs_on_a_worker(fleet):
    """worker pause resume drain lost remove: --reason --dry-run --yes -o -q."""
    name = worker_name(fleet)
    assert fleet.run("worker", "pause", name, "--dry-run").stdout == f"would be paused {name}\n"
    done = fleet.run("worker", "pause", name, "--reason", "disk swap")
    assert (done.stdout, done.stderr) == (f"paused {name}\n", f"  undo:  muster worker resume {name}\n")
    worker = show(fleet, name)
    assert (worker["state"], worker["reason"], worker["connected"]) == ("paused", "disk swap", True)
    fleet.submit("true")
    task = json.loads(fleet.run("task", "show", "1.1", "--json").stdout)
    assert (task["reason"], task["obstacles"]) == ("draining", {"draining": 1})
    assert fleet.run("worker", "resume", name, "--reason", "done", "-q").stdout == name + "\n"
    fleet.wait("1")
    wrong = fleet.run("worker", "remove", name, "--yes", check=False)
    assert wrong.returncode == 3 and f"muster worker drain {name}" in wrong.stderr
    assert fleet.run("worker", "drain", name, "--dry-run", "--reason", "old").stdout == f"would be draining {name}\n"
    fleet.run("worker", "drain", name, "--json")
    assert show(fleet, name)["state"] == "draining"
    fleet.run("worker", "resume", name, "--dry-run", "-o", "name")
    fleet.run("worker", "resume", name, "--output", "json")
    assert fleet.run("worker", "lost", name, "--dry-run", "--reason", "x", "--quiet").stdout == name + "\n"
    assert fleet.run("worker", "lost", name, check=False).returncode == 6
    assert fleet.run("worker", "lost", "no-such", "--yes", check=False).returncode == 3


def test_a_lost_workers_task_runs_again_and_keeps_its_retries(fleet, tmp_path):
    gate, news = Fifo(tmp_path / "gate"), Fifo(tmp_path / "news")
    fleet.submit("sh", "-c", f"echo $MUSTER_ATTEMPT > {news.path}; read line < {gate.path}")
    assert news.line() == "1"
    eventually(lambda: fleet.get("/tasks/1.1")["phase"] == "executing")
    name = worker_name(fleet)
    fleet.run("worker", "lost", name, "--yes", "--reason", "power")
    assert news.line() == "2"  # the agent connects again, kills what is stale, and gets it anew
    gate.open_gate(2)
    fleet.wait("1")
    task = json.loads(fleet.run("task", "show", "1.1", "--json").stdout)
    assert (task["state"], task["attempts"]) == ("succeeded", 2)
    lost = task["history"][0]
    assert (lost["state"], lost["cause"]) == ("lost", "worker-lost") and lost["started"] is not None


def test_what_a_task_asks_of_a_worker(fleet):
    """submit --on --use --exclusive."""
    name = worker_name(fleet)
    refused = fleet.run("submit", "--on", "storage=lustre", "--", "true", check=False)
    assert refused.returncode == 5 and "no worker carries these labels" in refused.stderr
    assert fleet.run("submit", "--use", "license=1", "--", "true", check=False).returncode == 5
    fleet.run("worker", "set", name, "--label", "storage=lustre", "--offer", "license=1")
    fleet.run("submit", "--on", "storage=lustre", "--use", "license=1", "--exclusive", "--wait", "--", "true")
    body = fleet.get("/batches/last")["template"]["resources"]
    assert (body["on"], body["use"], body["exclusive"]) == ({"storage": "lustre"}, {"license": 1}, True)


def test_limits_are_set_shown_and_taken_away(fleet, tmp_path):
    """limit list; limit set --max-running --max-cpus --weight --dry-run; limit delete --dry-run."""
    name = worker_name(fleet)
    fleet.run("worker", "set", name, "--slots", "4", "--label", "storage=lustre")
    assert fleet.run("limit", "set", "label:storage=lustre", "--max-running", "1", "--dry-run").stdout.startswith("would have set")
    done = fleet.run("limit", "set", "label:storage=lustre", "--max-running", "1")
    assert done.stderr == "  undo:  muster limit delete label:storage=lustre\n"
    gate, news = Fifo(tmp_path / "gate"), Fifo(tmp_path / "news")
    fleet.submit("sh", "-c", f"echo {{}} > {news.path}; read line < {gate.path}", array="1-2")
    assert news.line() == "1"
    task = json.loads(fleet.run("task", "show", "1.2", "--json").stdout)
    assert (task["reason"], task["limit"]) == ("quota", "label:storage=lustre, max-running 1")
    assert json.loads(fleet.run("limit", "list", "--json").stdout)["items"][0]["running"] == 1
    assert fleet.run("limit", "list", "-q").stdout == "label:storage=lustre\n"
    fleet.run("limit", "delete", "label:storage=lustre", "--dry-run")
    done = fleet.run("limit", "delete", "label:storage=lustre")
    assert done.stderr == "  undo:  muster limit set label:storage=lustre --max-running 1\n"
    assert news.line() == "2"
    gate.open_gate(2)
    fleet.wait("1")
    fleet.run("limit", "set", "user:ann", "--max-cpus", "8", "--weight", "2", "--json")
    fleet.run("limit", "set", "project:default", "--max-cpus", "8", "--output", "name")
    assert fleet.run("limit", "list", "--no-header").stdout.splitlines() == ["user:ann\t0\t\t0\t8\t2", "project:default\t0\t\t0\t8\t1"]
    assert fleet.run("limit", "set", "ann", "--max-running", "1", check=False).returncode == 2
    assert fleet.run("limit", "set", "user:ann", check=False).returncode == 2
    assert fleet.run("limit", "set", "project:x", "--weight", "3", check=False).returncode == 2


def test_the_reasons_are_explained(tmp_path):
    text = Client(tmp_path)("help", "reasons").out
    for reason in ("dependency", "held", "backoff", "busy", "max-running", "quota", "draining", "no-slot", "no-worker", "no-label", "too-big"):
        assert reason in text
