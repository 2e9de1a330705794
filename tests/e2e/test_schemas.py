"""Every document that the program writes as JSON, against its published schema (docs/reference/schemas)."""

import json

import pytest

import cli_support as cli
import schema_support as schemas
from agent_support import Worker


def test_every_document_has_a_schema():
    missing = sorted(name for name in schemas.schemas_in_sources() if not schemas.file_of(name).exists())
    assert not missing, "published schemas are missing; see schema_support.py"
    unused = sorted(path.stem for path in schemas.FOLDER.glob("*.json") if path.stem not in schemas.schemas_in_sources())
    assert not unused, "nothing writes these any more"


def first_of_stream(server):
    """The greeting of the event stream."""
    connection = server.connect()
    connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {server.token}", "Accept": "text/event-stream"})
    response = connection.getresponse()
    while not (line := response.readline()).startswith(b"data: "):
        assert line, "the stream ended"
    connection.close()
    return json.loads(line.removeprefix(b"data: "))


def operations(server):
    """A change in the background that goes on, one that is done, and one that failed."""
    found = []
    for where in ("index=1+", "index=0"):
        found.append(server.request("POST", "/hold?background=true", {"selectors": ["1"], "where": where, "dry_run": True}).json())
        while (now := server.get(f"/operations/{found[-1]['id']}"))["state"] == "running":
            pass
        found.append(now)
    return found


def made_by_others(server):
    """A link and the session that it gives; flavors."""
    link = json.loads(server.run("open", "--json").stdout)
    flavor = {"provider": "ovh", "region": "GRA11", "name": "t2-90", "cpus": 30, "ram_mb": 92160, "gpu": "V100", "gpu_mem_mb": 32768, "price": 4}
    plain = {"provider": "ovh", "region": "GRA11", "name": "d2-2", "cpus": 1, "ram_mb": 2048, "price": 0.01, "eviction_percent": 5}
    return [link, server.request("POST", "/sessions", {}, token=link["link"]).json(),
            server.request("PUT", "/flavors", {"items": [flavor, plain]}).json(), server.get("/flavors", dropped="true"),
            server.get("/flavors/ovh:GRA11:t2-90")]


@pytest.fixture
def documents(worker_server, tmp_path):
    """Documents of a server on which everything has happened once: from the command line as -o json prints them."""
    server, found = worker_server, []
    Worker(server).wait_connected()

    def take(*words, code=0, stdin=None):
        at = words.index("--") if "--" in words else len(words)
        done = server.run(*words[:at], "--json", *words[at:], check=False, stdin=stdin)
        assert done.returncode == code, (words, done)
        found.append(json.loads(done.stdout or done.stderr))
        return found[-1]

    take("submit", "-n", "small", "--array", "1-4", "--retry", "1", "--env", "K=V", "--label", "a=b", "--cpus", "1", "--mem", "10M", "--",
         "sh", "-c", "echo out {}; test {} -ne 3")
    take("wait", "last", code=1)
    take("submit", "--hold", "-n", "parked", "--after", "1", "--", "true")
    for words in (["batch", "list"], ["batch", "show", "1"], ["batch", "show", "2"], ["task", "list", "1"], ["task", "show", "1.3"],
                  ["task", "show", "1.1"], ["task", "list", "2"], ["task", "show", "2.1"], ["attempt", "list", "1"],
                  ["attempt", "show", "1.3#1"], ["worker", "list"], ["event", "list"], ["status"], ["limit", "list"]):
        take(*words)
    take("worker", "show", next(one for one in found if one["schema"] == "muster.workers/1")["items"][0]["name"])
    take("explain", "2.1")
    take("explain", "2")
    take("explain", "--worker", next(one for one in found if one["schema"] == "muster.workers/1")["items"][0]["name"])
    take("failures", "1")
    found.append(server.get("/select", selector="1"))
    found += [server.get("/tasks/1.1/spec"), *operations(server), *made_by_others(server)]
    found.append(first_of_stream(server))
    take("batch", "set", "2", "--priority", "3")
    take("hold", "2")
    take("release", "2")
    take("retry", "1")
    take("cancel", "1", "2", "--yes")
    take("limit", "set", "user:ada", "--max-running", "3")
    take("limit", "list")
    take("project", "create", "atlas", "--note", "big")
    take("project", "list")
    take("project", "show", "atlas")
    take("user", "create", "ada", "--in", "atlas")
    take("user", "show", "ada")
    take("user", "list")
    token = take("token", "create", "--user", "ada")
    take("token", "list")
    take("token", "revoke", token["id"], "--yes")
    take("secret", "create", "password", "--note", "n", stdin="hidden\n")
    take("secret", "list")
    take("secret", "show", "password")
    take("audit", "list")
    take("audit", "verify")
    take("worker", "create", "node7", "--label", "x=y", "--offer", "license=2")
    take("worker", "set", "node7", "--slots", "3")
    take("worker", "remove", "node7", "--yes")
    take("invite", "--name", "lab")
    found.append(json.loads(server.run("doctor", "--json", check=False).stdout))
    for words in (["context", "list"], ["help"], ["help", "submit"], ["door", "list"]):
        found.append(json.loads(cli.Client(tmp_path)(*words, "--json").out))
    run = cli.Client(tmp_path)
    found.append(json.loads(run("context", "create", "lab", "--url", "http://127.0.0.1:1", "--json").out))
    found.append(json.loads(run("context", "list", "--json").out))
    found.append(json.loads(run("context", "show", "lab", "--json").out))
    found.append(json.loads(run("status", "-c", "lab", "--json").err))
    found.append(server.get("/logs/search", selector="1", text="out"))
    key = json.loads(server.run("invite", "--json").stdout)
    joined = server.request("POST", "/join", {"spool_id": "0123456789abcdef0123456789abcdef", "name": "lab3"}, token=key["key"])
    assert joined.status in (200, 201), joined
    found.append(joined.json())
    server.wait("1")
    found.append(server.get("/status"))
    found.append(server.request("POST", "/shutdown", {}).json())
    return found


def test_documents_are_as_published(documents):
    jsonschema = pytest.importorskip("jsonschema")
    wrong = [one for document in documents for one in schemas.check(document, jsonschema.Draft202012Validator)]
    assert not wrong, "\n".join(wrong[:20])
    seen = {document["schema"].split("/")[0].removeprefix("muster.") for document in documents}
    assert schemas.schemas_in_sources() - seen == set(), "no document of these was looked at"


def test_schemas_bite():
    jsonschema = pytest.importorskip("jsonschema")
    good = {"schema": "muster.changed/1", "count": 1, "skipped": 0, "batches": [1]}
    schema = schemas.load("changed")
    validator = jsonschema.Draft202012Validator(schema)
    known = {name: good.get(name) for name in schema["properties"] if name in good}
    assert not [error for error in validator.iter_errors({**known, "count": "one"}) if "count" not in error.json_path]
    assert list(validator.iter_errors({**good, "count": "one"})) and list(validator.iter_errors({"schema": "muster.changed/2"}))
    assert schemas.undescribed(schema, {**good, "surprise": 1}) == [".surprise"]
