"""The page for Prometheus, and what is shipped around it: the dashboard and the service files."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import MUSTER

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMTOOL = shutil.which("promtool") or str(ROOT / "build" / "tools" / "promtool")


def page(server):
    answer = server.request("GET", "/metrics")
    assert answer.status == 200 and answer.fields["content-type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def value(text, member):
    """Of one line of the page; nothing if it is not there."""
    found = re.search(rf"^{re.escape(member)} (\S+)$", text, re.M)
    return float(found[1]) if found else None


def test_it_needs_a_users_token(server):
    assert server.request("GET", "/metrics", token=False).status == 401
    agent = (server.data / "worker" / "agent.token").read_text().strip()
    assert server.request("GET", "/metrics", token=agent).status == 403


def test_it_counts_what_happened(worker_server):
    batch = worker_server.submit("echo said; test $MUSTER_TASK_INDEX -lt 9", shell="", array="1-10", cwd="/")["batch"]
    worker_server.wait(str(batch))
    worker_server.request("GET", "/batches/999")
    text = page(worker_server)
    assert value(text, 'muster_tasks{project="default",state="succeeded"}') == 8
    assert value(text, 'muster_tasks{project="default",state="failed"}') == 2
    assert value(text, 'muster_attempts_ended_total{outcome="succeeded",cause="none"}') == 8
    assert value(text, 'muster_attempts_ended_total{outcome="failed",cause="exit"}') == 2
    assert value(text, "muster_attempts_granted_total") == 10
    assert value(text, "muster_log_bytes_total") == 50
    assert value(text, 'muster_workers{state="online"}') == 1
    assert value(text, "muster_agent_connections") == 1
    assert value(text, 'muster_http_requests_total{method="POST",route="batches",status="2xx"}') == 1
    assert value(text, 'muster_http_requests_total{method="GET",route="batches/*",status="4xx"}') == 1
    assert value(text, "muster_commit_duration_seconds_count") >= 2
    assert value(text, "process_resident_memory_bytes") > 1e6
    # The phases of running tasks and the other states add up to all there are.
    states = re.findall(r'^muster_tasks\{project="default",state="\w+"\} (\d+)$', text, re.M)
    assert sum(map(int, states)) == 10


def test_promtool_has_nothing_to_say(worker_server):
    if not pathlib.Path(PROMTOOL).exists():
        pytest.skip("promtool is missing (./dev test --all fetches it)")
    batch = worker_server.submit("true", shell="", array="1-3", cwd="/")["batch"]
    worker_server.wait(str(batch))
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page(worker_server), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_metric_of_the_dashboard_is_on_the_page(server):
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "muster.json").read_text())
    families = set(re.findall(r"^# TYPE (\w+) ", page(server), re.M))
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked |= set(re.findall(r"\b(?:muster|process)_\w+", target["expr"]))
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert len(asked) >= 12 and asked <= families, asked - families


@pytest.mark.parametrize("unit", ["muster.service", "muster-agent.service"])
def test_the_service_files_are_sound(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing")
    text = (ROOT / "deploy" / "systemd" / unit).read_text()
    (tmp_path / unit).write_text(text.replace("/usr/local/bin/muster", str(MUSTER)))
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # What it starts is a command line of ours.
    words = re.search(r"^ExecStart=\S+ (.*)$", text, re.M)[1].split()
    options = set(subprocess.run([MUSTER, "help", words[0]], capture_output=True, text=True, check=True).stdout.split())
    assert {word for word in words if word.startswith("--")} <= options
