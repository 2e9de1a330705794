"""Sealed secrets: what a task gets, what a person sees, and that the value is nowhere else (T-34).

The canary is a random value. At the end every file of the data folder, every answer and output and the command line of every
process is searched for it: as it is, and in the encodings that something might have put it into.
"""

import base64
import hashlib
import json
import os
import pathlib
import secrets as chance
import urllib.parse

import pytest

from agent_support import Fifo, Worker, eventually, history
from cli_support import Terminal
from conftest import MUSTER, pids_in


def forms_of(value):
    """The value, and what it looks like in base64 (at each of three places), in hexadecimal and in a URL."""
    raw = value.encode()
    forms = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(value).encode()}
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw)
        inner = text[(before * 8 + 5) // 6 + 1:-4]
        forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


class Canary:
    def __init__(self):
        self.value = "canary-" + chance.token_urlsafe(24)
        self.forms = forms_of(self.value)
        self.seen = []

    def look(self, where, data):
        data = data if isinstance(data, bytes) else data.encode(errors="surrogateescape")
        self.seen += [(str(where), form) for form in self.forms if form in data]

    def look_through(self, folder):
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.look(path, path.read_bytes())

    def look_at_processes(self, folder):
        for pid in pids_in(folder):
            for name in ("cmdline", "environ"):
                self.look(f"{name} of {pid}", pathlib.Path(f"/proc/{pid}/{name}").read_bytes())


@pytest.fixture
def canary():
    one = Canary()
    yield one
    assert not one.seen


def say(value):
    """Shell text that says whether the variable PASSWORD has the value, without saying the value."""
    return "printf %s \"$PASSWORD\" | sha256sum | cut -c1-64", hashlib.sha256(value.encode()).hexdigest()


def log_of(server, task):
    return server.request("GET", "/logs", query={"selector": task, "stream": "stdout"}).body.decode()


def every_answer(server, batch):
    """What the API says of everything, secrets named."""
    paths = ["/status", "/batches", f"/batches/{batch}", "/tasks", f"/tasks/{batch}.1", f"/attempts?selector={batch}", f"/logs?selector={batch}.1",
             "/workers", "/events?limit=1000", "/users", "/tokens", "/projects", "/secrets", "/secrets/db", "/audit?limit=1000", "/audit/verify",
             "/limits", "/metrics", "/openapi.json"]
    for path in paths:
        answer = server.request("GET", path)
        assert answer.status == 200, answer
        yield path, answer.body


def restore_elsewhere(make_server, canary, server, backup):
    """Restored without the key it stays shut; with it, it opens."""
    text, digest = say(canary.value)
    other = make_server(start=False, name="restored", worker=True)
    other.run("restore", backup)
    other.start()
    assert "another server" in other.get("/secrets/db")["problem"] or "cannot be read" in other.get("/secrets/db")["problem"]
    other.kill()
    key = other.data / "secrets.key"
    key.write_bytes((server.data / "secrets.key").read_bytes())
    key.chmod(0o600)
    other.start()
    assert other.get("/secrets/db")["problem"] is None
    batch = other.submit(text, shell="", cwd="/", secrets={"PASSWORD": "db"})["batch"]
    other.wait(str(batch))
    assert log_of(other, f"{batch}.1") == digest + "\n"
    canary.look_through(other.folder)


def test_the_value_is_in_the_task_and_nowhere_else(make_server, canary, tmp_path):
    """secret create, submit --secret, show, retry, kills of server, agent and keeper, backup, restore: and never the value."""
    server = make_server(worker=True)
    worker = Worker(server)
    outputs = []

    def run(*words, stdin=None, code=0):
        done = server.run(*words, stdin=stdin, check=False)
        outputs.append((words, done.stdout + done.stderr))
        assert done.returncode == code, (words, done)
        return done.stdout

    made = server.run("secret", "create", "db", "--note", "of the archive", stdin=canary.value + "\n")
    outputs.append(("create", made.stdout + made.stderr))
    assert made.stdout == "made secret db\n" and "--secret db" in made.stderr
    assert oct((server.data / "secrets.key").stat().st_mode & 0o777) == "0o600"
    text, digest = say(canary.value)
    run("submit", "--secret", "db=PASSWORD", "--wait", "-q", "--", text)
    assert log_of(server, "1.1") == digest + "\n"

    # A task that waits in the keeper while everything around it is killed; the next one waits in its queue.
    told, gate = Fifo(tmp_path / "told"), Fifo(tmp_path / "gate")
    waiting = f"echo here > {told.path}; read line < {gate.path}; {text}"
    run("submit", "--secret", "db=PASSWORD", "--rerun", "never", "--array", "1-4", "-q", "--", waiting)
    run("submit", "--secret", "db=PASSWORD", "--slots", "2", "-q", "--", text)
    assert told.lines(2)
    canary.look_at_processes(server.data)
    server.kill()
    worker.kill_agent()
    server.start()
    worker.wait_connected()
    canary.look_at_processes(server.data)
    gate.open_gate(2)
    assert told.lines(2)
    gate.open_gate(2)
    server.wait("2", "3")
    assert [log_of(server, f"2.{index}") for index in range(1, 5)] == [digest + "\n"] * 4
    assert log_of(server, "3.1") == digest + "\n"

    # A keeper that dies takes its tasks with it; the value comes again with the next grant.
    run("submit", "--secret", "db=PASSWORD", "-q", "--", waiting)
    told.line()
    worker.kill_keeper()
    told.line()
    gate.open_gate()
    server.wait("4")
    assert log_of(server, "4.1") == digest + "\n"

    for words in (["batch", "show", "1"], ["task", "show", "1.1"], ["task", "show", "1.1", "--json"], ["secret", "list"], ["secret", "show", "db"],
                  ["secret", "list", "--json"], ["audit", "list", "-o", "wide"], ["event", "list"], ["logs", "1"], ["status"]):
        run(*words)
    for path, body in every_answer(server, 1):
        canary.look(path, body)
    run("secret", "create", "db", stdin=canary.value, code=3)
    run("secret", "create", "no/name", stdin=canary.value, code=2)
    run("backup", tmp_path / "backup.db")
    canary.look("backup", (tmp_path / "backup.db").read_bytes())
    for where, output in outputs:
        canary.look(where, output)
    canary.look_through(server.data)
    server.terminate()
    canary.look_through(server.folder)
    restore_elsewhere(make_server, canary, server, tmp_path / "backup.db")


def test_no_core_dump_holds_it(worker_server):
    """Server and agent write no core; the keeper cannot be looked into; a task may dump as its owner wants."""
    worker = Worker(worker_server)

    def soft(pid):
        line = next(line for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core"))
        return line.split()[4]

    wanted = soft(os.getpid())
    assert soft(worker_server.process.pid) == "0" and soft(worker.agent()) == "0"
    batch = worker_server.submit("ulimit -c", shell="", cwd="/")["batch"]
    worker_server.wait(str(batch))
    assert log_of(worker_server, f"{batch}.1").strip() == wanted
    assert soft(worker.keeper()) == wanted
    # What is not dumpable belongs to root, whoever runs it; as root the two look alike, so the kernel is asked.
    assert "CapEff" in pathlib.Path(f"/proc/{worker.keeper()}/status").read_text()


def test_a_secret_that_is_not_there(worker_server):
    """Unknown at the submit: refused at once. Deleted later: the task fails to launch and says so; made again, a retry runs it."""
    refused = worker_server.run("submit", "--secret", "nosuch", "--", "true", check=False)
    assert refused.returncode == 3 and "no secret \"nosuch\"" in refused.stderr and "[E202]" in refused.stderr
    worker_server.run("secret", "create", "db", stdin="open sesame")
    worker_server.run("submit", "--secret", "db", "--hold", "-q", "--", "test \"$DB\" = 'open sesame'")
    worker_server.run("secret", "delete", "db", "--yes")
    worker_server.run("release", "1")
    worker_server.wait("1", timeout_s=60)
    shown = worker_server.get("/tasks/1.1")
    assert (shown["state"], shown["cause"]) == ("failed", "launch")
    assert "no secret db" in shown["message"] and "muster secret create" in shown["message"]
    assert {cause for _, _, cause in history(worker_server, "1.1")} <= {"launch", None}
    worker_server.run("secret", "create", "db", stdin="open sesame")
    worker_server.run("retry", "1.1")
    worker_server.wait("1")
    assert worker_server.get("/tasks/1.1")["state"] == "succeeded"


def test_a_new_value_counts_for_what_starts_after_it(worker_server, tmp_path):
    """secret set with --from and --note; the value of a file without its last newline."""
    worker_server.run("secret", "create", "two.words", stdin="first")
    value = tmp_path / "value"
    value.write_text("second\nline\n")
    worker_server.run("secret", "set", "two.words", "--from", value)
    worker_server.run("secret", "set", "two.words", "--note", "for the archive")
    shown = json.loads(worker_server.run("secret", "show", "two.words", "-o", "json").stdout)
    assert shown["note"] == "for the archive" and shown["problem"] is None and "value" not in shown
    worker_server.run("submit", "--secret", "two.words", "--wait", "-q", "--", "printf '[%s]' \"$TWO_WORDS\"")
    assert log_of(worker_server, "1.1") == "[second\nline]"
    assert worker_server.get("/batches/1")["template"]["secrets"] == {"TWO_WORDS": "two.words"}


def test_secrets_of_a_project(server):
    """secret list show create set delete, with --note --from --yes --dry-run; another project's are not there."""
    def run(*words, **options):
        return server.run(*words, check=False, **options)

    assert run("project", "create", "atlas").returncode == 0
    assert run("secret", "create", "db", "--dry-run", stdin="x").stdout == "would have made secret db\n"
    assert not (server.data / "secrets.key").exists()
    assert run("secret", "create", "db", "--project", "atlas", "--from", "-", stdin="of atlas").returncode == 0
    assert run("secret", "list", "-q").stdout == ""
    assert run("secret", "list", "-q", "--project", "atlas").stdout == "db\n"
    missing = run("secret", "show", "db")
    assert missing.returncode == 3 and "muster secret list" in missing.stderr
    assert run("submit", "--secret", "db", "--", "true").returncode == 3
    assert run("secret", "create", "empty", stdin="").returncode == 2
    assert run("secret", "create", "nul", stdin="a\0b").returncode == 2
    assert run("secret", "create", "large", stdin="x" * 16385).returncode == 2
    assert run("secret", "create", "large", stdin="x" * 16384 + "\n").returncode == 0
    assert run("secret", "create", "file", "--from", "/nosuch").returncode == 3
    assert run("secret", "set", "nosuch", stdin="x").returncode == 3
    assert run("project", "delete", "atlas", "--yes").returncode == 3
    asked = run("secret", "delete", "db", "--project", "atlas")
    assert asked.returncode == 6 and "fail to start" in asked.stderr
    assert run("secret", "delete", "db", "--project", "atlas", "--dry-run").stdout == "would have deleted secret db\n"
    assert run("secret", "delete", "db", "--project", "atlas", "--yes").stdout == "deleted secret db\n"
    assert run("project", "delete", "atlas", "--yes").returncode == 0
    for words, members in (({"X=1": "large"}, {}), ({"MUSTER_X": "large"}, {}), ({"": "large"}, {}), ({"X": "large"}, {"env": {"X": "1"}})):
        answer = server.request("POST", "/batches", {"command": ["true"], "secrets": words, **members})
        assert answer.code() == "E203", answer
    assert run("submit", "--secret", "large=", "--", "true").returncode == 2
    assert run("submit", "--secret", "large", "--secret", "large", "--", "true").returncode == 2


def test_a_value_is_typed_unseen(server):
    session = Terminal([MUSTER, "secret", "create", "typed", "--data", str(server.data)], 80, server.environment(), server.home)
    try:
        session.read_until("not shown")
        session.type("open sesame\n")
        done = session.finish()
    finally:
        session.close()
    assert done.code == 0 and "made secret typed" in done.out and "sesame" not in done.out


def test_a_key_that_others_may_read_is_not_used(server):
    server.run("secret", "create", "db", stdin="x")
    server.kill()
    (server.data / "secrets.key").chmod(0o644)
    server.start()
    assert "others may read" in server.get("/secrets/db")["problem"]
    refused = server.run("secret", "create", "other", stdin="x", check=False)
    assert refused.returncode == 3 and "chmod 600" in refused.stderr
    (server.data / "secrets.key").chmod(0o600)
    eventually(lambda: server.get("/secrets/db")["problem"] is None)
