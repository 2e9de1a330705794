"""`muster doctor`: each verdict is provoked once, and each bad one names its fix."""

import json
import os
import stat
import subprocess

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


def test_the_key_of_the_secrets(worker_server):
    server = worker_server
    Worker(server).wait_connected()
    findings = doctor(server)[1]
    assert findings["secrets-key"]["verdict"] == findings["secrets"]["verdict"] == "skipped"
    server.run("secret", "create", "door", stdin="open sesame")
    done, findings = doctor(server)
    assert done.returncode == 0 and findings["secrets-key"]["verdict"] == findings["secrets"]["verdict"] == "ok", findings
    key = server.data / "secrets.key"
    key.chmod(0o640)
    finding = doctor(server)[1]["secrets-key"]
    assert finding["verdict"] == "bad" and "640" in finding["what"] and finding["fix"].startswith(f"chmod 600 {key}")
    key.chmod(0o600)
    text = key.read_text()
    key.write_text("short\n")
    assert doctor(server)[1]["secrets-key"]["verdict"] == "bad"
    # Another key: the file is sound, and opens nothing.
    key.write_text(text.strip()[::-1] + "\n")
    server.terminate()
    server.start()
    done, findings = doctor(server)
    assert findings["secrets-key"]["verdict"] == "ok" and findings["secrets"]["verdict"] == "bad", findings
    assert "1 of 1" in findings["secrets"]["what"] and "secrets.key" in findings["secrets"]["fix"] and done.returncode == 1


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


def test_a_bundle_holds_no_secret(worker_server, tmp_path):
    """`doctor --bundle`: everything that opens something, and what people typed, stays here."""
    Worker(worker_server).wait_connected()
    worker_server.submit("sh", "-c", "echo s3cret-in-command", env={"PASSWORD": "s3cret-in-env"}, name="mine")
    with open(worker_server.data / "server.log", "a") as log:
        log.write(f'{{"event":"planted","text":"{worker_server.token} postgres://a:s3cret-in-url@db/m"}}\n')
    path = tmp_path / "doctor.tgz"
    done = worker_server.run("doctor", "--bundle", path, "-o", "json", check=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "packed into" in done.stderr
    names = subprocess.run(["tar", "tzf", path], capture_output=True, text=True, check=True).stdout.split()
    assert {"muster-bundle/" + name for name in ("findings.json", "status.json", "workers.json", "batches.json", "server.log",
                                                 "agent.log", "version")} <= set(names)
    everything = subprocess.run(["tar", "xzf", path, "-O"], capture_output=True, text=True, check=True).stdout
    secret = worker_server.token.split("_")[3]
    assert "planted" in everything and '"name":"mine"' in everything
    for hidden in (secret, "s3cret", worker_server.token):
        assert hidden not in everything, hidden
    again = worker_server.run("doctor", "--bundle", path, check=False)
    assert again.returncode == 75 and "not replaced" in again.stderr
