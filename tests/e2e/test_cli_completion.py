"""Completion in real shells: bash and zsh at a prompt on a pseudo-terminal, fish through its own `complete -C`."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import cli_support as cli

FOLDER = os.path.dirname(cli.MUSTER)


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/batches")] = cli.listing("muster.batches/1", cli.batch(), cli.batch(41, name="two words"))
        server.routes[("GET", "/tasks")] = cli.listing("muster.tasks/1", cli.task(17), cli.task(18))
        server.routes[("GET", "/attempts")] = cli.listing("muster.attempts/1", cli.attempt(1), cli.attempt(2))
        server.routes[("GET", "/workers")] = cli.listing("muster.workers/1", cli.worker(), cli.worker(2, name="lab2"))
        server.routes[("GET", "/users")] = cli.listing("muster.users/1", {"name": "ana"}, {"name": "ben"})
        server.routes[("GET", "/projects")] = cli.listing("muster.projects/1", {"name": "atlas", "note": "big"})
        server.routes[("GET", "/tokens")] = cli.listing("muster.tokens/1", {"id": 7, "user": "ana"})
        server.routes[("GET", "/secrets")] = cli.listing("muster.secrets/1", {"name": "password", "note": "read only"})
        server.routes[("GET", "/limits")] = cli.listing("muster.limits/1", {"id": "user:ana"})
        run.environment["PATH"] = FOLDER + ":" + os.environ["PATH"]
        yield server, run


def answer(run, *words, shell="fish"):
    """What the hidden command says: (kind, words)."""
    result = run("complete", shell, "--", *words)
    assert result.code == 0 and not result.err, result
    kind, *lines = result.out.splitlines()
    return kind, [line.split("\t")[0] for line in lines]


# ---- the conversation ------------------------------------------------------------------------------------------------


def test_live_words_of_every_kind(fake):
    _, run = fake
    assert answer(run, "logs", "") == ("words", ["42", "41", "last", "@align", "@two words"])
    assert answer(run, "logs", "4") == ("words", ["42", "41"])
    assert answer(run, "logs", "42.1") == ("words", ["42.17", "42.18"])
    assert answer(run, "logs", "last.1") == ("words", ["last.17", "last.18"])
    assert answer(run, "logs", "42.17#") == ("words", ["42.17#1", "42.17#2"])
    assert answer(run, "worker", "drain", "") == ("words", ["nimbus", "lab2"])
    assert answer(run, "user", "set", "") == ("words", ["ana", "ben"])
    assert answer(run, "token", "revoke", "") == ("words", ["7"])
    assert answer(run, "secret", "delete", "") == ("words", ["password"])
    assert answer(run, "limit", "delete", "us") == ("words", ["user:ana"])
    assert answer(run, "status", "--project=") == ("words", ["--project=atlas"])
    assert answer(run, "submit", "--batch", "al") == ("words", ["align"])
    assert answer(run, "submit", "--from", "") == ("files", [])
    assert answer(run, "submit", "--cwd", "") == ("folders", [])
    assert answer(run, "submit", "--", "ls", "-") == ("command 2", [])
    run("context", "create", "lab", "--url", "http://127.0.0.1:1")
    assert answer(run, "-c", "") == ("words", ["lab"])
    assert answer(run, "status", "--", "'l", shell="bash")[0] == "words"
    assert run("complete", "nosuch", "--", "").code == 2 and run("complete").code == 2


def test_nobody_waits_for_a_server_that_does_not_answer(fake):
    _, run = fake
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        assert answer(run, "--url", url, "logs", "") == ("words", [])
        assert 0.25 < time.monotonic() - began < 1.5
    assert answer(run, "--url", "http://127.0.0.1:1", "logs", "") == ("words", [])
    assert answer(run, "--token-file", "-", "logs", "") == ("words", [])
    assert answer(run, "--data", "/nowhere", "batch", "s") == ("words", ["show", "set"])


def test_hostile_names_are_not_offered(fake):
    server, run = fake
    server.routes[("GET", "/workers")] = cli.listing("muster.workers/1", cli.worker(name="a\nb\tc"), cli.worker(name="\x1b[2Jx"),
                                                     cli.worker(name="good", state="\x1b]0;x\x07"))
    result = run("complete", "bash", "--", "worker", "show", "")
    assert result.out.startswith("words\ngood\t") and "\x1b" not in result.out and result.out.count("\n") == 2


def test_only_three_shells(fake):
    _, run = fake
    for shell in ("bash", "zsh", "fish"):
        assert "muster" in run("completion", shell).out
    refused = run("completion", "tcsh")
    assert refused.code == 2 and "bash, zsh, fish" in refused.err


# ---- real shells -----------------------------------------------------------------------------------------------------


def shell_needed(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")


class Prompt:
    """A shell on a terminal; `line(typed)` presses Tab behind it and gives the line that came of it."""

    def __init__(self, command, environment, home, setup):
        self.session = cli.Terminal(command, 200, environment, home)
        self.prompt_after(f" PS1='READ''Y> '; PROMPT='READ''Y> '; {setup}\n")

    def send(self, text):
        self.session.type(text)

    def prompt_after(self, text):
        before = len(self.session.output)
        self.send(text)
        deadline = time.monotonic() + 20
        while b"READY> " not in self.session.output[before:]:
            assert time.monotonic() < deadline, self.session.output[before:]
            self.session._read(0.1)

    def line(self, typed, end="\x05|"):
        """The word behind the line marks that everything before it was shown; then the line is thrown away."""
        before = len(self.session.output)
        self.send(typed + "\t")
        self.send(end)
        deadline = time.monotonic() + 20
        while not re.search(rb"\|", self.session.output[before + len(typed.encode()):]):
            assert time.monotonic() < deadline, self.session.output[before:]
            self.session._read(0.1)
        shown = self.session.output[before:].decode(errors="replace")
        self.prompt_after("\x15\n")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07|\r", "", shown).split("|")[0]

    def comes_to(self, typed, wanted):
        """On a loaded machine the server's words may come later than a person waits for."""
        return any(wanted in self.line(typed) for _ in range(6))

    def close(self):
        self.session.close()


CASES = [("muster sub", "muster submit "), ("muster worker dr", "muster worker drain "), ("muster worker show la", "muster worker show lab2 "),
         ("muster logs 42.17#1", "muster logs 42.17#1 "), ("muster task list --state=succ", "muster task list --state=succeeded "),
         ("muster submit --max-ru", "muster submit --max-running "), ("muster limit delete user:a", "muster limit delete user:ana ")]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_at_a_prompt(fake, tmp_path, shell):
    shell_needed(shell)
    _, run = fake
    (tmp_path / "samples.tsv").write_text("a\n")
    environment = {**run.env(), "HISTFILE": "/dev/null"}
    if shell == "bash":
        prompt = Prompt(["bash", "--norc", "--noprofile", "-i"], environment, tmp_path,
                        "bind 'set enable-bracketed-paste off'; source <(muster completion bash)")
    else:
        prompt = Prompt(["zsh", "-f", "-i", "-o", "nopromptsp"], environment, tmp_path,
                        "unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; source <(muster completion zsh)")
    try:
        for typed, wanted in [*CASES, ("muster submit --from sam", "muster submit --from samples.tsv ")]:
            assert prompt.comes_to(typed, wanted.strip()), (shell, typed)
        # A name with a blank arrives as one word.
        assert prompt.comes_to("muster submit --batch tw", "two\\ words")
    finally:
        prompt.close()


def test_in_fish(fake, tmp_path):
    shell_needed("fish")
    _, run = fake
    (tmp_path / "samples.tsv").write_text("a\n")

    def offered(line):
        done = subprocess.run(["fish", "--no-config", "-c", f"muster completion fish | source; complete -C {line!r}"],
                              env=run.env(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        return [one.split("\t")[0] for one in done.stdout.splitlines()]

    for typed, wanted in CASES:
        assert any(wanted.split()[-1] in offered(typed) for _ in range(6)), typed
    assert "submit" in offered("muster ") and offered("muster submit --from sam") == ["samples.tsv"]
    assert "worker" in offered("muster submit -- muster wor")
