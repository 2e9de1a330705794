"""`muster doctor`: each verdict is provoked once, and each bad one names its fix."""

import json
import os

import pytest

from agent_support import Worker


def doctor(server, *words):
    done = server.run("doctor", "-o", "json", *words, check=False)
    findings = {one["check"]: one for one in json.loads(done.stdout)["items"]}
    for one in findings.values():
        assert (one["verdict"] in ("ok", "skipped")) == (one["fix"] == ""), one
    return done, findings


def test_all_is_well(worker_server):
    Worker(worker_server).wait_connected()
    done, findings = doctor(worker_server)
    assert done.returncode == 0, findings
    assert {"kernel", "open-files", "memory-limits", "data-folder", "tokens", "file-system", "disk-space", "disk-speed",
            "server", "version", "store"} <= set(findings)
    assert [check for check in findings if check.startswith("worker")]
    assert findings["server"]["what"].endswith(worker_server.url)


def test_without_a_server_the_machine_is_looked_at(make_server):
    server = make_server(start=False)
    os.mkdir(server.data, 0o700)
    done, findings = doctor(server)
    assert done.returncode == 1
    assert findings["server"]["verdict"] == "bad" and "muster up" in findings["server"]["fix"]
    assert findings["disk-speed"]["verdict"] in ("ok", "warning") and "kernel" in findings


def test_no_worker(server):
    done, findings = doctor(server)
    assert done.returncode == 1 and findings["workers"]["verdict"] == "bad"


def test_a_missing_folder(make_server):
    done, findings = doctor(make_server(start=False))
    assert done.returncode == 1 and findings["data-folder"]["verdict"] == "bad" and "disk-speed" not in findings


@pytest.mark.parametrize("path, check, mode", [("", "data-folder", 0o755), ("admin.token", "tokens", 0o644)])
def test_what_others_can_read(worker_server, path, check, mode):
    Worker(worker_server).wait_connected()
    place = worker_server.data / path if path else worker_server.data
    before = place.stat().st_mode & 0o777
    place.chmod(mode)
    done, findings = doctor(worker_server, *(["--token-file", make_copy(place)] if path else []))
    place.chmod(before)
    assert done.returncode == 1
    assert findings[check]["verdict"] == "bad" and f"{mode:o}" in findings[check]["what"]
    assert findings[check]["fix"].startswith(f"chmod {before:o} {place}")


def make_copy(place):
    copy = place.with_name("copy.token")
    copy.write_text(place.read_text())
    copy.chmod(0o600)
    return copy


def test_people_get_the_fix_below_the_table(server):
    done = server.run("doctor", check=False)
    assert "workers: muster up without --no-worker" in done.stderr and "workers\tbad\t" in done.stdout


def test_the_forms_of_a_list(worker_server):
    Worker(worker_server).wait_connected()
    assert json.loads(worker_server.run("doctor", "--json").stdout)["schema"] == "muster.findings/1"
    assert "kernel" in worker_server.run("doctor", "-q").stdout.split()
    lines = worker_server.run("doctor", "--columns", "check,fix", "--no-header").stdout.splitlines()
    assert lines[0] == "kernel\t"
