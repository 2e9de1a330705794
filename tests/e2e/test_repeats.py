"""`Idempotency-Key` on every POST that makes something: the same request gives the same answer and makes it once, also after a kill."""

import json
import threading

import pytest

MADE = {
    "/users": {"name": "ada", "roles": {"default": "viewer"}},
    "/projects": {"name": "atlas", "note": "the big one"},
    "/tokens": {"note": "laptop"},
    "/secrets": {"name": "db", "value": "open sesame"},
    "/invites": {"name": "lab2"},
    "/workers": {"name": "declared", "slots": 4},
}


def post(server, path, body, key="k1", **more):
    return server.request("POST", path, body, fields={"Idempotency-Key": key} if key else None, **more)


def count(server, path):
    return len(server.get("/tokens" if path == "/invites" else path, limit=1000)["items"])


@pytest.mark.parametrize("path", MADE)
def test_a_repeat_makes_nothing_and_gives_the_first_answer(server, path):
    before = count(server, path)
    first = post(server, path, MADE[path])
    assert first.status == 201, first
    again = post(server, path, MADE[path])
    assert (again.status, again.json()) == (200, first.json())
    server.kill()
    server.start()
    after = post(server, path, MADE[path])
    # An invitation names the server's address, and that is another one now.
    differs = {"url"} if path == "/invites" else {"last_seen"} if path == "/workers" else set()
    assert after.status == 200 and {k: v for k, v in after.json().items() if k not in differs} == {
        k: v for k, v in first.json().items() if k not in differs}
    assert count(server, path) == before + 1
    other = dict(MADE[path], note="x") if path in ("/tokens", "/projects", "/secrets") else dict(MADE[path], name="other")
    refused = post(server, path, other)
    assert refused.status == 409 and refused.code() == "E211"
    assert post(server, path, MADE[path], key="x" * 256).code() == "E203"
    assert server.get("/audit/verify")["holds"]


def test_a_repeated_token_opens_the_same_door(server):
    first = post(server, "/tokens", {"note": "one"}).json()
    assert post(server, "/tokens", {"note": "one"}).json()["token"] == first["token"]
    assert server.request("GET", "/status", token=first["token"]).status == 200
    other = post(server, "/tokens", {"note": "one"}, key="k2").json()
    assert other["token"] != first["token"] and other["id"] != first["id"]
    assert post(server, "/tokens", {"note": "one"}, key=None).json()["token"] != post(server, "/tokens", {"note": "one"}, key=None).json()["token"]
    # The key of somebody else is another key.
    assert post(server, "/users", {"name": "ada", "roles": {"*": "admin"}}).status == 201
    ada = post(server, "/tokens", {"user": "ada"}, key=None).json()["token"]
    hers = post(server, "/tokens", {"note": "one"}, token=ada)
    assert hers.status == 201 and hers.json()["user"] == "ada"
    # What is stored tells neither: without the server's key nothing of it is told again.
    server.terminate()
    (server.data / "secrets.key").unlink()
    server.start()
    lost = post(server, "/tokens", {"note": "one"})
    assert lost.status == 200 and "token" not in lost.json()


def test_a_dry_run_uses_up_no_key(server):
    assert post(server, "/users?dry_run=true", {"name": "ada"}).status == 200
    assert post(server, "/users", {"name": "ada"}).status == 201
    failed = post(server, "/users", {"name": "no name"}, key="k2")
    assert failed.code() == "E203"
    assert post(server, "/users", {"name": "mel"}, key="k2").status == 201


def test_many_at_once_make_one(server):
    """Twenty connections send the same at the same moment: one thing is made and everybody hears of it."""
    answers = []

    def send():
        answers.append(post(server, "/tokens", {"note": "one"}))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({json.dumps(answer.json()["token"]) for answer in answers}) == 1
    assert len([row for row in server.get("/tokens")["items"] if row["note"] == "one"]) == 1
