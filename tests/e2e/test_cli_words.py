"""The words of a command line: help, topics, the nearest right word, options in every spelling, exit code 2 for what is wrong."""

import re

import pytest

import cli_support as cli


@pytest.fixture
def run(tmp_path):
    return cli.Client(tmp_path)


def listed_commands(run):
    """Paths and options as `muster help options` prints them."""
    found = {}
    for line in run("help", "options").out.splitlines():
        path, _, names = line.rpartition(" ")
        found.setdefault(path, []).append(names.split(","))
    return found


# ---- help ------------------------------------------------------------------------------------------------------------


def test_help_is_the_same_from_every_side(run):
    overview = run("help")
    assert overview.code == 0 and overview.err == ""
    assert run().out == run("--help").out == run("-h").out == overview.out
    for words in (["submit"], ["batch", "list"], ["wait"]):
        page = run("help", *words)
        assert page.code == 0 and page.out == run(*words, "--help").out == run(*words, "-h").out
    assert run("help", "batch").out.startswith("muster batch list: ")


def test_overview(run):
    # The commands that start processes come from another room: the sections between are those of this one.
    overview = run("help").out
    cli.golden("help.txt", overview[overview.index("Work:"):overview.index("Other:")])


def test_every_command_has_a_complete_page(run):
    overview = run("help").out
    for path, options in listed_commands(run).items():
        if not path or path in ("server", "agent", "keeper"):
            continue
        assert f"  {path} " in overview
        page = run("help", *path.split()).out
        head, _, rest = page.partition("usage: muster " + path)
        assert rest, page
        assert f"  muster {path}" in head, "examples come first"
        for names in options:
            assert names[-1] in rest, (path, names)
        assert max(map(len, rest.splitlines())) <= 100
        assert max(map(len, head.splitlines()[:1])) <= 100


def test_submit_page(run):
    cli.golden("help-submit.txt", run("help", "submit").out)


def test_help_is_wrapped_to_the_terminal(run):
    for width in (60, 80, 200):
        lines = run.terminal("help", "submit", width=width).out.splitlines()
        limit = min(width, 100)
        too_long = [line for line in lines if len(line) > limit and not line.startswith("  ")]
        assert not too_long


@pytest.mark.parametrize("topic", ["selectors", "states", "placeholders", "output", "exit-codes", "environment"])
def test_topics(run, topic):
    page = run("help", topic)
    assert page.code == 0 and len(page.out) > 300
    assert topic in run("help").out


def test_states_on_a_terminal_are_for_people(run):
    people = run.terminal("help", "states", width=100).out
    assert "task\n  waiting      waits for a dependency" in people and "|" not in people
    assert "| `waiting` |" in run("help", "states").out


def test_every_error_code_has_its_page(run):
    for code in ("E101", "e204", "E219", "E301", "E513"):
        page = run("help", code)
        assert page.code == 0 and page.out.startswith(code.upper() + ": ")
    unknown = run("help", "E999")
    assert unknown.code == 2 and "no help on 'E999'" in unknown.err


def test_version(run):
    assert re.fullmatch(r"muster \d+\.\d+\.\d+\S*\n", run("--version").out)


# ---- words that are wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, wanted", [
    (["stauts"], "there is no command 'stauts'; did you mean 'status'?"),
    (["sumbit", "--", "true"], "did you mean 'submit'?"),
    (["batch", "lsit"], "'muster batch' has no verb 'lsit'; did you mean 'list'?"),
    (["batch"], "'muster batch' needs a verb: list, show, set"),
    (["xyzzy"], "there is no command 'xyzzy'  [E219]"),
    (["submit", "--memm", "1G", "--", "true"], "'muster submit' has no option --memm; did you mean --mem?"),
    (["submit", "--max-runing=3", "--", "true"], "did you mean --max-running?"),
    (["status", "-x"], "'muster status' has no option -x  [E219]"),
    (["--nope"], "'muster' has no option --nope"),
    (["--no-color"], "there is no command, only options"),
    (["batch", "show", "1", "2"], "has no use for the word '2'"),
    (["worker", "list", "nimbus"], "has no use for the word 'nimbus'"),
    (["wait"], "'muster wait' needs a SELECTOR"),
    (["help", "selector"], "did you mean 'selectors'?"),
    (["st\x1batus"], "there is no command 'st\\x1batus'"),
])
def test_wrong_words_are_one_line_and_exit_2(run, words, wanted):
    result = run(*words)
    assert result.code == 2 and result.out == ""
    first = result.err.splitlines()[0]
    assert wanted in first and first.startswith("error: ") and first.endswith("[E219]") or wanted in first and "[E203]" in first
    assert len(result.err.splitlines()) <= 2


def test_plurals_are_accepted(tmp_path):
    with cli.fake_server(tmp_path) as (server, client):
        server.routes[("GET", "/batches")] = cli.listing("muster.batches/1", cli.batch())
        server.routes[("GET", "/workers")] = cli.listing("muster.workers/1", cli.worker())
        assert client("batches", "list", "-q").out == "42\n"
        assert client("workers", "list", "-q").out == "nimbus\n"


# ---- values that are wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option, value", [
    ("--cpus", "four"), ("--cpus", "-1"), ("--cpus", "1.5"), ("--cpus", ""), ("--mem", "lots"), ("--disk", "-5G"), ("--gpus", "x"),
    ("--slots", "99999999999999999999"), ("--time", "soon"), ("--time", "10:30"), ("--grace", "-1s"), ("--retry", "twice"),
    ("--max-running", "all"), ("--priority", "high"), ("--rerun", "always"), ("--log-max", "big"), ("--array", "5-1"),
    ("--format", "xml"), ("--timeout", "x"), ("--progress", "fancy"), ("--output", "yaml"), ("--env", "=x"), ("--label", "novalue"),
    ("--env", "NOT_SET_ANYWHERE")])
def test_values_that_cannot_be_read_are_refused_before_anything_is_sent(run, option, value):
    result = run("submit", option, value, "--", "true")
    assert result.code == 2 and result.out == ""
    assert "[E203]" in result.err or "[E208]" in result.err
    assert option in result.err or value in result.err
    assert run("submit", f"{option}={value}", "--", "true").err == result.err


@pytest.mark.parametrize("option", ["--cpus", "--name", "--each", "--after", "--env", "--from", "-n"])
def test_a_missing_value_is_named(run, option):
    result = run("submit", option)
    assert result.code == 2 and "needs a value" in result.err


def test_a_flag_takes_no_value(run):
    assert "--hold takes no value" in run("submit", "--hold=yes", "--", "true").err
