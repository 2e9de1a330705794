"""`muster logs`: raw into a pipe, safe on a terminal, parts of a log, following it across a restart of the server."""

import os
import re
import signal
import subprocess
import sys

import pytest

import cli_support as cli

HOSTILE = b"caf\xc3\xa9 \x1b[2J\xff\r\n\tend \xe2\x80\xae\n"


class Log:
    """One attempt's log as the server pages it; grows while it is followed."""

    def __init__(self, data, final=True, attempt="42.17#1", page=1 << 20, cut=False):
        self.data, self.final, self.attempt, self.page, self.cut = data, final, attempt, page, cut
        self.queries = []

    def __call__(self, request):
        query = {name: values[0] for name, values in request.query.items()}
        self.queries.append(query)
        start = int(query.get("from", "0"))
        if "tail" in query:
            start = max(0, len(self.data) - int(query["tail"]))
        part = self.data[start:start + min(self.page, int(query["limit"]))]
        after = start + len(part)
        return 200, "application/octet-stream", {
            "Muster-Log-Start": str(start), "Muster-Log-Next": str(after), "Muster-Log-Cut": str(self.cut).lower(),
            "Muster-Log-Final": str(self.final and after == len(self.data)).lower(), "Muster-Log-Attempt": self.attempt}, part


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/attempts/42.17%231")] = {"schema": "muster.attempt/1", **cli.attempt(1, state="failed", exit_code=3)}
        yield server, run


def serve(server, *arguments, **options):
    log = server.routes[("GET", "/logs")] = Log(*arguments, **options)
    return log


def test_a_pipe_gets_the_bytes(fake):
    server, run = fake
    log = serve(server, HOSTILE * 1000, page=777)
    result = run("logs", "42.17", text=False)
    assert (result.code, result.out, result.err) == (0, HOSTILE * 1000, b"")
    assert log.queries[0] == {"selector": "42.17", "stream": "both", "limit": str(1 << 20)}
    assert run("logs", "42.17", "--raw", text=False).out == HOSTILE * 1000


def test_a_terminal_gets_safe_text_under_a_heading(fake):
    server, run = fake
    for page in (1, 2, 3, 1000):  # a character may lie on the border of two pages
        serve(server, HOSTILE, page=page)
        shown = run.terminal("logs", "42.17", "--no-color", width=80)
        assert shown.out == "── 42.17#1 · nimbus · 4.2s · failed · exit 3 ──\ncafé \\x1b[2J\\xff\\r\n\tend \\u{202e}\n", page
    serve(server, b"no newline")
    assert run.terminal("logs", "42.17", width=80).out.endswith("no newline\n")
    narrow = run.terminal("logs", "42.17", "--no-color", width=20)
    assert max(map(len, narrow.out.splitlines())) <= 20


def test_raw_on_a_terminal(fake):
    server, run = fake
    serve(server, b"\x1b[31mred\x1b[0m\n")
    assert "\x1b[31mred\x1b[0m\n" in run.terminal("logs", "--raw", "42.17", env={"NO_COLOR": "1"}).out


def test_parts(fake):
    server, run = fake
    log = serve(server, b"0123456789" * 100)
    assert run("logs", "42.17", "--head", "15", text=False).out == b"012345678901234"
    assert run("logs", "42.17", "--tail", "15", text=False).out == b"567890123456789"
    assert run("logs", "42.17", "--tail", "1k", text=False).out == b"0123456789" * 100
    assert run("logs", "42.17", "--tail", "15", "--head", "3", text=False).out == b"567"
    assert run("logs", "42.17", "--head", "0", text=False).out == b""
    run("logs", "42.17", "--stream", "stderr")
    run("logs", "42.17#1", "--stream=stdout")
    assert [query["stream"] for query in log.queries[-2:]] == ["stderr", "stdout"]
    assert log.queries[-1]["selector"] == "42.17#1"
    log = serve(server, b"0123456789" * 100, page=7)
    assert run("logs", "42.17", "--head", "15", text=False).out == b"012345678901234"
    assert run("logs", "42.17", "--tail", "15", text=False).out == b"567890123456789"


def test_several_selectors_in_order(fake):
    server, run = fake
    logs = {"1.1": Log(b"one\n", attempt="1.1#1"), "1.2": Log(b"two\n", attempt="1.2#4")}
    server.routes[("GET", "/logs")] = lambda request: logs[request.query["selector"][0]](request)
    assert run("logs", "1.2", "1.1").out == "two\none\n"


def test_a_whole_batch(fake):
    server, run = fake
    pages = {"": (b"a\n", "1:1:1:2", "42.1#1"), "1:1:1:2": (b"b\n", "2:1:1:2", "42.2#1"), "2:1:1:2": (b"", "2:1:1:2", "42.2#1")}

    def answer(request):
        data, following, attempt = pages[request.query.get("from", [""])[0]]
        return 200, "application/octet-stream", {"Muster-Log-Next": following, "Muster-Log-Final": str(not data).lower(),
                                                 "Muster-Log-Attempt": attempt}, data

    server.routes[("GET", "/logs")] = answer
    assert run("logs", "42").out == "a\nb\n"
    shown = run.terminal("logs", "42", "--no-color").out
    assert shown == "── 42.1#1 ──\na\n── 42.2#1 ──\nb\n"


def test_a_gap_is_pointed_out(fake):
    server, run = fake
    serve(server, b"first\nlast\n", cut=True, page=4)
    result = run("logs", "42.17")
    assert result.out == "first\nlast\n" and result.err.count("has a gap: it was longer than --log-max") == 1


def test_nothing_written(fake):
    server, run = fake
    serve(server, b"", final=False)
    assert run("logs", "42.17").out == ""
    assert run.terminal("logs", "42.17").out == "42.17 has written nothing (yet)\n"


# ---- following -------------------------------------------------------------------------------------------------------


class Growing:
    """Pieces that come one per poll; False is a lost connection."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.queries = []
        self.sent = b""

    def __call__(self, request):
        query = {name: values[0] for name, values in request.query.items()}
        self.queries.append(query)
        start = int(query.get("from", "0"))
        assert start <= len(self.sent), "asked beyond the end"
        part = self.sent[start:]
        final = not self.pieces
        if not part and self.pieces:
            piece = self.pieces.pop(0)
            if piece is False:
                return False
            if isinstance(piece, tuple):
                return piece
            part, final = piece, not self.pieces
            self.sent += piece
        return 200, "application/octet-stream", {"Muster-Log-Next": str(start + len(part)), "Muster-Log-Final": str(final).lower(),
                                                 "Muster-Log-Attempt": "42.17#1"}, part


def test_following_ends_with_the_attempt(fake):
    server, run = fake
    log = server.routes[("GET", "/logs")] = Growing(b"", b"one\n", b"two\n", b"")
    for spelling in ("-f", "--follow"):
        log = server.routes[("GET", "/logs")] = Growing(b"", b"one\n", b"two\n", b"")
        result = run("logs", spelling, "42.17")
        assert (result.code, result.out) == (0, "one\ntwo\n")
        assert "wait_s" not in log.queries[0] and int(log.queries[1]["wait_s"]) > 10
        assert [query.get("from") for query in log.queries] == [None, "0", "4", "8"]


def test_following_stays_with_the_attempt_it_began_with(fake):
    """A retry has a log of its own: a place in the first one means nothing there."""
    server, run = fake
    log = server.routes[("GET", "/logs")] = Growing(b"one\n", b"two\n", b"")
    assert run("logs", "-f", "42.17").out == "one\ntwo\n"
    assert [query["selector"] for query in log.queries] == ["42.17", "42.17#1", "42.17#1"]
    paged = serve(server, b"0123456789", page=4)
    assert run("logs", "42.17").out == "0123456789"
    assert [query["selector"] for query in paged.queries] == ["42.17", "42.17#1", "42.17#1"]


def test_following_goes_on_after_the_server_was_away(fake):
    server, run = fake
    server.routes[("GET", "/logs")] = Growing(b"one\n", False, False, cli.problem(503, "E108", "starting", ""), b"two\n", b"")
    result = run("logs", "-f", "42.17")
    assert (result.code, result.out) == (0, "one\ntwo\n")
    assert result.err.count("the server is away") == 1 and result.err.count("the server is back after") == 1


def test_an_unknown_task_is_an_error_also_when_following(fake):
    server, run = fake
    server.routes[("GET", "/logs")] = cli.problem(404, "E202", "there is no batch 42", "")
    assert run("logs", "-f", "42.17").code == 3
    assert cli.Client(run.home)("logs", "-f", "42.17").code == 69


def test_ctrl_c_while_following(fake):
    server, run = fake
    server.routes[("GET", "/logs")] = lambda request: (200, "application/octet-stream", {
        "Muster-Log-Next": "4", "Muster-Log-Final": "false", "Muster-Log-Attempt": "42.17#1"},
        b"one\n" if "from" not in request.query else b"")
    process = run.start("logs", "-f", "42.17")
    cli.lines_until(process.stdout, "one")
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130 and "reattach:  muster logs -f 42.17" in error


# ---- lines, order, search: against the real server ------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"one", b"one\n", b"one\ntwo\nthree", b"one\ntwo\nthree\n", b"\n\n\n", b"x" * 300000 + b"\nend\n",
                                  b"".join(b"line %d\n" % i for i in range(50000))])
def test_lines_from_both_ends(fake, data):
    server, run = fake
    serve(server, data, page=70000)
    lines = data.splitlines(keepends=True)
    for count in (0, 1, 2, 7000):
        assert run("logs", "42.17", "--head-lines", count, text=False).out == b"".join(lines[:count])
        assert run("logs", "42.17", "--tail-lines", count, text=False).out == b"".join(lines[len(lines) - min(count, len(lines)):])
    assert run("logs", "42.17", "--tail-lines", 2, "--head-lines", 1, text=False).out == b"".join(lines[-2:][:1])


def test_parts_that_contradict_each_other(fake):
    _, run = fake
    for words in (["--head", "1", "--head-lines", "1"], ["--tail", "1", "--tail-lines", "1"], ["-f", "--order", "time"],
                  ["--grep", "x", "--head", "3"], ["--grep", "x", "--order", "time"]):
        result = run("logs", "42.17", *words)
        assert result.code == 2 and "contradict" in result.err, words
    assert "belongs to --grep" in run("logs", "42.17", "--ignore-case").err
    assert "--regex belongs to --grep" in run("logs", "42.17", "--regex").err
    refused = run("logs", "42.17", "--grep", "a(b", "--regex")
    assert refused.code == 2 and refused.err.splitlines()[:3] == ["error: malformed expression: '(' is not closed  [E203]", "  a(b", "   ^"]
    assert run("logs", "42.17", "--grep", "").code == 2


def test_a_batch_by_index_and_by_time_and_parts_of_each_task(worker_server):
    # The later the index the earlier it is started: one at a time, 3 before 2 before 1.
    for index in (3, 2, 1):
        worker_server.submit("sh", "-c", "echo first {}; echo last {}", array=str(index), name="order",
                             **({} if index == 3 else {"batch": "order"}))
        worker_server.wait("@order")
    run = worker_server.run
    assert run("logs", "@order", "--head-lines", 1).stdout == "first 1\nfirst 2\nfirst 3\n"
    assert run("logs", "@order", "--tail-lines", 1, "--order", "time").stdout == "last 3\nlast 2\nlast 1\n"
    assert run("logs", "@order", "--order", "index").stdout == run("logs", "@order").stdout
    assert run("logs", "@order", "--order", "time").stdout.splitlines()[0] == "first 3"
    assert run("logs", "@order", "--tail", "7").stdout == "last 1\nlast 2\nlast 3\n"
    assert run("logs", "@order", "--head", "5").stdout == "firstfirstfirst"


def test_grep_follows(worker_server):
    """Lines that match as they are written, of one task and of a batch, to the end."""
    run = worker_server.run
    batch = worker_server.submit("sh", "-c", "echo wanted a{}; echo other; until test -e go; do sleep 0.05; done; printf 'wanted b{}'",
                                 array="1-2", name="talk", cwd=str(worker_server.folder))["batch"]
    follower = subprocess.Popen([cli.MUSTER, "logs", "-f", str(batch), "--grep", "wanted", "--data", str(worker_server.data)],
                                stdout=subprocess.PIPE, text=True)
    assert follower.stdout.readline() == f"{batch}.1:wanted a1\n"
    (worker_server.folder / "go").touch()
    rest = follower.communicate(timeout=60)[0]
    assert follower.returncode == 0 and rest.splitlines() == [f"{batch}.1:wanted b1", f"{batch}.2:wanted a2", f"{batch}.2:wanted b2"]
    assert run("logs", "-f", f"{batch}.2", "--grep", "b[0-9]$", "--regex").stdout == "wanted b2\n"


def test_grep_looks_through_all_of_a_batch(worker_server):
    run = worker_server.run
    batch = worker_server.submit("sh", "-c", "echo start {}; test {} -ne 7 || echo 'Out of Memory {}'; printf 'no end {}'",
                                 array="1-20")["batch"]
    worker_server.wait(str(batch))
    assert run("logs", batch, "--grep", "Out of Mem").stdout == f"{batch}.7:Out of Memory 7\n"
    assert run("logs", batch, "--grep", "out of mem").stdout == ""
    assert run("logs", batch, "--grep", "out of mem", "--ignore-case", "--stream", "stdout").stdout == f"{batch}.7:Out of Memory 7\n"
    assert run("logs", batch, "--grep", "out of mem", "--ignore-case", "--stream", "stderr").stdout == ""
    assert run("logs", f"{batch}.7", "--grep", "start").stdout == "start 7\n"
    assert run("logs", f"{batch}.7#1", "--grep", "start").stdout == "start 7\n"
    assert run("logs", f"{batch}.5-6", "--grep", "end").stdout == f"{batch}.5:no end 5\n{batch}.6:no end 6\n"
    assert len(run("logs", batch, "--grep", "start").stdout.splitlines()) == 20
    assert run("logs", batch, "--grep", "^out of (mem|disk).* [0-9]$", "--regex", "--ignore-case").stdout == f"{batch}.7:Out of Memory 7\n"
    assert run("logs", batch, "--grep", "end [3-5]$|^start 1\\d$", "--regex", "--stream", "stdout").stdout.splitlines() == [
        *(f"{batch}.{i}:no end {i}" for i in (3, 4, 5)), *(f"{batch}.{i}:start {i}" for i in range(10, 20))]
    # A page at a time gives the same lines.
    found, after = [], None
    while True:
        page = worker_server.get("/logs/search", selector=str(batch), text="start", limit=3, **({"after": after} if after else {}))
        assert page["schema"] == "muster.log-lines/1"
        found += [line["text"] for line in page["items"]]
        after = page["next"]
        if not after:
            break
    assert found == [f"start {i}" for i in range(1, 21)]
    for query in ({"text": ""}, {"text": "a\nb"}, {"text": "x" * 2000}, {"text": "x", "stream": "other"}, {"text": "x", "after": "1"},
                  {"text": "x", "ignore_case": "perhaps"}):
        assert worker_server.request("GET", "/logs/search", query={"selector": str(batch), **query}).status == 400, query


def test_a_line_without_an_end_needs_no_memory(worker_server, tmp_path):
    """100 MB in one line, with text at its end: printed, searched and cut at flat memory, and safe on a terminal."""
    code = "head -c 40000000 /dev/zero | tr '\\0' x; printf needle; head -c 60000000 /dev/zero | tr '\\0' y; printf '\\033[2Jend'"
    batch = worker_server.submit("sh", "-c", code, log_max_bytes=1 << 30)["batch"]
    worker_server.wait(str(batch))
    selector = f"{batch}.1"

    # What a child used at most counts from its fork: it has to be the child of somebody smaller than this process.
    small = ("import os, sys; pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ); _, status, usage = os.wait4(pid, 0); "
             "open(sys.argv[1], 'w').write(str(usage.ru_maxrss)); sys.exit(os.waitstatus_to_exitcode(status))")

    def measured(*words):
        with open(tmp_path / "out", "wb") as out:
            subprocess.run([sys.executable, "-S", "-c", small, tmp_path / "peak", cli.MUSTER, "logs", selector, *words, "--data",
                            worker_server.data], stdout=out, env=worker_server.environment(), check=True, timeout=60)
        assert int((tmp_path / "peak").read_text()) < 48 * 1024, words
        return (tmp_path / "out").stat().st_size

    def server_memory_kb():
        status = open(f"/proc/{worker_server.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    before = server_memory_kb()
    assert measured() == 100_000_006 + 7
    assert measured("--tail-lines", "1") == 100_000_006 + 7
    assert measured("--head", "10") == 10 and measured("--tail", "3") == 3
    assert 100 < measured("--grep", "needle") < 5000
    assert measured("--grep", "nothing like it") == 0
    assert server_memory_kb() - before < 64 * 1024
    shown = cli.Client(worker_server.home, **worker_server.environment()).terminal(
        "logs", selector, "--tail", "8", "--no-color", "--data", str(worker_server.data), width=20)
    assert "\x1b[2J" not in shown.out and "\\x1b[2Jend" in shown.out
