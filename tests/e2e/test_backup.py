"""Backups of a running server, what is made of them, and moving between SQLite and PostgreSQL.

A backup is compared row by row with what it was made of.
"""

import json
import os
import sqlite3
import subprocess

import pytest

from agent_support import Worker
from conftest import MUSTER
from postgres_support import MISSING, Postgres

JUMP = 1 << 20
if not MISSING and not os.path.exists(MUSTER + "-server"):
    MISSING = "muster-server is not built (libpq-dev is missing)"
needs_postgres = pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")


@pytest.fixture(scope="module")
def postgres():
    one = Postgres()
    yield one
    one.end()


def rows_of(path):
    """{table: its rows in some order}; the marks of starts and ends are left out."""
    found = {}
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.text_factory = bytes
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        table = table.decode()
        columns = [row[1].decode() for row in database.execute(f"PRAGMA table_info({table})")]
        wanted = ", ".join(column for column in columns if column not in ("incarnation", "closed_cleanly") or table != "meta")
        found[table] = sorted(database.execute(f"SELECT {wanted} FROM {table}"), key=repr)
    database.close()
    return found


def incarnations(server):
    lines = [json.loads(line) for line in (server.data / "server.log").read_text().splitlines()]
    return [int(line["incarnation"]) for line in lines if line["event"] == "server started"]


def test_a_backup_of_a_running_server_becomes_another_server(make_server, tmp_path):
    first = make_server(worker=True, slots=4)
    first.submit("true", array="1-300", name="before")
    file = tmp_path / "backup.db"
    told = first.run("backup", file)
    assert str(file) in told.stdout and "1 batches" in told.stdout
    assert "not in it" in told.stderr
    first.wait("1")
    # A second one under that name would replace the first.
    refused = first.run("backup", file, check=False)
    assert refused.returncode == 3 and "exists already" in refused.stderr
    first.end()

    second = make_server(start=False)
    second.run("restore", file)
    assert second.run("restore", file, check=False).returncode == 3
    second.start()
    # What the backup shows as running is held for its worker until somebody says that it is gone.
    for worker in second.get("/workers")["items"]:
        second.run("worker", "lost", worker["name"], "--yes")
    Worker(second, second.folder / "other").start(name="other", slots=4)
    second.wait("1", timeout_s=60)
    assert second.get("/batches/1")["counts"]["succeeded"] == 300
    assert incarnations(second)[0] > JUMP > incarnations(first)[-1]


def test_a_file_that_is_no_backup_is_refused(make_server, tmp_path):
    server = make_server(start=False)
    wrong = tmp_path / "wrong.db"
    wrong.write_text("this is no database" * 100)
    for words in (("restore", wrong), ("restore", tmp_path / "none.db")):
        refused = server.run(*words, check=False)
        assert refused.returncode in (2, 3) and not (server.data / "muster.db").exists(), refused
    assert server.run("backup", tmp_path / "x.db", check=False).returncode == 3
    assert server.run("migrate", check=False).returncode == 2
    assert server.run("migrate", "--to", "sqlite", check=False).returncode == 3


@needs_postgres
def test_to_postgresql_and_back_every_row_is_the_same(postgres, make_server, tmp_path):
    server = make_server(worker=True)
    server.submit("sh", "-c", "exit $MUSTER_TASK_INDEX", array="0-3", name="gr\u00f6\u00dfe \u2603")
    server.request("POST", "/batches", {"command": ["echo", "{}"], "items": [["a"], ["b"]]})
    server.wait("1")
    server.run("down")
    before = rows_of(server.data / "muster.db")
    assert before["tasks"] and before["events"] and before["tokens"]

    moved = server.run("migrate", "--to", postgres.url)
    assert "rows in all" in moved.stdout and not (server.data / "muster.db").exists()
    # Not twice into the same database.
    other = make_server(start=False)
    other.run("restore", server.data / "muster.db.migrated")
    again = other.run("migrate", "--to", postgres.url, check=False)
    assert again.returncode == 3 and "not empty" in again.stderr

    server.run("migrate", "--to", "sqlite")
    assert rows_of(server.data / "muster.db") == before

    # And the server goes on where it was.
    server.start()
    assert server.get("/batches/1")["counts"]["failed"] == 3


@needs_postgres
def test_a_backup_of_a_postgresql_server_is_restored_into_either_store(postgres, make_server, tmp_path):
    postgres.ask("SET client_min_messages = error; DROP SCHEMA IF EXISTS muster CASCADE")
    server = make_server(options=["--store", postgres.url])
    server.submit("true", array="1-5")
    file = tmp_path / "backup.db"
    server.run("backup", file, "--store", postgres.url)
    refused = server.run("restore", file, "--store", postgres.url, check=False)
    assert refused.returncode == 3
    server.terminate()

    plain = make_server(start=False)
    plain.run("restore", file)
    plain.start()
    assert sum(plain.get("/batches/1")["counts"].values()) == 5

    postgres.ask("SET client_min_messages = error; DROP SCHEMA muster CASCADE")
    shared = make_server(start=False)
    shared.run("restore", file, "--store", postgres.url)
    shared.start()
    assert sum(shared.get("/batches/1")["counts"].values()) == 5
    assert incarnations(shared)[0] > JUMP


@needs_postgres
def test_every_command_takes_the_folder_by_name(postgres, make_server, tmp_path):
    postgres.ask("SET client_min_messages = error; DROP SCHEMA IF EXISTS muster CASCADE")
    server = make_server()
    server.submit("true")
    server.terminate()

    def run(*words):
        return subprocess.run([MUSTER, *words], env=server.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=True).stdout

    assert "1 batches" in run("backup", tmp_path / "one.db", "--data", server.data)
    assert "1 batches" in run("restore", tmp_path / "one.db", "--data", tmp_path / "other")
    assert "1 batches" in run("migrate", "--to", postgres.url, "--data", tmp_path / "other")
