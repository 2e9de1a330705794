"""The web page's side of the server: its files for anybody, what a browser may do with them, and signing in by a link.

What the page shows is tested in tests/web; here nothing is drawn.
"""

import gzip
import http.client
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest

from agent_support import eventually
from conftest import MUSTER

PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def link_of(server, *words):
    """The one-time part of what `muster open` prints."""
    done = server.run("open", "--no-browser", *words)
    line = done.stdout.strip()
    assert line.startswith(server.url + "/open#mst_link_"), done
    return line.split("#")[1]


def sign_in(server, link, body=None):
    return server.request("POST", "/sessions", {} if body is None else body, token=link)


def test_anybody_gets_the_page_and_nothing_else(server):
    page = raw(server, "/", PERSON)
    assert page.status == 200 and page.fields["content-type"].startswith("text/html")
    policy = page.fields["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert page.fields["cache-control"] == "no-cache" and page.fields["x-content-type-options"] == "nosniff"
    assert raw(server, "/batches/42", PERSON).body == page.body
    # A program that mistypes an address is told so.
    missing = raw(server, "/batches/42", {"Accept": "*/*"})
    assert missing.status == 404 and missing.fields["content-type"] == "application/problem+json"
    assert raw(server, "/assets/none.js", PERSON).status == 404
    # The page's being open opens nothing else.
    for path in ("/api/v1/batches", "/metrics"):
        refused = raw(server, path, PERSON)
        assert refused.status == 401 and "script-src" not in refused.fields["content-security-policy"]
    assert raw(server, "/", {"Host": "evil.example"}).status == 403
    assert raw(server, "/", PERSON, method="POST").status == 401


def raw(server, path, fields, method="GET"):
    """A path as it is, without a token."""
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in fields, skip_accept_encoding=True)
    for name, value in fields.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.body = response.read()
    response.fields = {name.lower(): value for name, value in response.getheaders()}
    connection.close()
    return response


def test_the_files_of_the_page_come_compressed_and_are_not_sent_twice(server):
    page = raw(server, "/", PERSON)
    if b"without its web page" in page.body:
        pytest.skip("built without the web page")
    names = re.findall(rb'(?:src|href)="(/assets/[^"]+)"', page.body)
    assert names, page.body
    for name in names:
        name = name.decode()
        plain = raw(server, name, {})
        assert plain.status == 200 and "immutable" in plain.fields["cache-control"]
        small = raw(server, name, {"Accept-Encoding": "gzip, br"})
        assert small.fields["content-encoding"] == "br" and len(small.body) < len(plain.body)
        middle = raw(server, name, {"Accept-Encoding": "gzip"})
        assert middle.fields["content-encoding"] == "gzip" and gzip.decompress(middle.body) == plain.body
    again = raw(server, "/", PERSON | {"If-None-Match": page.fields["etag"]})
    assert again.status == 304 and again.body == b""


def test_a_link_signs_one_browser_in(server):
    link = link_of(server)
    # It opens nothing but its own endpoint.
    assert server.request("GET", "/status", token=link).status == 403
    made = sign_in(server, link, {"note": "a browser"})
    assert made.status == 201, made
    session = made.json()
    assert server.request("GET", "/status", token=session["token"]).status == 200
    row = next(one for one in server.get("/tokens")["items"] if one["id"] == session["id"])
    assert row["note"] == "a browser" and row["kind"] == "user" and row["expires"] == session["expires"]
    # Once.
    used = sign_in(server, link)
    assert used.status == 401, used
    # Signing out ends the token.
    assert server.request("DELETE", f"/tokens/{session['id']}", token=session["token"]).status == 200
    assert server.request("GET", "/status", token=session["token"]).status == 401


def test_a_link_gives_no_more_than_its_maker_has(server):
    server.request("POST", "/users", {"name": "ana", "roles": {"default": "viewer"}})
    token = server.request("POST", "/tokens", {"user": "ana"}).json()["token"]
    link = server.request("POST", "/links", {}, token=token).json()["link"]
    session = sign_in(server, link).json()
    assert session["user"] == "ana"
    assert server.request("GET", "/status", token=session["token"]).status == 200
    assert server.request("POST", "/batches", {"command": ["true"]}, token=session["token"]).status == 403
    # Of an admin's token that was made for looking alone, too.
    narrow = server.request("POST", "/tokens", {"role": "viewer"}).json()["token"]
    link = server.request("POST", "/links", {}, token=narrow).json()["link"]
    session = sign_in(server, link).json()
    assert server.request("POST", "/batches", {"command": ["true"]}, token=session["token"]).status == 403
    # Whoever is shut out meanwhile does not come in.
    link = server.request("POST", "/links", {}, token=token).json()["link"]
    server.request("PATCH", "/users/ana", {"disabled": True})
    assert sign_in(server, link).status == 403


def test_a_link_ends_and_survives_a_restart(server):
    late = link_of(server, "--ttl", "1ms")
    time.sleep(0.01)  # the link's own time
    assert sign_in(server, late).status == 401
    refused = server.run("open", "--ttl", "2h", check=False)
    assert refused.returncode == 2 and "at most 1 hour" in refused.stderr
    good = link_of(server, "--ttl", "10m")
    server.kill()
    server.start()
    session = sign_in(server, good).json()
    server.kill()
    server.start()
    assert sign_in(server, good).status == 401, "used up before the kill"
    assert server.request("GET", "/status", token=session["token"]).status == 200


def test_neither_link_nor_token_is_written_down(server):
    link = link_of(server)
    session = sign_in(server, link).json()
    server.terminate()
    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    assert link.split("_")[3].encode() not in kept and session["token"].split("_")[3].encode() not in kept
    rows = sqlite3.connect(server.data / "muster.db").execute("SELECT count(*) FROM tokens").fetchone()
    assert rows[0] >= 2


def test_a_page_of_another_origin_cannot_sign_in(server):
    link = link_of(server)
    foreign = server.request("POST", "/sessions", {}, token=link, fields={"Origin": "http://evil.example"})
    assert foreign.status == 403
    text = server.request("POST", "/sessions", b"{}", token=link, fields={"Content-Type": "text/plain"})
    assert text.status == 415
    assert sign_in(server, link).status == 201, "what was refused used nothing up"


def test_the_browser_gets_a_file_not_an_argument(server, tmp_path):
    """The desktop's opener is a program whose arguments everybody can read, so the link stands in a file of the caller's own."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "xdg-open").write_text(f'#!/bin/sh\nprintf "%s" "$*" > {tmp_path}/arguments\nexit 0\n')
    (tools / "xdg-open").chmod(0o755)
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    environment = server.environment() | {"DISPLAY": ":7", "XDG_RUNTIME_DIR": str(runtime), "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run([MUSTER, "open", "--data", str(server.data)], env=environment, capture_output=True, text=True, timeout=60, check=True,
                          stdin=subprocess.DEVNULL)
    assert "the browser opens it" in done.stderr
    page = eventually(lambda: (tmp_path / "arguments").read_text())
    assert page == f"{runtime}/muster-open.html" and os.stat(page).st_mode & 0o777 == 0o600
    assert done.stdout.strip() in open(page, encoding="utf-8").read()
    told = json.loads(server.run("open", "-o", "json").stdout)
    assert told["schema"] == "muster.link/1" and told["path"].startswith("/open#mst_link_")
    assert json.loads(server.run("open", "--json").stdout)["link"] != told["link"]
    assert server.run("open", "-q").stdout.startswith(server.url + "/open#")
