"""T-32: what people and workers give cannot drive a terminal: escapes, OSC 52, carriage returns, bidi and NUL are shown, never sent.

Everything that prints is run on a terminal of its own and into a pipe; the server's and the agent's logs are read, too.
"""

import os
import pty
import select
import subprocess
import unicodedata

import pytest

from conftest import MUSTER
from hostile_agent import HostileAgent

EVIL = "a\x1b]52;c;ZWNobw==\x07b\x1b[2J\rc\u202ed\u2066e\x9bf\x7f"
OF_TERMINALS = {"\n", "\t", "\r"}


def on_terminal(server, *words):
    """What the command sends to a terminal, stdout and stderr."""
    ours, theirs = pty.openpty()
    environment = server.environment() | {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200"}
    process = subprocess.Popen([MUSTER, *words, "--data", server.data], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
                               start_new_session=True)
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    process.wait(30)
    return text.decode(errors="surrogateescape")


def drives(text, allowed):
    """What of the text a terminal would act on."""
    return sorted({repr(c) for c in text if c not in allowed and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")})


@pytest.fixture
def evil_server(make_server):
    """Where people have put such texts wherever they may."""
    server = make_server(worker=True)
    assert server.request("POST", "/projects", {"name": "atlas", "note": EVIL}).status == 201
    assert server.request("POST", "/tokens", {"note": EVIL}).status == 201
    command = ["sh", "-c", 'printf "%s\\0%s\\n" "$1" "$X"; printf "%s\\n" "$1" >&2; exit 3', "sh", EVIL]
    assert server.request("POST", "/batches", {"command": command, "env": {"X": EVIL}, "cwd": "none"}).status == 201
    assert server.request("POST", "/batches", {"command": ["/nowhere/" + EVIL], "cwd": "/nowhere/" + EVIL}).status == 201
    server.wait("1", "2")
    assert server.request("POST", "/batches", {"command": ["true"], "cwd": "none", "held": True}).status == 201
    assert server.request("POST", "/hold", {"selectors": ["3"], "reason": EVIL}).status == 200
    token = (server.data / "worker" / "agent.token").read_text().strip()
    with_name = HostileAgent(server, token).hello(name="w" + EVIL, slots=0).welcome()
    yield server
    with_name.close()


PRINTED = [("batch", "list", "-o", "wide"), ("batch", "show", "1"), ("batch", "show", "3"), ("task", "list", "1", "-o", "wide"),
           ("task", "show", "1.1"), ("task", "show", "2.1"), ("explain", "1.1"), ("explain", "2.1"), ("explain", "3"), ("status",),
           ("failures", "1"), ("failures", "2"), ("event", "list", "-o", "wide"), ("audit", "list", "-o", "wide"),
           ("project", "list", "-o", "wide"), ("project", "show", "atlas"), ("token", "list", "-o", "wide"), ("worker", "list", "-o", "wide"),
           ("batch", "show", EVIL), ("task", "list", "--where", EVIL), ("submit", "--batch", EVIL, "--", "true"), (EVIL,), ("help", EVIL)]


def test_what_people_gave_is_shown_and_never_acted_on(evil_server):
    server = evil_server
    found = {}
    for words in PRINTED:
        piped = server.run(*words, check=False)
        for where, text, allowed in (("terminal", on_terminal(server, *words), OF_TERMINALS),
                                     ("pipe", piped.stdout + piped.stderr, {"\n", "\t"})):
            if bad := drives(text, allowed):
                found[where, *words] = (bad, text)
    assert not found, found
    assert "\\x1b]52" in server.run("project", "show", "atlas").stdout or "\\e]52" in server.run("project", "show", "atlas").stdout


def test_output_of_tasks_is_shown_and_goes_into_a_pipe_as_it_is(evil_server):
    server = evil_server
    shown = on_terminal(server, "logs", "1.1")
    assert "52;c" in shown and not drives(shown, OF_TERMINALS), shown
    raw = subprocess.run([MUSTER, "logs", "1.1", "--data", server.data], capture_output=True, env=server.environment(), check=True,
                         stdin=subprocess.DEVNULL, timeout=60).stdout
    assert EVIL.encode() + b"\0" + EVIL.encode() + b"\n" in raw


def test_the_logs_of_server_and_agent_have_one_line_for_each_event(evil_server):
    for path in (evil_server.data / "server.log", evil_server.data / "worker" / "agent.log"):
        assert not drives(path.read_text(), {"\n"}), path
