"""A PostgreSQL of the tests' own, in a temporary folder on a Unix socket; never a service of the system.

As root it runs as the user `postgres`, who owns the folder.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
MISSING = "" if PROGRAMS else "PostgreSQL is not installed (./dev test --all installs it)"


class Postgres:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-pg-"))
        self.bin = PROGRAMS[-1].parent
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    @property
    def data(self):
        return self.folder / "data"

    @property
    def url(self):
        return f"postgres://postgres@{urllib.parse.quote(str(self.folder), safe='')}/postgres"

    def run(self, program, *words):
        before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*before, self.bin / program, *map(str, words)], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, timeout=60)

    def start(self):
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=50"
        self.run("pg_ctl", "-D", self.data, "-w", "-o", options, "-l", self.folder / "log", "start")

    def crash(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def kill(self):
        """kill -9 of all its processes, the first one first."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        others = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in [first, *map(int, others)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while any(os.path.exists(f"/proc/{pid}") for pid in [first, *others]):
            time.sleep(0.01)  # the pace of looking

    def ask(self, sql):
        done = subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "postgres", "-Atqc", sql, "postgres"], check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    def end(self):
        try:
            self.crash()
        except subprocess.CalledProcessError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)
