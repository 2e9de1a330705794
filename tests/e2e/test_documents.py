"""Every fenced command of README and manual is executed, in order, on a fresh data folder.

A block marked `sh` holds commands, one marked `console` a transcript: its lines that begin with `$ ` are run. A block that cannot run
here says so behind its mark, `sh (not run: why)`, and one that another test runs names it, `sh (run by FILE)`. Blocks with other marks
(yaml, text, …) are not commands. A server runs before each block unless the block begins with `muster up`; every command ends with 0,
or with 1, which says that some work failed.
"""

import os
import pathlib
import re
import shlex
import stat
import subprocess

import pytest

import cli_support as cli
import conftest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs/manual").glob("*.md")])
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
COMMANDS = re.compile(r"(sh|console)( \(not run: [^)]{10,}\))?")
ELSEWHERE = re.compile(r"sh \(run by (test_\w+\.py)\)")
OTHER = {"yaml", "text", "toml", "json", "python", "systemd"}

# Files that the documents speak of; every program ends well and says something.
PROGRAMS = ("simulate", "align", "align.sh", "report", "report.sh", "sort", "count.sh", "fetch.sh")
TABLE = "sample,fastq,reference\na,a.fq,r\nb,b.fq,r\n"


def blocks(path):
    """(kind, reason or None, text) of each block of commands."""
    for info, text in BLOCK.findall(path.read_text()):
        elsewhere = ELSEWHERE.fullmatch(info)
        if elsewhere:
            assert (pathlib.Path(__file__).parent / elsewhere.group(1)).exists(), info
            continue
        match = COMMANDS.fullmatch(info)
        if not match:
            assert info in OTHER, f"{path.name}: a block is marked {info!r}; commands are sh or console"
            continue
        yield match.group(1), match.group(2), text


def commands(kind, text):
    """Whole commands: continued lines and here-documents stay together."""
    found = []
    for line in text.splitlines():
        if kind == "console":
            if not line.startswith("$ "):
                continue
            line = line[2:]
        if found and found[-1].endswith("\\"):
            found[-1] = found[-1][:-1] + line.strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            found.append(line)
    return found


# Tests take free ports; a user's own server is never met.
WRAPPER = """#!/bin/bash
words=("$@")
if [ "$1" = up ]; then
  listen=
  for i in "${{!words[@]}}"; do
    if [ "${{words[i]}}" = --listen ]; then listen=yes; words[i+1]=${{words[i+1]%:*}}:0; fi
  done
  [ -n "$listen" ] || words+=(--listen 127.0.0.1:0)
fi
exec {muster} "${{words[@]}}"
"""


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "muster").write_text(WRAPPER.format(muster=shlex.quote(cli.MUSTER)))
    (folder / "home").mkdir()
    work = folder / "work"
    work.mkdir()
    for name in PROGRAMS:
        (work / name).write_text("#!/bin/sh\necho \"$0\" \"$@\"\n")
    for path in [*work.iterdir(), folder / "bin" / "muster"]:
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (work / "samples.csv").write_text(TABLE)
    (work / "samples.tsv").write_text(TABLE.replace(",", "\t"))
    (work / "a.csv").write_text("2\n1\n")
    (work / "password.txt").write_text("correct horse\n")
    yield folder
    for attempt in range(20):
        pids = conftest.pids_in(folder)
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        if not pids:
            break


def bash(place, command):
    environment = {"PATH": f"{place}/bin:{os.environ['PATH']}", "HOME": str(place / "home"), "LC_ALL": "C.UTF-8"}
    return subprocess.run(["bash", "-c", command], cwd=place / "work", env=environment, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of(path, place):
    ran = 0
    for kind, not_run, text in blocks(path):
        if not_run:
            continue
        wanted = commands(kind, text)
        assert wanted, text
        begins_with_up = wanted[0].startswith("muster up")
        running = bash(place, "muster status >/dev/null 2>&1").returncode == 0
        if begins_with_up and running:
            bash(place, "muster down")
        elif not begins_with_up and not running:
            assert bash(place, "muster up -d").returncode == 0
        # One shell for a block, so that what a line exports holds for the next; 1 says that some work failed.
        script = "".join(f"{command}\ncode=$?; if [ $code -gt 1 ]; then echo \"exit $code: line {number}\"; exit 99; fi\n"
                         for number, command in enumerate(wanted, 1))
        done = bash(place, script)
        assert done.returncode == 0, f"{path.name}:\n{text}\n{done.stdout}\n{done.stderr}"
        ran += len(wanted)
    bash(place, "muster down")
    print(f"{path.name}: {ran} commands")


def test_what_is_not_run_is_counted():
    """Few blocks are left out, and each says why."""
    left_out = [(path.name, reason) for path in DOCUMENTS for _, reason, _ in blocks(path) if reason]
    run = sum(1 for path in DOCUMENTS for _, reason, _ in blocks(path) if not reason)
    assert run > len(left_out), left_out
    print(f"{run} blocks are run, {len(left_out)} are not")
