"""Contexts: named servers in the config file, and who wins when several places name one."""

import json
import os

import pytest

import cli_support as cli


@pytest.fixture
def run(tmp_path):
    return cli.Client(tmp_path)


def config(run):
    return run.home / ".config" / "muster" / "config.toml"


def test_create_list_show_set_use_delete(run):
    assert run("context", "list").out == "current\tname\turl\tdata\ttoken_file\tproject\n"
    assert run("context", "current").out == ""
    assert run("context", "show").code == 3
    made = run("context", "create", "lab", "--url", "http://127.0.0.1:7420", "--token-file", "~/lab.token", "--use")
    assert made.code == 0 and made.out == "made context lab, which is used from now on\n"
    assert oct(os.stat(config(run)).st_mode & 0o777) == "0o600"
    assert run("context", "create", "here", "--data", "/srv/muster", "-q").out == "here\n"
    assert run("context", "current").out == "lab\n"
    assert run("context", "list", "-q").out == "here\nlab\n"
    assert run("context", "list", "--no-header", "--columns", "name,current").out == "here\tfalse\nlab\ttrue\n"
    shown = json.loads(run("context", "show", "--json").out)
    assert shown == {"schema": "muster.context/1", "name": "lab", "current": True, "url": "http://127.0.0.1:7420", "data": None,
                     "token_file": "~/lab.token", "pin": None, "ca_file": None, "project": None}
    assert run("context", "set", "lab", "--project", "atlas", "--token-file", "").code == 0
    shown = json.loads(run("context", "show", "lab", "-o", "json").out)
    assert (shown["project"], shown["token_file"]) == ("atlas", None)
    assert run("context", "use", "here", "--json").out == '{"schema":"muster.context-changed/1","name":"here","removed":false}\n'
    assert run("context", "current").out == "here\n"
    assert run("context", "delete", "here").code == 6
    assert run("context", "delete", "here", "--yes", "-q").out == "here\n"
    assert run("context", "current").out == ""
    assert run("context", "list", "--quiet").out == "lab\n"


def test_dry_runs_change_nothing(run):
    assert run("context", "create", "lab", "--url", "http://127.0.0.1:1", "--dry-run").out == "would have made context lab\n"
    assert not config(run).exists()
    run("context", "create", "lab", "--url", "http://127.0.0.1:1")
    before = config(run).read_bytes()
    for words in (["set", "lab", "--project", "x"], ["use", "lab"], ["delete", "lab"]):
        assert run("context", *words, "--dry-run").out.startswith("would have "), words
    assert config(run).read_bytes() == before


def test_a_persons_own_file_keeps_its_comments(run):
    path = config(run)
    path.parent.mkdir(parents=True)
    path.write_text('# mine\ncurrent = "lab" # for now\n\n[contexts.lab]\n# the big one\nurl = "http://127.0.0.1:1"\n\n'
                    '# and another\n[contexts."old-lab"]\nurl = "http://127.0.0.1:2"\npin="x"\n')
    assert run("context", "set", "lab", "--project", "atlas").code == 0
    assert run("context", "set", "old-lab", "--pin", "").code == 0
    assert path.read_text() == (
        '# mine\ncurrent = "lab" # for now\n\n[contexts.lab]\n# the big one\nurl = "http://127.0.0.1:1"\nproject = "atlas"\n\n'
        '# and another\n[contexts."old-lab"]\nurl = "http://127.0.0.1:2"\n')
    assert run("context", "delete", "lab", "--yes").code == 0
    assert "# and another" in path.read_text() and run("context", "list", "-q").out == "old-lab\n"


def test_a_layout_that_is_not_understood_is_left_alone(run):
    path = config(run)
    path.parent.mkdir(parents=True)
    text = 'contexts = { lab = { url = "http://127.0.0.1:1" } }\n'
    path.write_text(text)
    assert run("context", "list", "-q").out == "lab\n"
    refused = run("context", "set", "lab", "--project", "x")
    assert refused.code == 3 and "does not change" in refused.err and path.read_text() == text
    path.write_text("this is = = not toml\n")
    assert run("context", "list").code == 2 and run("context", "current").code == 2


@pytest.mark.parametrize("words, code, said", [
    (["create", "a b", "--url", "http://127.0.0.1:1"], 2, "is no name"),
    (["create", "lab"], 2, "neither an address nor a data folder"),
    (["create", "lab", "--url", "ftp://x"], 2, "E203"),
    (["create", "lab", "--url", "http://127.0.0.1:1", "--pin", "abc"], 2, "not the fingerprint"),
    (["create", "lab", "--data", "/x\ny"], 2, "control character"),
    (["create", "lab", "--data", "/x", "--ca-file", "/y\x1b"], 2, "control character"),
    (["set", "nosuch", "--url", "http://127.0.0.1:1"], 3, "no context 'nosuch'"),
    (["use", "nosuch"], 3, "muster context list"), (["show", "nosuch"], 3, "E202"), (["delete", "nosuch", "--yes"], 3, "E202"),
])
def test_bad_contexts_are_refused(run, words, code, said):
    result = run("context", *words)
    assert result.code == code and said in result.err and not config(run).exists()


def test_one_of_a_name_and_something_to_set(run):
    run("context", "create", "lab", "--url", "http://127.0.0.1:1")
    assert run("context", "create", "lab", "--url", "http://127.0.0.1:2").code == 3
    assert "nothing to change" in run("context", "set", "lab").err
    assert run("context", "set", "lab", "--url", "").code == 2


def test_option_before_environment_before_context_before_folder(tmp_path):
    """Which server is asked: each place names another one."""
    with cli.fake_server(tmp_path) as (server, _):
        server.routes[("GET", "/status")] = cli.status()
        token = tmp_path / "token"
        token.write_text(cli.TOKEN + "\n")
        token.chmod(0o600)
        run = cli.Client(tmp_path)
        dead = "http://127.0.0.1:1"
        run("context", "create", "good", "--url", server.url, "--token-file", str(token), "--project", "atlas")
        run("context", "create", "dead", "--url", dead, "--token-file", str(token), "--use")
        assert run("status").code == 69
        assert run("status", "-c", "good").code == run("-c", "good", "status").code == 0
        assert run("status", "--context", "good").code == run("status", env={"MUSTER_CONTEXT": "good"}).code == 0
        assert run("status", env={"MUSTER_URL": server.url, "MUSTER_TOKEN": cli.TOKEN}).code == 0
        assert run("status", "-c", "dead", env={"MUSTER_URL": server.url}).code == 69
        other = run("status", "-c", "good", "--url", dead)
        assert other.code == 4 and dead in other.err, "what opens one server is not shown to another"
        assert "project=atlas" in server.requests[0][1]
        run("-c", "good", "status", env={"MUSTER_PROJECT": "from-environment"})
        assert "project=from-environment" in server.requests[-1][1]
        missing = run("status", "-c", "nosuch")
        assert missing.code == 3 and "muster context create nosuch" in missing.err
        assert "MUSTER_CONTEXT=good is set" in run("context", "use", "dead", env={"MUSTER_CONTEXT": "good"}).err
