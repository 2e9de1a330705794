"""The API's description: the manual's page is made from it, every call of the page works, and calls that differ from it are found.

All other end-to-end tests hold their calls to the description as well (api_check.py, from conftest.py).
"""

import os
import pathlib
import subprocess

import pytest

import api_check
import api_page
from conftest import MUSTER

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "manual" / "api.md"


def test_the_page_is_current():
    assert PAGE.read_text() == api_page.page(MUSTER), "write it anew: python3 tests/e2e/api_page.py > docs/manual/api.md"


def test_the_server_says_what_the_program_says(server):
    told = server.request("GET", "/openapi.json", token=False).json()
    assert told == api_page.description(MUSTER)


def test_every_call_of_the_page_works(worker_server):
    """Every operation once, by curl, in the order of the walk; each request and answer is as described."""
    server = worker_server
    known = api_page.operations(api_page.description(MUSTER))
    assert sorted(operation for operation, *_ in api_page.EXAMPLES) == sorted(known)
    environment = {**server.environment(), "MUSTER_URL": server.url, "MUSTER_TOKEN": server.token}
    # A worker to be, and a token that may go; the page's numbers are those of a new server.
    spare = server.request("POST", "/tokens", {"note": "spare"}).json()["id"]
    for operation, target, body, more in api_page.EXAMPLES:
        method, _, row = known[operation]
        own = dict(environment)
        if operation == "worker.join":
            own["MUSTER_TOKEN"] = server.request("POST", "/invites", {}).json()["key"]
        if operation == "session.create":
            own["MUSTER_TOKEN"] = server.request("POST", "/links", {}).json()["link"]
        if operation == "token.revoke":
            target = f"/tokens/{spare}"
        text = api_page.curl(method, target, body, more).replace("curl -sS", "curl -sS -w '\\n%{http_code} %{content_type}'")
        done = subprocess.run(["sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=own, check=False)
        received, _, told = done.stdout.rpartition(b"\n")
        status, _, content_type = told.decode().partition(" ")
        assert done.returncode == 0 and status.startswith("2"), (operation, text, done)
        sent = None if body is None else api_page.json.dumps(body).encode()
        api_check.check(MUSTER, method, "/api/v1" + target, sent, int(status), content_type, received)
        assert ("requestBody" in row) == (body is not None), operation


@pytest.mark.parametrize("change, place", [
    (lambda answer: answer.pop("version"), "lacks version"),
    (lambda answer: answer.update(surprise=1), "has surprise"),
    (lambda answer: answer.update(incarnation="1"), "not integer"),
    (lambda answer: answer.update(disk="full"), "not one of"),
    (lambda answer: answer["counts"].pop("ready"), "lacks ready"),
    (lambda answer: answer.update(started="yesterday"), "no time"),
    (lambda answer: answer.update(schema="muster.status/2"), "muster.status/1"),
])
def test_what_differs_is_found(server, change, place):
    answer = server.get("/status")
    def found():
        api_check.check(MUSTER, "GET", "/api/v1/status", None, 200, "application/json", api_page.json.dumps(answer).encode())
    found()
    change(answer)
    with pytest.raises(AssertionError, match=place):
        found()


def test_unknown_routes_and_requests_are_found():
    def check(method, target, sent=None):
        changed = b'{"schema":"muster.changed/1","count":1,"skipped":0,"replayed":false,"batches":[]}'
        api_check.check(MUSTER, method, target, sent, 200, "application/json", changed)

    check("POST", "/api/v1/hold", b'{"selectors":["1"]}')
    for method, target, sent in (("GET", "/api/v1/surprise", None), ("PUT", "/api/v1/hold", b"{}"), ("POST", "/api/v1/hold?x=1", b"{}"),
                                 ("POST", "/api/v1/hold", b'{"selectors":"1"}'), ("POST", "/api/v1/hold", b'{"mem_mb":1}')):
        with pytest.raises(AssertionError):
            check(method, target, sent)
    assert api_check.calls > 0 and os.path.exists(MUSTER)
