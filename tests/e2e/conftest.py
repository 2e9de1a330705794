"""A real server in a temporary folder for every test that asks for one: `make_server()`, `server` (no worker), `worker_server`.

Ready means that its first line was read from a pipe. At the end everything that works in the folder is ended by its pid, and when
the test failed, the logs are shown.
"""

import http.client
import json
import os
import pathlib
import select
import signal
import ssl
import subprocess
import time
import urllib.parse

import pytest

import api_check

MUSTER = os.path.abspath(os.environ.get("MUSTER", "build/muster"))
READY_S = 30
END_S = 30


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.fields = {name.lower(): value for name, value in response.getheaders()}

    def json(self):
        return json.loads(self.body)

    def code(self):
        """The code of an error answer."""
        assert self.fields["content-type"] == "application/problem+json", self
        return self.json()["code"]

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:2000]!r}"


def pids_in(folder):
    """Processes of ours whose command line names something in the folder: {pid: words}."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if int(entry) != os.getpid() and os.path.basename(words[0]) in ("muster", "muster-server") and any(str(folder) in word for word in words):
            found[int(entry)] = words
    return found


def end_processes_of(folder, child=None):
    """Ends them by pid; `child`: one that is reaped meanwhile."""
    for attempt in range(40):
        pids = pids_in(folder)
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if child:
            child.poll()
        time.sleep(0.01 if attempt < 20 else 0.1)  # the pace of looking again


class Server:
    """One data folder and whatever runs on it."""

    def __init__(self, folder, worker=False, slots=2, listen="127.0.0.1:0", options=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.home = self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.listen = listen
        self.options = [*(["--slots", str(slots)] if worker else ["--no-worker"]), *options]
        self.process = None
        self.output = b""
        self.url = ""

    def environment(self):
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        for name in ("DATA", "CONFIG", "STATE", "CACHE"):
            kept[f"XDG_{name}_HOME"] = str(self.home / name.lower())
        return kept

    def run(self, *words, stdin=None, timeout=60, check=True):
        """`muster WORDS` against this folder; its result."""
        at = words.index("--") if "--" in words else len(words)
        words = [*map(str, words[:at]), "--data", str(self.data), *map(str, words[at:])]
        done = subprocess.run([MUSTER, *words], input=stdin, capture_output=True, text=True,
                              env=self.environment(), timeout=timeout, check=False,
                              **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        assert not check or done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done

    def start(self, *options, expect_ready=True):
        """Runs `muster up` in the foreground; returns when its first line was read, or (expect_ready=False) when it ended."""
        self.output = b""
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(
                [MUSTER, "up", "--data", str(self.data), "--listen", self.listen, *self.options, *options], env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=self.folder, start_new_session=True)
        line = self._first_line()
        if not expect_ready:
            assert self.process.wait(END_S) != 0, line
            return self
        assert " ready at " in line, (line, self.stderr())
        self.url = line.split(" ready at ")[1].split()[0]
        return self

    def _first_line(self):
        deadline = time.monotonic() + READY_S
        stream = self.process.stdout.fileno()
        while b"\n" not in self.output:
            left = deadline - time.monotonic()
            assert left > 0, f"no first line within {READY_S} s: {self.stderr()}"
            if select.select([stream], [], [], left)[0]:
                piece = os.read(stream, 4096)
                if not piece:
                    break
                self.output += piece
        return self.output.decode(errors="replace")

    def stderr(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def kill(self):
        """kill -9 of the server alone."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def terminate(self):
        """SIGTERM: the server ends, tasks and worker go on. Its exit code."""
        self.process.terminate()
        code = self.process.wait(END_S)
        self.process.stdout.close()
        return code

    def end(self):
        """Everything of its data folder; workers that a test put beside it live on."""
        end_processes_of(self.data, self.process)
        if self.process:
            self.process.wait()
            self.process.stdout.close()

    # ---- HTTP

    @property
    def token(self):
        return (self.data / "admin.token").read_text().strip()

    @property
    def address(self):
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname, parts.port

    def connect(self, timeout=60):
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection(*self.address, timeout=timeout, context=ssl._create_unverified_context())
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def request(self, method, path, body=None, token=True, fields=None, connection=None, query=None):
        """One request below /api/v1; `body` is JSON unless it is bytes; token True: the admin's, False: none."""
        target = path if path.startswith(("/api", "/healthz", "/readyz", "/metrics", "/openapi")) else "/api/v1" + path
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True)
        sent = dict(fields or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if method in ("POST", "PATCH", "PUT") and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        if token:
            sent["Authorization"] = f"Bearer {self.token if token is True else token}"
        own = connection or self.connect()
        try:
            own.request(method, target, body=body, headers=sent)
            response = own.getresponse()
            answer = Answer(response, response.read())
        finally:
            if connection is None:
                own.close()
        api_check.check(MUSTER, method, target, body, answer.status, answer.fields.get("content-type"), answer.body)
        return answer

    def get(self, path, **query):
        answer = self.request("GET", path, query=query)
        assert answer.status == 200, answer
        return answer.json()

    def submit(self, *command, **members):
        answer = self.request("POST", "/batches", {"command": list(command), **members})
        assert answer.status == 201, answer
        return answer.json()

    def wait(self, *selectors, timeout_s=30):
        answer = self.get("/wait", selector=list(selectors), timeout_s=timeout_s)
        assert answer["done"], answer
        return answer

    def logs(self):
        """What there is to read when a test failed."""
        parts = []
        for path in (self.folder / "stderr", self.data / "server.log", self.data / "worker" / "agent.log"):
            if path.exists():
                parts.append(f"---- {path.name}\n" + path.read_text(errors="replace")[-20000:])
        return "\n".join(parts)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for server in getattr(item, "muster_servers", []):
            report.sections.append(("Captured log of the server in " + str(server.data), server.logs()))


@pytest.fixture
def make_server(tmp_path, request):
    """make_server(worker=False, slots=2, start=True, …) -> a started Server; all are ended after the test."""
    servers = request.node.muster_servers = []

    def make(start=True, name=None, **options):
        server = Server(tmp_path / (name or f"server-{len(servers) + 1}"), **options)
        servers.append(server)
        return server.start() if start else server

    yield make
    for server in servers:
        server.end()
    end_processes_of(tmp_path)


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def worker_server(make_server):
    return make_server(worker=True)
