"""What the program says of itself: man pages that mandoc likes, JSON of the whole tree, an error page for each code."""

import json
import re
import shutil
import subprocess

import pytest

import cli_support as cli


@pytest.fixture
def run(tmp_path):
    return cli.Client(tmp_path)


def test_man_pages_are_clean(run, tmp_path):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    written = run("man", "--dir", tmp_path / "man")
    pages = sorted((tmp_path / "man").glob("man?/*"))
    assert written.out == f"{len(pages)} pages in {tmp_path / 'man'}\n" and len(pages) > 60
    lint = subprocess.run(["mandoc", "-Tlint", *pages], capture_output=True, text=True, check=False)
    assert (lint.stdout, lint.stderr, lint.returncode) == ("", "", 0)
    shown = subprocess.run(["mandoc", "-Tutf8", tmp_path / "man/man1/muster-submit.1"], capture_output=True, text=True, check=True)
    plain = re.sub(".\b", "", shown.stdout)
    assert "--max-running N" in plain and "muster submit" in plain and "seq 1 200" in plain or "muster submit" in plain


def test_single_pages(run):
    assert run("man").out.startswith(".Dd ") and ".Nm muster\n" in run("man").out
    assert ".Nm muster-batch-list\n" in run("man", "batch", "list").out
    assert ".Dt MUSTER-SELECTORS 7" in run("man", "selectors", "--format", "mdoc").out
    assert run("man", "--format", "markdown", "errors").out.startswith("# Errors\n")
    missing = run("man", "sumbit")
    assert missing.code == 2 and "did you mean muster-submit" in missing.err
    assert run("man", "submit", "--dir", "x").code == 2
    assert run("man", "--dir", "/proc/nowhere").code == 75


def test_the_tree_for_programs(run):
    tree = json.loads(run("help", "--json").out)
    assert tree["schema"] == "muster.help/1"
    submit = next(one for one in tree["commands"] if one["path"] == "submit")
    options = {one["name"]: one for one in submit["options"]}
    assert options["--from"]["kind"] == "file" and options["--wait"]["shape"] == "flag" and options["--url"]["common"]
    assert options["--name"]["short"] == "-n" and submit["positionals"][0]["kind"] == "command"
    assert {one["name"] for one in tree["topics"]} > {"selectors", "exit-codes"}
    # Every option that `muster help options` knows is in it.
    known = {f"{one['path']} {option['name']}" for one in tree["commands"] for option in one["options"] if not option["common"]}
    listed = {re.sub(r" -\w,", " ", line) for line in run("help", "options").out.splitlines() if " " in line}
    assert known == listed
    one = json.loads(run("help", "batch", "list", "--json").out)
    assert one["schema"] == "muster.command/1" and one["path"] == "batch list"
    assert run("help", "nosuch", "--json").code == 2


def test_every_code_has_cause_fix_and_example(run):
    codes = [one["code"] for one in json.loads(run("help", "--json").out)["errors"]]
    assert len(codes) > 40
    listed = run("help", "errors").out
    for code in codes:
        page = run("help", code).out
        title, cause, fix, example = page.rstrip("\n").split("\n\n")
        assert title.startswith(code + ": ") and len(cause) > 20 and len(fix) > 20 and example.startswith("  "), page
        assert code in listed


def test_examples_are_commands_that_exist(run):
    """Each example of a page, with --help in the place of what follows the command, is understood."""
    tree = json.loads(run("help", "--json").out)
    paths = {one["path"] for one in tree["commands"]}
    names = {one["path"]: {n for option in one["options"] for n in (option["name"], option["short"])} for one in tree["commands"]}
    examples = [line for one in tree["commands"] for line in one["examples"]] + [one["example"] for one in tree["errors"]]
    for example in examples:
        for command in re.split(r"[|;&]+", example.split("  #")[0]):
            words = command.split()
            if not words or words[0] != "muster" or words[1].startswith("-"):
                continue
            path = " ".join(words[1:3]) if " ".join(words[1:3]) in paths else words[1]
            assert path in paths, example
            own = words[:words.index("--")] if "--" in words else words
            for word in own:
                if word.startswith("--"):
                    assert word.split("=")[0] in names[path] | {"--wait"}, example
