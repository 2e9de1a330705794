"""`muster agent --run-as USER`: tasks of a root agent run as another user, who gets at nothing of the agent's."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from agent_support import Worker, eventually, process_ended, shell
from conftest import MUSTER, Server, pids_in

USER = "nobody"
folder_owners = {}  # agents of a folder, to be waited for at its end


def line_of(name):
    for line in pathlib.Path("/etc/passwd").read_text().splitlines():
        if line.split(":")[0] == name:
            return line.split(":")
    return None


pytestmark = pytest.mark.skipif(os.geteuid() != 0 or line_of(USER) is None, reason="only root can become another user")


@pytest.fixture
def open_folder():
    """A folder that another user can come to; those of pytest are closed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-run-as-"))
    folder.chmod(0o711)
    yield folder
    while pids := pids_in(folder):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in folder_owners.pop(folder, []):
            process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def as_user(server, name):
    """run(words) of the command line with a token of this user, who may submit; made if missing."""
    server.run("user", "create", name, "--role", "submitter", "--in", "default")
    token = server.folder / f"{name}.token"
    token.write_text(server.run("token", "create", "--user", name).stdout)
    token.chmod(0o600)
    return lambda *words: server.run(words[0], "--token-file", token, *words[1:], check=False)


def agent(*words):
    return subprocess.run([MUSTER, "agent", "--url-file", "/nowhere", *map(str, words)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)


def test_tasks_run_as_the_user_and_see_nothing_of_the_agents(server, open_folder):
    folder = open_folder / "worker"
    worker = Worker(server, folder)
    folder_owners[open_folder] = [worker.start("--run-as", USER)]
    assert eventually(lambda: worker.row() and worker.row()["connected"])
    _, _, uid, gid, _, home, _ = line_of(USER)
    batch = shell(server, "id -u; id -g; id -ur; echo $HOME $USER; touch $TEMP/mine here && stat -c %u here; "
                          f"echo again > /dev/stdout; cat {folder}/spool_id {folder}/agent.log; ls {folder} {folder}/keepers; "
                          "grep -E 'Cap(Eff|Prm|Inh|Amb)' /proc/self/status; kill -0 $PPID", cwd="none")
    answer = server.wait(str(batch))
    log = server.request("GET", "/logs", query={"selector": f"{batch}.1"}).body.decode()
    assert answer["counts"]["failed"] + answer["counts"]["succeeded"] == 1, log
    lines = log.splitlines()
    assert lines[:5] == [uid, gid, uid, f"{home} {USER}", uid], log
    assert "again" in lines
    assert log.count("ermission denied") >= 3 and "not permitted" in log, log
    assert all(set(line.split()[1]) == {"0"} for line in lines if line.startswith("Cap")), log
    # What a task was before it became the program is gone with it: its group of processes can be stopped as ever.
    batch = shell(server, "sleep 600", cwd="none")
    eventually(lambda: server.get(f"/batches/{batch}")["counts"]["executing"] == 1)
    server.run("cancel", str(batch))
    server.wait(str(batch))


def test_what_cannot_be_is_refused(tmp_path, open_folder):
    done = agent("--folder", open_folder / "w", "--run-as", "nobody-of-that-name")
    assert done.returncode == 2 and "no user" in done.stderr, done
    assert agent("--folder", open_folder / "w", "--run-as", "root").returncode == 2
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    done = agent("--folder", closed / "w", "--run-as", USER)
    assert done.returncode == 2 and "does not let them through" in done.stderr and "chmod o+x" in done.stderr, done
    # While keepers of another user are there, the folder stays with that user.
    kept = open_folder / "kept"
    (kept / "keepers" / "1").mkdir(parents=True)
    done = agent("--folder", kept, "--run-as", USER)
    assert done.returncode == 3 and "own user" in done.stderr, done


def test_a_joined_worker_keeps_whom_its_tasks_run_as(make_server, open_folder):
    """join --run-as"""
    server = make_server(listen="0.0.0.0:0")
    key = json.loads(server.run("invite", "--json").stdout)["key"]
    folder = open_folder / "worker"
    worker = Worker(server, folder)
    words = [MUSTER, "join", "--folder", folder, "-d"]
    uid = line_of(USER)[2]

    def who():
        batch = shell(server, "id -u", cwd="none")
        server.wait(batch)
        return server.run("logs", f"{batch}.1").stdout.strip()

    for more in ([server.url, "--key", key, "--run-as", USER], []):
        subprocess.run([*words, *more], env=server.environment(), check=True, timeout=60, stdin=subprocess.DEVNULL)
        eventually(lambda: worker.row() and worker.row()["connected"])
        assert who() == uid
        ended = worker.kill_agent(signal.SIGTERM)
        eventually(lambda: process_ended(ended))
    # Nor is it forgotten by the agent of a service, which joins nothing.
    folder_owners[open_folder] = [worker.start(url=(folder / "server.url").read_text().strip(), token=folder / "agent.token")]
    eventually(lambda: worker.lock_owner() == folder_owners[open_folder][0].pid)
    assert who() == uid


def test_a_root_agent_serves_one_user_and_says_so(worker_server, open_folder):
    server = worker_server
    ada = as_user(server, "ada")
    eventually(lambda: any(row["connected"] for row in server.get("/workers")["items"]))
    refused = ada("submit", "--cwd", "none", "--", "id", "-u")
    assert refused.returncode == 5 and "are root's, so it serves root alone" in refused.stderr, refused
    assert "--run-as USER" in refused.stderr, refused
    # Nor does she get there by a batch of the one whom it serves.
    server.run("submit", "--batch", "mine", "--cwd", "none", "--", "true")
    added = ada("submit", "--batch", "mine", "--cwd", "none", "--", "id", "-u")
    assert added.returncode == 4 and "belongs to root" in added.stderr, added
    # A worker that runs tasks as somebody else takes hers; those of root go on at the first, too.
    worker = Worker(server, open_folder / "worker")
    folder_owners[open_folder] = [worker.start("--run-as", USER, "--name", "second")]

    def is_connected():
        return [row["connected"] for row in server.get("/workers")["items"] if row["name"] == "second"] == [True]
    eventually(is_connected)
    done = ada("submit", "--wait", "--cwd", "none", "--array", "1-4", "--", "id", "-u")
    assert done.returncode == 0, done
    assert server.run("logs", "last").stdout.split() == [line_of(USER)[2]] * 4
    # Left without it, a task says why it waits, and that nothing there can ever run it.
    server.run("worker", "drain", "second")
    assert ada("submit", "--cwd", "none", "--", "id", "-u").returncode == 0
    os.kill(worker.agent(), signal.SIGINT)
    eventually(lambda: not is_connected())
    server.run("worker", "remove", "second", "--yes")
    why = ada("explain")
    assert why.returncode == 5 and "are root's, so it serves root alone" in why.stdout, why
    assert "muster up --run-as USER" in why.stdout, why
    assert "its tasks are root's" in ada("explain", "last.1").stdout


def test_the_servers_own_worker_runs_tasks_as_the_user(open_folder):
    """up --run-as, in the foreground and with -d"""
    server = Server(open_folder / "server", worker=True, slots=1)
    (open_folder / "server").chmod(0o711)
    try:
        assert server.run("up", "--run-as", "nobody-of-that-name", check=False).returncode == 2
        server.start("--run-as", USER)
        ada = as_user(server, "ada")
        done = ada("submit", "--wait", "--cwd", "none", "--",
                   f"exec 2>&1; id -u; cat {server.data}/muster.db {server.data}/admin.token; ls {server.data} {server.data}/logs")
        log = server.run("logs", "last").stdout
        assert log.splitlines()[0] == line_of(USER)[2], (done, log)
        assert log.count("ermission denied") == 4, log
        server.run("down")
        server.process.wait()
        started = server.run("up", "-d", "--listen", "127.0.0.1:0", "--slots", "1", "--run-as", USER)
        assert " ready at " in started.stdout, started
        assert ada("submit", "--wait", "--cwd", "none", "--", "id", "-u").returncode == 0
        assert server.run("logs", "last").stdout.strip() == line_of(USER)[2]
        # A worker that goes on is not taken for one of another user.
        server.run("down", "--keep-running")
        other = server.run("up", "-d", "--listen", "127.0.0.1:0", check=False)
        assert other.returncode == 3 and f"runs tasks as {USER}" in other.stderr, other
    finally:
        server.end()
