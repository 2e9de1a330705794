"""`muster report`: one file with everything in it, no script, nothing from elsewhere, hostile names made harmless."""

import html.parser
import re

import pytest

import cli_support as cli


class Checked(html.parser.HTMLParser):
    """Every element is closed, and nothing in the page reaches out."""

    VOID = {"meta", "rect", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags = [], "", set()
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert tag not in ("script", "link", "iframe", "img", "object", "base"), tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "href", "action"), (tag, name, value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e&\"'"


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        document = {"schema": "muster.batch/1", **cli.batch(name=HOSTILE, command=HOSTILE, ended=cli.ago(60)),
                    "template": {"resources": {"cpus": 4, "mem_mb": 8192}, "env": {"K": HOSTILE}, "time_s": 3600, "cwd": None}}
        server.routes[("GET", "/batches/42")] = document
        pages = [cli.listing("muster.attempts/1", *(cli.attempt(
            1, id=f"42.{i}#1", state="failed" if i % 7 == 0 else "succeeded", cause="exit" if i % 7 == 0 else None, exit_code=i % 7 and 0,
            message=HOSTILE, worker=f"node{i % 3}", wall_s=float(i), started=cli.ago(100000 - 100 * i), ended=cli.ago(99000 - 100 * i))
            for i in range(500 * page + 1, 500 * page + 501)), following="next" if page == 0 else None) for page in (0, 1)]
        server.routes[("GET", "/failures")] = {"schema": "muster.failures/1", "batch": 42, "failed": 142, "groups_total": 2, "groups": [
            {"count": 142, "cause": "exit", "phase": "executing", "exit_code": 137, "signal": None, "line": HOSTILE, "line_read": True,
             "first": cli.ago(99), "last": cli.ago(9), "workers": {HOSTILE: 142}, "peak_mem_mb": 1, "mem_mb": 8192,
             "samples": ["42.7", "42.14", "42.21"], "retry": "muster retry 42 --where 'state=failed cause=exit exit=137'"}]}
        server.routes[("GET", "/attempts")] = lambda request: pages[1 if "after" in request.query else 0]
        yield server, run


def test_the_page(fake, tmp_path):
    _, run = fake
    done = run("report", "42", "-f", tmp_path / "r.html")
    assert done.code == 0 and re.fullmatch(r"report of batch 42 in \S+/r.html \(\d+ KiB\)\n", done.out), done
    text = (tmp_path / "r.html").read_text()
    page = Checked(text)
    assert "<script" not in text and "\x1b" not in text and "\u202e" not in text and "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text and "prefers-color-scheme:dark" in text and "@media print" in text
    for said in ("Batch 42 <script>alert(1)</script>", "200 tasks, 1000 attempts", "Timeline", "Why tasks failed", "exit 137, as after SIGKILL",
                 "42.7, 42.14, 42.21", "muster retry 42 --where 'state=failed cause=exit exit=137'", "and 1 causes more", "Why attempts failed", "Slowest attempts",
                 "42.1000#1", "node0", "3 workers", "Resources", "Each task", "resources.mem_mb"):
        assert said in page.text, said
    assert "142" in page.text, "attempts that failed"
    assert len(text) < 200_000


def test_where_it_goes(fake, tmp_path):
    _, run = fake
    assert run("report", "42").out.startswith("<!DOCTYPE html>")
    shown = run.terminal("report", "42")
    assert shown.out.startswith("report of batch 42 in batch-42.html (") and (tmp_path / "batch-42.html").stat().st_size > 10000
    refused = run("report", "42", "--file", tmp_path / "no" / "where.html")
    assert refused.code == 75 and "E110" in refused.err
    assert run("report", "43").code == 3


def test_of_a_real_batch_and_of_an_empty_one(worker_server, tmp_path):
    batch = worker_server.submit("sh", "-c", "echo no file /data/{} >&2; test {} -ne 3", array="1-5", name="small")["batch"]
    worker_server.wait(str(batch))
    text = worker_server.run("report", "last").stdout
    page = Checked(text)
    assert f"Batch {batch} small" in page.text and "5 tasks, 5 attempts" in page.text and "exit 1" in page.text
    (line,) = [group["line"] for group in worker_server.get("/failures", selector=str(batch))["groups"]]
    assert "Why tasks failed" in page.text and line in page.text and "/data/3" not in page.text.split("Why tasks failed")[1].split("Why attempts")[0]
    held = worker_server.submit("true", name="held", held=True)["batch"]
    page = Checked(worker_server.run("report", held).stdout)
    assert "1 tasks, 0 attempts" in page.text and "Timeline" not in page.text
