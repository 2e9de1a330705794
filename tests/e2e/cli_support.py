"""For the tests of the command line: runs `muster` with pipes or on a terminal, plays a server, compares with golden files.

MUSTER_UPDATE_GOLDEN=1 writes the golden files instead of comparing; the difference is then reviewed like code.
"""

import contextlib
import datetime
import difflib
import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import urllib.parse

import api_check

MUSTER = os.path.abspath(os.environ.get("MUSTER", "build/muster"))
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "cli"
TOKEN = "mst_admin_1_" + "0" * 64 + "_deadbeef"


# ---- running ---------------------------------------------------------------------------------------------------------


def clean_environment(home, **more):
    """Nothing of the caller's, so that a user's own server is never talked to."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    kept.update(HOME=str(home), LC_ALL="C.UTF-8", TERM="xterm-256color")
    kept.update({name: str(value) for name, value in more.items() if value is not None})
    return kept


class Result:
    def __init__(self, code, out, err=""):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Client:
    """Runs the command line against one server; `home` is where nothing is yet."""

    def __init__(self, home, **environment):
        self.home = pathlib.Path(home)
        self.environment = environment

    def env(self, more=None):
        return clean_environment(self.home, **{**self.environment, **(more or {})})

    def __call__(self, *words, stdin=None, env=None, timeout=60, cwd=None, text=True):
        """Standard input is /dev/null unless text or bytes are given; both outputs are pipes."""
        data = stdin if stdin is None or isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run([MUSTER, *map(str, words)], input=data, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env(env), timeout=timeout,
                              cwd=cwd or self.home, check=False)
        if not text:
            return Result(done.returncode, done.stdout, done.stderr)
        return Result(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape"))

    def start(self, *words, env=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([MUSTER, *map(str, words)], env=self.env(env), cwd=self.home, **options)

    def terminal(self, *words, width=80, env=None, answer=None, timeout=60, cwd=None):
        """Everything on one terminal of so many columns; `answer` is typed at the first `[y/N]`."""
        session = Terminal([MUSTER, *map(str, words)], width, self.env(env), cwd or self.home)
        try:
            if answer is not None:
                session.read_until("[y/N] ", timeout)
                session.type(answer)
            return session.finish(timeout)
        finally:
            session.close()


class Terminal:
    """A process whose standard input, output and error are a pseudo-terminal."""

    def __init__(self, command, width, environment, cwd):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=cwd,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.output = b""

    def _read(self, timeout):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other end is closed
            return False
        self.output += data
        return bool(data)

    def read_until(self, text, timeout=60):
        deadline = time.monotonic() + timeout
        while text.encode() not in self.output:
            assert time.monotonic() < deadline and self.process.poll() is None or self._read(0.1), self.output.decode(errors="replace")
            self._read(0.1)

    def type(self, text):
        os.write(self.master, text.encode())

    def finish(self, timeout=60):
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "still running: " + self.output.decode(errors="replace")
            self._read(0.05)
        while self._read(0):
            pass
        return Result(self.process.returncode, self.output.decode(errors="replace").replace("\r\n", "\n"))

    def close(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)


def lines_until(stream, wanted, timeout=60):
    """Reads lines of a pipe until one holds `wanted`; returns all of them."""
    seen = []
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not select.select([stream], [], [], 0.2)[0]:
            continue
        line = stream.readline().decode(errors="replace")
        seen.append(line)
        if wanted in line:
            return seen
        assert line, f"the output ended without {wanted!r}: {seen}"
    raise AssertionError(f"{wanted!r} did not come: {seen}")


# ---- golden files ----------------------------------------------------------------------------------------------------


def normalised(text, **replacements):
    """What differs from run to run gets a name: ports, folders, and whatever is passed as NAME=text."""
    for name, value in sorted(replacements.items(), key=lambda item: -len(str(item[1]))):
        text = text.replace(str(value), f"<{name}>")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME", text)


def golden(name, text):
    path = GOLDEN / name
    if os.environ.get("MUSTER_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    assert path.exists(), f"there is no golden file {name}; write it with MUSTER_UPDATE_GOLDEN=1"
    wanted = path.read_text()
    difference = "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), name, "now", lineterm=""))
    assert text == wanted, difference or "only the ends of lines differ"


# ---- a server of cardboard -------------------------------------------------------------------------------------------


class FakeServer:
    """Answers what it is told: `routes[("GET", "/status")]` is a document, bytes, or a function of the request.

    For what the real server cannot be made to say at will: hostile names, broken answers, silence, exact documents.
    """

    def __init__(self):
        self.routes = {}
        self.requests, self.mistakes = [], []  # mistakes: what was asked otherwise than /openapi.json says
        self.connections = set()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                fake.connections.add(self.connection)

            def finish(self):
                fake.connections.discard(self.connection)
                super().finish()

            def body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    parts = []
                    while size := int(self.rfile.readline().strip() or b"0", 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))

            def respond(self):
                url = urllib.parse.urlsplit(self.path)
                self.query = urllib.parse.parse_qs(url.query)
                path = url.path.removeprefix("/api/v1")
                answer = fake.routes.get((self.command, path))
                if getattr(answer, "reads_no_body", False):
                    self.content = b""
                else:
                    self.content = self.body()
                fake.note(self.command, self.path, dict(self.headers), self.content)
                if callable(answer):
                    answer = answer(self)
                if answer is None:
                    answer = problem(404, "E202", f"nothing at {path}", "")
                if answer is False:  # say nothing more: the connection ends
                    self.close_connection = True
                    return
                status, content_type, fields, data = answer if isinstance(answer, tuple) else (200, "application/json", {}, answer)
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = respond

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # clients of these tests are killed in the middle of things

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def note(self, method, path, fields, content):
        self.requests.append((method, path, fields, content))
        self.mistakes += api_check.request_mistakes(MUSTER, method, path, content)

    def close(self):
        """Like a process that is killed: the listener and every connection are gone."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def sent(self, method, path):
        """Bodies sent there, as JSON where they are."""
        found = []
        for verb, target, _, content in self.requests:
            if verb == method and urllib.parse.urlsplit(target).path == "/api/v1" + path:
                found.append(json.loads(content) if content.startswith(b"{") and b"\n" not in content else content)
        return found


def problem(status, code, detail, following):
    body = {"type": "about:blank", "title": "t", "status": status, "code": code, "detail": detail, "next": following or None}
    return status, "application/problem+json", {}, body


@contextlib.contextmanager
def fake_server(home):
    """A FakeServer and a Client that finds it."""
    server = FakeServer()
    try:
        yield server, Client(home, MUSTER_URL=server.url, MUSTER_TOKEN=TOKEN)
        assert not server.mistakes
    finally:
        server.close()


# ---- documents as in the API -----------------------------------------------------------------------------------------


def ago(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


LONG_AGO = 2 * 86400 + 3 * 3600 + 1800  # shown as 2d03h for half an hour to come


def counts(**given):
    names = ("waiting", "held", "ready", "running", "executing", "stopping", "succeeded", "failed", "cancelled")
    return {name: given.get(name, 0) for name in names}


def batch(number=42, **given):
    document = {"id": number, "name": "align", "project": "default", "owner": "ana", "state": "running", "held": False,
                "closed": False, "priority": 0, "max_running": 0, "tasks": 200,
                "counts": counts(running=4, executing=4, succeeded=120, failed=3, ready=73),
                "created": ago(LONG_AGO), "started": ago(LONG_AGO), "ended": None, "reason": None, "why": None,
                "command": "./align --in {fastq} --out {sample}.bam"}
    return {**document, **given}


def task(index=17, **given):
    document = {"id": f"42.{index}", "batch": 42, "index": index, "number": f"T{100000 + index}", "name": "align",
                "command": f"./align --in sample{index}.fq", "state": "succeeded", "phase": None, "reason": None, "attempts": 1,
                "worker": "nimbus", "exit_code": 0, "signal": None, "cause": None, "message": None, "created": ago(LONG_AGO),
                "granted": ago(LONG_AGO), "started": ago(LONG_AGO), "ended": ago(LONG_AGO), "wall_s": 4.25, "user_s": 3.5,
                "system_s": 0.25, "peak_memory_mb": 512.5, "read_bytes": 1048576, "written_bytes": 2048,
                "resources": {"slots": 1, "gpus": 0, "cpus": 4, "mem_mb": 8192, "disk_mb": 0}, "time_limit_s": 3600, "retries": 2,
                "not_before": None}
    return {**document, **given}


def attempt(number=1, **given):
    document = {"id": f"42.17#{number}", "task": "42.17", "attempt": number, "state": "succeeded", "worker": "nimbus", "exit_code": 0,
                "signal": None, "cause": None, "message": None, "granted": ago(LONG_AGO), "started": ago(LONG_AGO),
                "ended": ago(LONG_AGO), "wall_s": 4.25, "user_s": 3.5, "system_s": 0.25, "peak_memory_mb": 512.5,
                "read_bytes": 1048576, "written_bytes": 2048, "stdout_bytes": 1234, "stderr_bytes": 0, "log_cut": False}
    return {**document, **given}


def worker(number=1, **given):
    document = {"id": number, "name": "nimbus", "state": "online", "connected": True, "host": "nimbus.lab", "version": "0.1.0",
                "slots": {"enabled": 16, "busy": 4, "gpu_enabled": 0, "gpu_busy": 0}, "cpus": 16, "mem_mb": 64000, "disk_mb": 900000,
                "in_use": {"slots": 4, "gpus": 0, "cpus": 16, "mem_mb": 32768, "disk_mb": 0}, "gpus": [], "assigned": 6, "executing": 4,
                "last_seen": ago(LONG_AGO), "boot_id": "5c1a6c2e"}
    return {**document, **given}


def listing(schema, *items, following=None):
    return {"schema": schema, "items": list(items), "next": following}


def status(**given):
    document = {"schema": "muster.status/1", "version": "0.1.0", "started": ago(LONG_AGO), "url": "http://127.0.0.1:7420",
                "data": "/home/ana/.local/share/muster", "store": "sqlite", "disk": "plenty",
                "counts": counts(running=4, executing=4, succeeded=120, failed=3, ready=73), "batches": [batch()], "batches_live": 1,
                "workers": {"online": 1, "total": 1, "slots": 16, "busy": 4}, "incarnation": 3,
                "recent": [], "attention": [need("failed", "bad", "3 tasks of 42 align failed", "muster task list 42 --state failed", batch=42)]}
    return {**document, **given}


def need(kind, severity, text, following, batch=None, worker=None):
    return {"kind": kind, "severity": severity, "batch": batch, "worker": worker, "text": text, "next": following}


def waited(done, **given):
    numbers = counts(**given)
    total = sum(value for name, value in numbers.items() if name not in ("executing", "stopping"))
    return {"schema": "muster.wait/1", "done": done, "tasks": total, "counts": numbers, "executing": numbers["executing"]}


def submitted(**given):
    document = {"schema": "muster.submitted/1", "batch": 42, "name": "align", "first": 1, "last": 200, "count": 200,
                "first_number": 100001, "replayed": False}
    return {**document, **given}


def changed(count, skipped=0, batches=(42,)):
    return {"schema": "muster.changed/1", "count": count, "skipped": skipped, "batches": list(batches)}
