"""The authorization matrix: every operation of /openapi.json, asked for with every role, in one's own and another's project.

The table below is written by hand, not read from the server: a route without a row here fails, and so does a row without a route.
"""

import json
import sqlite3
import time

import pytest

ROLES = ["viewer", "submitter", "operator", "admin"]

# operation: (least role, reach). `project`: the role in that project; `own`: there, submitters only on what is theirs;
# `server`: the role in every project; `key`: no role at all, but a key; `yourself`: everybody about themselves, others by whoever has the role in every project.
TABLE = {
    "batch.submit": ("submitter", "project"), "batch.list": ("viewer", "project"), "batch.show": ("viewer", "project"),
    "batch.set": ("submitter", "own"), "task.list": ("viewer", "project"), "task.show": ("viewer", "project"),
    "attempt.list": ("viewer", "project"), "attempt.show": ("viewer", "project"), "worker.list": ("viewer", "project"),
    "worker.show": ("viewer", "project"), "worker.set": ("operator", "server"), "worker.create": ("operator", "server"),
    "worker.pause": ("operator", "server"), "worker.resume": ("operator", "server"), "worker.drain": ("operator", "server"),
    "worker.lost": ("operator", "server"), "worker.remove": ("operator", "server"), "limit.list": ("viewer", "server"),
    "limit.set": ("admin", "server"), "limit.delete": ("admin", "server"), "task.cancel": ("submitter", "own"),
    "task.hold": ("submitter", "own"), "task.release": ("submitter", "own"), "task.retry": ("submitter", "own"),
    "task.set": ("submitter", "own"), "task.select": ("viewer", "project"), "task.spec": ("viewer", "project"), "explain": ("viewer", "project"),
    "failures": ("viewer", "project"),
    "status": ("viewer", "project"), "wait": ("viewer", "project"), "logs": ("viewer", "project"),
    "logs.search": ("viewer", "project"),
    "event.list": ("viewer", "project"), "shutdown": ("admin", "server"), "worker.invite": ("operator", "server"),
    "worker.join": ("viewer", "key"), "operation.show": ("viewer", "project"), "flavor.list": ("viewer", "project"), "flavor.import": ("admin", "server"),
    "flavor.show": ("viewer", "project"), "flavor.delete": ("admin", "server"), "session.link": ("viewer", "yourself"), "session.create": ("viewer", "key"),
    "user.list": ("admin", "server"),
    "user.create": ("admin", "server"), "user.show": ("admin", "yourself"), "user.set": ("admin", "server"),
    "user.delete": ("admin", "server"), "token.list": ("admin", "yourself"), "token.create": ("admin", "yourself"),
    "token.revoke": ("admin", "yourself"), "project.list": ("viewer", "yourself"), "project.create": ("admin", "server"),
    "project.show": ("viewer", "yourself"), "project.set": ("admin", "server"), "project.delete": ("admin", "server"),
    "secret.list": ("submitter", "project"), "secret.create": ("operator", "project"), "secret.show": ("submitter", "project"),
    "secret.set": ("operator", "project"), "secret.delete": ("operator", "project"),
    "audit.list": ("admin", "server"), "audit.verify": ("admin", "server"),
}


def operations(server):
    """[(operation, method, path with {name} filled in, parameters)] of the description that the server gives to anybody."""
    answer = server.request("GET", "/openapi.json", token=False)
    assert answer.status == 200
    found = []
    for path, methods in answer.json()["paths"].items():
        for method, row in methods.items():
            parameters = [one["name"] for one in row["parameters"] if one["in"] == "query" and one["name"] != "project"]
            found.append((row["operationId"], method.upper(), path, row, parameters))
    return found


def ask(server, method, path, token, project=None, body=b"{"):
    """One call that is complete but for its body, which means nothing: who may call gets that far, and changes nothing."""
    query = {} if project is None else {"project": project}
    return server.request(method, path.replace("{name}", "42"), body if method in ("POST", "PATCH", "PUT") else None, token=token, query=query)


def make_user(server, name, **roles):
    assert server.request("POST", "/users", {"name": name, "roles": {k.replace("every", "*"): v for k, v in roles.items()}}).status == 201
    answer = server.request("POST", "/tokens", {"user": name})
    assert answer.status == 201, answer
    return answer.json()["token"]


@pytest.fixture
def people(make_server):
    """A server with the projects `default` and `atlas`, and a token for each role in `atlas` alone, and in every project."""
    server = make_server()
    assert server.request("POST", "/projects", {"name": "atlas"}).status == 201
    server.tokens = {role: make_user(server, role + "1", atlas=role) for role in ROLES}
    server.everywhere = {role: make_user(server, role + "2", every=role) for role in ROLES}
    return server


def denied(answer):
    return answer.status in (401, 403)


def test_every_route_has_a_row_and_every_row_a_route(server):
    described = {row[0]: (row[3]["x-muster-role"], row[3]["x-muster-reach"]) for row in operations(server)}
    assert described == TABLE
    for _, method, path, row, _ in operations(server):
        assert row["summary"] and path.startswith("/api/v1/") and method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        assert ("requestBody" in row) == (method in ("POST", "PUT", "PATCH"))


def test_the_parameters_are_those_that_are_described(server):
    for operation, method, path, _, parameters in operations(server):
        if method != "GET" or operation == "wait":
            continue
        unknown = server.request("GET", path.replace("{name}", "42"), query={"surprise": "1"})
        assert unknown.status in (400, 404), (operation, unknown)
        for name in parameters:
            answer = server.request("GET", path.replace("{name}", "42"), query={name: "1"})
            assert "surprise" not in answer.body.decode() and "does not take" not in answer.body.decode(), (operation, name, answer)


def test_the_matrix(people):
    """Every operation × role × own project, another's project, every project."""
    wrong = []
    for operation, method, path, _, _ in operations(people):
        least, reach = TABLE[operation]
        for role in ROLES:
            enough = ROLES.index(role) >= ROLES.index(least)
            for scope, token, project in (("own", people.tokens[role], "atlas"), ("other", people.tokens[role], "default"),
                                          ("missing", people.tokens[role], "nosuch"), ("every", people.everywhere[role], "atlas")):
                allowed = {"project": enough and scope in ("own", "every"), "own": enough and scope in ("own", "every"),
                           "server": enough and scope == "every"}.get(reach)
                if reach == "yourself":
                    # Asked about another: 42 is nobody's token, user or project; lists and own tokens are everybody's.
                    allowed = enough and scope == "every" or operation in ("token.list", "token.create", "project.list", "session.link")
                answer = ask(people, method, path, token, project)
                if denied(answer) == allowed:
                    wrong.append((operation, role, scope, answer.status, answer.body[:200]))
                if allowed and scope != "missing":
                    assert answer.status < 500, (operation, role, scope, answer)
    assert not wrong


def test_no_token_and_tokens_that_ended(people):
    """Every operation without a token, with a revoked, an expired, an agent's and a disabled user's one: 401 or 403, whatever is asked."""
    make_user(people, "gone", every="admin")
    tokens = {}
    for kind in ("revoked", "expired", "disabled"):
        tokens[kind] = make_user(people, kind, every="admin")
    listed = people.get("/tokens", user="revoked")["items"]
    assert people.request("DELETE", f"/tokens/{listed[0]['id']}").json()["state"] == "revoked"
    assert people.request("PATCH", "/users/disabled", {"disabled": True}).status == 200
    short = people.request("POST", "/tokens", {"user": "expired", "expires_s": 0.05}).json()["token"]
    deadline = time.monotonic() + 10
    while people.request("GET", "/status", token=short).status == 200:
        assert time.monotonic() < deadline
    tokens["expired"] = short
    tokens["agent"] = (people.data / "worker" / "agent.token").read_text().strip()
    tokens["none"] = False
    for operation, method, path, _, _ in operations(people):
        for kind, token in tokens.items():
            answer = ask(people, method, path, token)
            assert answer.status == (403 if kind in ("agent", "disabled") else 401), (operation, kind, answer)
    assert people.request("GET", "/status").status == 200


def test_a_submitter_changes_only_what_is_theirs(people):
    def submit(token):
        return people.request("POST", "/batches", {"command": ["true"]}, token=token, query={"project": "atlas"}).json()["batch"]

    mine, theirs = submit(people.tokens["submitter"]), submit(people.tokens["operator"])
    for verb in ("hold", "release", "cancel", "retry"):
        for batch, status in ((mine, 200), (theirs, 403)):
            answer = people.request("POST", "/" + verb, {"selectors": [str(batch)]}, token=people.tokens["submitter"])
            assert answer.status == status, (verb, answer)
        answer = people.request("POST", "/" + verb, {"selectors": [str(mine), str(theirs)]}, token=people.tokens["submitter"])
        assert answer.status == 403
    answer = people.request("PATCH", f"/batches/{theirs}", {"priority": 1}, token=people.tokens["submitter"])
    assert answer.code() == "E401" and "operator1" in answer.json()["detail"]
    assert people.request("PATCH", f"/batches/{mine}", {"priority": 1}, token=people.tokens["operator"]).status == 200


def test_another_projects_rows_are_not_there(people):
    token = people.tokens["operator"]
    other = people.submit("true", name="secret-name")["batch"]
    own = people.request("POST", "/batches", {"command": ["true"]}, token=token).json()["batch"]
    for path in (f"/batches/{other}", f"/tasks/{other}.1", f"/attempts/{other}.1%231"):
        answer = people.request("GET", path, token=token)
        assert answer.code() == "E202", answer
    for path, query in (("/logs", {"selector": f"{other}.1"}), ("/wait", {"selector": str(other)}), ("/tasks", {"selector": str(other)}),
                        ("/events", {"batch": str(other)}), ("/attempts", {"selector": "@secret-name"})):
        assert people.request("GET", path, token=token, query=query).code() == "E202", path
    for verb in ("hold", "cancel", "retry", "release"):
        assert people.request("POST", "/" + verb, {"selectors": [str(other)]}, token=token).code() == "E202"
    assert people.request("POST", "/batches", {"command": ["true"], "after": [str(other)]}, token=token).code() == "E202"
    seen = json.dumps([people.request("GET", path, token=token).json() for path in ("/batches", "/tasks", "/events", "/status")])
    assert "secret-name" not in seen
    assert [row["id"] for row in people.request("GET", "/batches", token=token).json()["items"]] == [own]
    counts = people.request("GET", "/status", token=token).json()["counts"]
    assert counts["ready"] + counts["waiting"] == 1, counts
    assert people.request("GET", "/status", token=token).json()["batches_live"] == 1


def test_a_token_narrows_its_owner(people):
    def make(token=True, **wish):
        answer = people.request("POST", "/tokens", wish, token=token)
        assert answer.status == 201, answer
        return answer.json()["token"]

    narrow = make(role="viewer", project="atlas")
    assert people.request("GET", "/status", token=narrow).status == 200
    assert people.request("GET", "/status", token=narrow, query={"project": "default"}).code() == "E401"
    assert people.request("POST", "/batches", {"command": ["true"]}, token=narrow).code() == "E401"
    assert people.request("GET", "/users", token=narrow).code() == "E401"
    # What it makes is no wider than itself.
    again = people.request("POST", "/tokens", {"role": "admin"}, token=narrow).json()
    assert (again["role"], again["project"]) == ("viewer", "atlas")
    assert people.request("POST", "/tokens", {"user": "viewer1"}, token=people.tokens["operator"]).code() == "E401"
    for wish in ({"role": "king"}, {"project": "nosuch"}, {"expires_s": 0}, {"expires_s": 1e9}, {"note": "x" * 201}, {"user": "nobody"}):
        assert people.request("POST", "/tokens", wish).status in (400, 404), wish


def test_users_and_projects_live_and_die(people):
    assert people.get("/users/me")["roles"] == {"*": "admin"}
    owner = people.get("/users/me")["name"]
    for change in ({"roles": {"*": "viewer"}}, {"disabled": True}, {"roles": {"*": "none"}}):
        assert people.request("PATCH", f"/users/{owner}", change).status == 200  # admin2 is one too
        people.request("PATCH", f"/users/{owner}", {"roles": {"*": "admin"}, "disabled": False}, token=people.everywhere["admin"])
    assert people.request("DELETE", "/users/admin2").status == 200
    assert people.request("GET", "/status", token=people.everywhere["admin"]).status == 401
    assert people.request("DELETE", f"/users/{owner}").code() == "E212"
    assert people.request("PATCH", f"/users/{owner}", {"roles": {"*": "operator"}}).code() == "E212"
    assert people.request("POST", "/users", {"name": "viewer1"}).code() == "E212"
    for name in ("", "me", "a b", "a/b", "*", "x" * 65):
        assert people.request("POST", "/users", {"name": name}).code() == "E203", name
    assert people.request("PATCH", "/users/viewer1", {"roles": {"nosuch": "viewer"}}).code() == "E202"
    assert people.request("PATCH", "/projects/atlas", {"closed": True, "note": "done"}).json()["closed"] is True
    assert people.request("POST", "/batches", {"command": ["true"]}, token=people.tokens["submitter"]).code() == "E212"
    assert people.request("DELETE", "/projects/atlas").status == 200
    assert people.request("GET", "/status", query={"project": "atlas"}).code() == "E202"
    people.submit("true")
    assert people.request("DELETE", "/projects/default").code() == "E212"
    # All of it is there after a crash.
    names = [row["name"] for row in people.get("/users")["items"]]
    people.kill()
    people.start()
    assert [row["name"] for row in people.get("/users")["items"]] == names
    assert [row["name"] for row in people.get("/projects")["items"]] == ["default"]
    assert people.request("GET", "/projects", token=people.tokens["viewer"]).json()["items"] == []


def test_a_revoked_token_opens_nothing_at_once_and_after_a_crash(people):
    token = people.tokens["viewer"]
    connection = people.connect()
    assert people.request("GET", "/status", token=token, connection=connection).status == 200
    number = people.get("/tokens", user="viewer1")["items"][0]["id"]
    assert people.request("DELETE", f"/tokens/{number}").status == 200
    assert people.request("GET", "/status", token=token, connection=connection).status == 401
    people.kill()
    people.start()
    assert people.request("GET", "/status", token=token).status == 401
    assert people.request("GET", "/status", token=people.tokens["operator"]).status == 200


def test_the_audit_log_tells_who_did_what(people):
    batch = people.request("POST", "/batches", {"command": ["true"]}, token=people.tokens["submitter"]).json()["batch"]
    people.request("POST", "/hold", {"selectors": [str(batch)]}, token=people.tokens["operator"])
    people.request("POST", "/hold", {"selectors": [str(batch)], "dry_run": True}, token=people.tokens["operator"])
    people.request("POST", "/cancel", {"selectors": [str(batch)]}, token=people.tokens["viewer"])
    refused = people.request("GET", "/users", token=people.tokens["viewer"])
    people.request("GET", "/status", token=False)
    rows = people.get("/audit", limit=1000)["items"]
    tail = [(row["who"], row["role"], row["action"], row["object"], row["result"]) for row in rows][-5:]
    assert tail[0] == ("submitter1", "submitter", "batch.submit", str(batch), "ok")
    assert tail[1] == ("operator1", "operator", "task.hold", str(batch), "ok")
    assert [row[0] for row in tail[2:4]] == ["viewer1", "viewer1"] and tail[2][4] == tail[3][4] == "E401"
    assert tail[4][0] is None and tail[4][2] == "GET /api/v1/status"
    assert all(row["address"] == "127.0.0.1" and row["time"] for row in rows)
    assert rows[-2]["request"] == refused.fields["request-id"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    verdict = people.get("/audit/verify")
    assert verdict["holds"] and verdict["rows"] == len(rows) and verdict["head"] == rows[-1]["hash"]
    text = json.dumps(rows)
    assert "mst_" not in text


def test_an_altered_row_is_found(people):
    people.submit("true")
    people.terminate()
    with sqlite3.connect(people.data / "muster.db") as database:
        database.execute("UPDATE audit SET who = 'nobody' WHERE seq = 3")
    people.start()
    people.submit("true")
    verdict = people.get("/audit/verify")
    assert not verdict["holds"] and verdict["first_bad"] == 3
