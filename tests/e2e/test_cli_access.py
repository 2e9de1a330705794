"""`muster user|project|token|audit …` against a real server, as a new admin would type them."""

import json
import subprocess

import pytest

import cli_support as cli


@pytest.fixture
def admin(server):
    """run(words) -> the finished process, without a check of its exit code."""
    def run(*words, **options):
        return server.run(*words, check=False, **options)

    run.server = server
    return run


def test_users(admin):
    """user list show create set delete, with --role --in --not-in --disable --enable --yes --dry-run."""
    assert admin("project", "create", "atlas", "--note", "the big one").stdout == "made project atlas\n"
    planned = admin("user", "create", "ada", "--role", "operator", "--in", "atlas", "--dry-run")
    assert (planned.returncode, planned.stdout) == (0, "would have made user ada\n")
    made = admin("user", "create", "ada", "--role", "operator", "--in", "atlas")
    assert (made.stdout, made.stderr) == ("made user ada\n", "  next:  muster token create --user ada\n")
    assert admin("user", "create", "ada").returncode == 3
    assert admin("user", "set", "ada", "--role", "viewer", "--in", "default", "--disable").stdout == "set user ada\n"
    shown = json.loads(admin("user", "show", "ada", "-o", "json").stdout)
    assert (shown["roles"], shown["disabled"]) == ({"atlas": "operator", "default": "viewer"}, True)
    assert admin("user", "set", "ada", "--enable", "--not-in", "default").returncode == 0
    row = admin("user", "list", "--no-header", "--columns", "name,roles,disabled").stdout.splitlines()
    assert "ada\tatlas=operator\tfalse" in row
    assert "name\t" + json.loads(admin("user", "show", "-o", "json").stdout)["name"] in admin("user", "show").stdout
    assert admin("user", "set", "ada").returncode == 2
    assert admin("user", "set", "ada", "--enable", "--disable").returncode == 2
    assert admin("user", "set", "ada", "--in", "atlas").returncode == 2
    asked = admin("user", "delete", "ada")
    assert asked.returncode == 6 and "revoke all their tokens" in asked.stderr
    assert admin("user", "delete", "ada", "--dry-run").stdout == "would have removed user ada\n"
    assert admin("user", "delete", "ada", "--yes", "-q").stdout == "ada\n"
    gone = admin("user", "show", "ada")
    assert gone.returncode == 3 and "muster user list" in gone.stderr


def test_projects(admin):
    """project list show create set delete, with --note --close --open --yes --dry-run; --project and MUSTER_PROJECT."""
    admin("project", "create", "atlas")
    assert admin("project", "set", "atlas", "--note", "new", "--close").stdout == "set project atlas\n"
    assert json.loads(admin("project", "show", "atlas", "--json").stdout)["closed"] is True
    refused = admin("submit", "--project", "atlas", "--", "true")
    assert refused.returncode == 3 and "closed" in refused.stderr
    assert admin("project", "set", "atlas", "--open", "--dry-run").stdout == "would have set project atlas\n"
    admin("project", "set", "atlas", "--open")
    assert admin("submit", "--project", "atlas", "-q", "--", "true").returncode == 0
    assert admin("batch", "list", "-q").stdout == ""
    assert admin("batch", "list", "-q", "--project", "atlas").stdout == "1\n"
    assert admin("batch", "show", "1").returncode == 3
    assert admin("project", "delete", "atlas", "--yes").returncode == 3
    admin("project", "create", "empty")
    assert admin("project", "delete", "empty").returncode == 6
    assert admin("project", "delete", "empty", "--yes").stdout == "removed project empty\n"
    assert admin("project", "list", "-q").stdout == "atlas\ndefault\n"
    assert admin("status", "--project", "nosuch").returncode == 3
    assert admin("project", "set", "atlas").returncode == 2
    assert admin("project", "set", "atlas", "--open", "--close").returncode == 2


def test_a_token_is_printed_once_and_opens_what_it_should(admin, tmp_path):
    """token list create revoke, with --user --only-in --role --note --expires --yes --dry-run --json."""
    admin("project", "create", "atlas")
    admin("user", "create", "ada", "--in", "atlas")
    assert admin("token", "create", "--user", "ada", "--dry-run").stdout == "would have made a token\n"
    made = admin("token", "create", "--user", "ada", "--only-in", "atlas", "--role", "viewer", "--note", "laptop", "--expires", "7d")
    token = made.stdout.strip()
    assert token.startswith("mst_user_") and "shown this once" in made.stderr and token not in made.stderr
    file = tmp_path / "token"
    file.write_text(token + "\n")
    file.chmod(0o600)

    def ada(*words):
        at = words.index("--") if "--" in words else len(words)
        return admin(*words[:at], "--token-file", file, "--url", admin.server.url, *words[at:])

    assert "atlas=submitter" in ada("user", "show").stdout
    denied = ada("submit", "--", "true")
    assert denied.returncode == 4 and "needs the role submitter" in denied.stderr and "E401" in denied.stderr
    assert ada("status").returncode == 0
    assert ada("status", "--project", "default").returncode == 4
    assert ada("user", "list").returncode == 4
    rows = json.loads(admin("token", "list", "--user", "ada", "-o", "json").stdout)["items"]
    assert [(row["role"], row["project"], row["note"], row["state"]) for row in rows] == [("viewer", "atlas", "laptop", "good")]
    assert token not in admin("token", "list", "-o", "wide").stdout
    number = str(rows[0]["id"])
    assert admin("token", "revoke", number).returncode == 6
    assert admin("token", "revoke", number, "--dry-run").stdout == f"would have revoked token {number}\n"
    assert ada("status").returncode == 0
    assert admin("token", "revoke", number, "--yes").stdout == f"revoked token {number}\n"
    assert ada("status").returncode == 4
    assert json.loads(admin("token", "revoke", number, "--yes", "--json").stdout)["state"] == "revoked"
    assert admin("token", "create", "--expires", "400d").returncode == 2


def test_the_audit_log(admin):
    """audit list verify export; -o --output -q --quiet."""
    admin("user", "create", "ada")
    admin("user", "delete", "ada", "--yes")
    rows = [json.loads(line) for line in admin("audit", "export").stdout.splitlines()]
    assert [(row["action"], row["object"], row["result"]) for row in rows][-2:] == [("user.create", "ada", "ok"), ("user.delete", "ada", "ok")]
    listed = admin("audit", "list", "--no-header", "--columns", "seq,action", "--limit", "1").stdout
    assert listed == "1\tuser.create\n"
    verdict = admin("audit", "verify")
    assert verdict.returncode == 0 and f"{len(rows)} rows, head {rows[-1]['hash']}" in verdict.stdout
    for words in (["--json"], ["-o", "json"], ["--output", "json"]):
        assert json.loads(admin("audit", "verify", *words).stdout)["holds"] is True
    for words in (["-q"], ["--quiet"]):
        assert admin("audit", "verify", *words).stdout == rows[-1]["hash"] + "\n"


@pytest.mark.parametrize("words, change, seen", [
    (["user", "list"], ["user", "create", "ada"], "ada"),
    (["user", "show", "ben"], ["user", "set", "ben", "--disable"], "true"),
    (["project", "list"], ["project", "create", "atlas"], "atlas"),
    (["project", "show", "default"], ["project", "set", "default", "--note", "changed"], "changed"),
    (["token", "list"], ["token", "create", "--note", "laptop"], "laptop"),
    (["secret", "list"], ["secret", "create", "archive", "--note", "fresh"], "fresh"),
    (["secret", "show", "pass"], ["secret", "set", "pass", "--note", "fresh"], "fresh"),
    (["audit", "list"], ["project", "create", "atlas"], "project.create"),
    (["flavor", "show", "lab:here:small"], ["flavor", "import", "-"], "changed"),
    (["limit", "list"], ["limit", "set", "user:ada", "--max-running", "7"], "user:ada")])
def test_what_the_stream_does_not_tell_of_can_be_watched_too(admin, words, change, seen):
    """user, project, token, secret, audit and limit list, and their show, and flavor show: -w and --watch."""
    catalogue = "provider,region,name,cpu,ram,cost,gpu\nlab,here,small,1,1,0,{}\n"
    admin("flavor", "import", "-", stdin=catalogue.format("first"))
    admin("user", "create", "ben")
    admin("secret", "create", "pass", stdin="x\n")
    option = "-w" if words[1] == "list" else "--watch"
    watching = subprocess.Popen([cli.MUSTER, *words, option, "--data", str(admin.server.data)], stdout=subprocess.PIPE)
    try:
        watching.stdout.readline()    # it has looked once
        assert admin(*change, stdin=catalogue.format("changed") if change[0] == "flavor" else "x\n").returncode == 0
        cli.lines_until(watching.stdout, seen)
    finally:
        watching.terminate()
        watching.wait(30)
        watching.stdout.close()
