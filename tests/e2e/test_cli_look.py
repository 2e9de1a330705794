"""`explain` and `failures` as people see them: whole documents of a cardboard server, with hostile names, as transcripts."""

import json

import pytest

import cli_support as cli

TASK = {
    "schema": "muster.explanation/1", "thing": "task", "id": "42.118", "state": "ready", "reason": "too-big",
    "sentence": "42.118 is ready: 0 of 6 workers can take it now, 0 ever could", "feasible": False,
    "try": ["muster task set 42.118 --mem 60G", "muster worker set gra-3 --label site=gra"], "limit": None,
    "needs": {"slots": 1, "gpus": 1, "cpus": 4, "mem_mb": 65536, "disk_mb": 0, "exclusive": True, "use": {"license": 2}, "on": {"site": "gra"}},
    "workers": {"total": 6, "now": 0, "ever": 0}, "obstacles": {"too-big": 4, "no-label": 2},
    "nearest": [
        {"worker": "lab1", "state": "online", "code": "too-big", "ever": False,
         "shortages": [{"what": "mem", "asked": 65536, "free": 63488, "total": 63488, "label": None}]},
        {"worker": "gra-3\x1b[31m", "state": "paused", "code": "no-label", "ever": False,
         "shortages": [{"what": "label site", "asked": 0, "free": 0, "total": 0, "label": "gra"},
                       {"what": "gpus", "asked": 1, "free": 0, "total": 0, "label": None}]},
        {"worker": "gra-4", "state": "online", "code": "busy", "ever": True,
         "shortages": [{"what": "slots", "asked": 1, "free": 0, "total": 4, "label": None},
                       {"what": "exclusive", "asked": 1, "free": 0, "total": 1, "label": None}]}],
    "waits_for": [], "impossible": [], "not_before": None,
}
BATCH = {
    "schema": "muster.explanation/1", "thing": "batch", "id": 42, "name": "align", "state": "running",
    "sentence": "batch 42 align is running: 64 running, 9812 ready, 118 held, 41 failed", "feasible": True, "try": ["muster failures 42"],
    "reasons": [
        {"reason": "busy", "tasks": 9812, "sample": "42.200", "sentence": "0 of 6 workers can take it now, 5 ever could", "never": False,
         "try": []},
        {"reason": "held", "tasks": 118, "sample": "42.118", "sentence": "it is held", "never": False, "try": ["muster release 42.118"]}],
}
FAILURES = {
    "schema": "muster.failures/1", "batch": 42, "failed": 41, "groups_total": 3,
    "groups": [
        {"count": 38, "cause": "oom", "phase": "executing", "exit_code": None, "signal": 9, "line": "[M::process] read # sequences...",
         "line_read": True, "first": cli.ago(7200), "last": cli.ago(cli.LONG_AGO), "workers": {"gra-3": 20, "gra-4": 10, "gra-5": 7, "lab1": 1},
         "peak_mem_mb": 16384, "mem_mb": 16384, "samples": ["42.118", "42.131", "42.140"],
         "retry": "muster retry 42 --where 'state=failed cause=oom' --mem 32G"},
        {"count": 2, "cause": "exit", "phase": "executing", "exit_code": 1, "signal": None, "line": "KeyError: '\x1b]0;evil\x07'",
         "line_read": True, "first": cli.ago(7200), "last": cli.ago(cli.LONG_AGO), "workers": {"gra-3": 2}, "peak_mem_mb": 1, "mem_mb": 0,
         "samples": ["42.3", "42.4"], "retry": "muster retry 42 --where 'state=failed cause=exit exit=1'"},
        {"count": 1, "cause": "signal", "phase": "executing", "exit_code": None, "signal": 11, "line": None, "line_read": False,
         "first": cli.ago(7200), "last": cli.ago(cli.LONG_AGO), "workers": {"lab1": 1}, "peak_mem_mb": 1, "mem_mb": 0, "samples": ["42.9"],
         "retry": "muster retry 42 --where 'state=failed cause=signal signal=11'"}],
}
VIEWS = {
    "explain-task": (["explain", "42.118"], 5), "explain-batch": (["explain", "42"], 0), "failures": (["failures", "42"], 0),
}


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/explain")] = lambda request: TASK if "42.118" in request.path else BATCH
        server.routes[("GET", "/failures")] = FAILURES
        yield server, run


@pytest.mark.parametrize("name", VIEWS)
def test_transcripts(fake, name):
    """On a wide and a narrow terminal and in a pipe; nothing in a document acts upon the terminal."""
    _, run = fake
    words, code = VIEWS[name]
    parts = []
    for title, result in (("100 columns", run.terminal(*words, width=100)), ("40 columns, --no-color", run.terminal(*words, "--no-color", width=40)),
                          ("pipe", run(*words))):
        assert result.code == code, result
        assert "\x1b]" not in result.out and "\x1b[31mWORKER" not in result.out
        parts.append(f"=== {title}\n{result.out}{result.err}")
    cli.golden(f"{name}.txt", cli.normalised("".join(parts)))


def test_programs_get_the_document(fake):
    _, run = fake
    assert json.loads(run("explain", "42.118", "--json").out) == TASK
    assert json.loads(run("failures", "42", "--json").out) == FAILURES
    assert run("explain", "42", "--worker", "lab1").code == 2
