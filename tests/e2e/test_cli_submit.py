"""`muster submit`: what each option sends, where items come from, and what is refused before anything is sent."""

import json
import os
import socket
import subprocess
import threading

import pytest

import cli_support as cli


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("POST", "/batches")] = lambda request: (201, "application/json", {}, cli.submitted())
        yield server, run


def only_body(server):
    assert len(server.requests) == 1, server.requests
    return json.loads(server.requests[0][3].split(b"\n")[0])


# ---- options ---------------------------------------------------------------------------------------------------------


def test_a_plain_submission_says_no_more_than_it_must(fake, tmp_path):
    server, run = fake
    result = run("submit", "--", "echo", "a b", "$HOME", "{{}")
    assert (result.code, result.out, result.err) == (0, "batch 42 align: 200 tasks\n", "")
    assert only_body(server) == {"command": ["echo", "a b", "$HOME", "{{}"], "cwd": str(tmp_path)}
    headers = server.requests[0][2]
    assert headers["Authorization"] == "Bearer " + cli.TOKEN and headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"].startswith("auto-")


def test_every_option_reaches_the_server(fake, tmp_path):
    server, run = fake
    result = run("submit", "--name", "fit", "--batch", "big", "--cpus", "4", "--mem", "8G", "--disk", "100G", "--gpus", "2", "--slots", "3",
                 "--time", "1h30m", "--grace", "2.5s", "--retry", "2", "--max-running", "1_000", "--priority", "-5", "--after", "41",
                 "--after", "40.1-3", "--after-any", "39", "--after-each", "38", "--env", "A=1", "--env", "B=x=y", "--env", "C",
                 "--cwd", "/data", "--label", "study=PACA", "--rerun", "never", "--log-max", "1M", "--array", "1-10:3", "--shell=bash",
                 "--hold", "--close", "--key", "k1", "--dry-run", "--", "echo {}", env={"C": "from here"})
    assert result.code == 0, result
    assert only_body(server) == {
        "command": ["echo {}"], "shell": "bash", "name": "fit", "batch": "big", "array": "1-10:3", "slots": 3, "gpus": 2, "cpus": 4,
        "mem_mb": 8192, "disk_mb": 102400, "time_s": 5400, "grace_s": 2.5, "retries": 2, "max_running": 1000, "priority": -5,
        "after": ["41", "40.1-3"], "after_any": ["39"], "after_each": ["38"], "env": {"A": "1", "B": "x=y", "C": "from here"},
        "labels": {"study": "PACA"}, "cwd": "/data", "rerun": "never", "log_max_bytes": 1048576, "held": True, "closed": True,
        "dry_run": True}
    assert server.requests[0][2]["Idempotency-Key"] == "k1"


def test_short_options_and_every_spelling(fake):
    server, run = fake
    for words in (["-n", "x y"], ["-nx y"], ["--name=x y"], ["--name", "x y"]):
        server.requests.clear()
        assert run("submit", *words, "true").code == 0
        assert only_body(server)["name"] == "x y"
    for name in ("[a,b]", "{}", "-", "--wait"):
        server.requests.clear()
        run("submit", "--name", name, "true")
        assert only_body(server)["name"] == name
    server.requests.clear()
    assert run("submit", "--name=", "--hold", "true").code == 0
    assert "name" not in only_body(server) and only_body(server)["held"] is True


def test_the_command_begins_at_the_first_word_that_no_option_wants(fake):
    server, run = fake
    for words, command in ((["--hold", "grep", "-n", "--json", "x"], ["grep", "-n", "--json", "x"]),
                           (["--", "--odd", "x", "--", "y"], ["--odd", "x", "--", "y"]), (["echo", "--", "a"], ["echo", "--", "a"])):
        server.requests.clear()
        assert run("submit", *words).code == 0
        assert only_body(server)["command"] == command


def test_shell_is_only_taken_with_an_equals_sign(fake):
    server, run = fake
    run("submit", "--shell", "--", "echo $HOME")
    assert only_body(server)["shell"] == "sh" and only_body(server)["command"] == ["echo $HOME"]


def test_cwd(fake, tmp_path):
    server, run = fake
    (tmp_path / "real/sub").mkdir(parents=True)
    os.symlink(tmp_path / "real", tmp_path / "link")
    where = tmp_path / "link"
    for words, env, wanted in (
            ([], {"PWD": str(where)}, str(where)),  # the name the shell has for it
            ([], {"PWD": "/elsewhere"}, str(tmp_path / "real")), ([], {"PWD": None}, str(tmp_path / "real")),
            (["--cwd", "none"], {}, "none"), (["--cwd", "sub"], {}, str(tmp_path / "real/sub")), (["--cwd", "/a/b"], {}, "/a/b")):
        server.requests.clear()
        assert run("submit", *words, "true", cwd=where, env=env).code == 0
        assert only_body(server)["cwd"] == wanted


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_answers(fake):
    server, run = fake
    words = ["submit", "--", "true"]
    assert run(*words[:1], "-q", *words[1:]).out == run("submit", "--quiet", "true").out == run("submit", "--output", "name", "true").out == "42\n"
    for spelling in (["--json"], ["-o", "json"], ["--output=json"]):
        assert json.loads(run("submit", *spelling, "true").out) == cli.submitted()
    server.routes[("POST", "/batches")] = cli.submitted(count=1, last=1, first=1)
    assert run(*words).out == "batch 42 align: 1 task\n"
    server.routes[("POST", "/batches")] = cli.submitted(first=201, last=400)
    assert run(*words).out == "batch 42 align: 200 tasks, from 42.201 on\n"
    server.routes[("POST", "/batches")] = cli.submitted(replayed=True)
    assert run(*words).out == "batch 42 align: 200 tasks (submitted before with this key)\n"
    server.routes[("POST", "/batches")] = cli.submitted(batch=None)
    assert run("submit", "--dry-run", "true").out == "would submit 200 tasks as a new batch align\n"


def test_a_terminal_is_told_what_to_do_next(fake):
    server, run = fake
    server.routes[("POST", "/batches")] = cli.submitted(name="a\x1b[2Jb")
    shown = run.terminal("submit", "--", "true", width=100).out
    cli.golden("submit-terminal.txt", shown)


def test_a_dry_run_has_no_key(fake):
    server, run = fake
    run("submit", "--dry-run", "true")
    assert "Idempotency-Key" not in server.requests[0][2]


# ---- items -----------------------------------------------------------------------------------------------------------


def sent_items(server):
    method, target, headers, content = server.requests[-1]
    assert headers["Content-Type"] == "application/vnd.muster.items" and method == "POST"
    head, _, items = content.partition(b"\n")
    return target.partition("?items=")[2], json.loads(head), items


def test_lines_on_standard_input(fake):
    server, run = fake
    assert run("submit", "echo", "{}", stdin="a\nb c\n").code == 0
    assert sent_items(server) == ("lines", {"command": ["echo", "{}"], "cwd": str(run.home)}, b"a\nb c\n")
    run("submit", "echo", stdin=b"\xff\xfe no utf-8\n")
    assert sent_items(server)[2] == b"\xff\xfe no utf-8\n"


def test_null_separated_items(fake):
    server, run = fake
    for spelling in ("-0", "--null"):
        assert run("submit", spelling, "echo", stdin=b"a\nb\0c\0").code == 0
        assert sent_items(server)[0] == "lines0" and sent_items(server)[2] == b"a\nb\0c\0"


def test_devnull_and_terminals_hold_no_items(fake):
    server, run = fake
    assert run("submit", "true").code == 0
    assert run.terminal("submit", "true").code == 0
    assert [target for _, target, _, _ in server.requests] == ["/api/v1/batches"] * 2


@pytest.mark.parametrize("name, text, kind", [
    ("a.tsv", "x\ty\n1\t2\n", "tsv"), ("a.CSV", 'x,y\n1,"2\n3"\n', "csv"), ("a.jsonl", '{"x":"1","y":2}\n', "jsonl")])
def test_tables_from_files(fake, tmp_path, name, text, kind):
    server, run = fake
    (tmp_path / name).write_text(text)
    assert run("submit", "--from", name, "run", "{x}-{y}", "{#}").code == 0
    assert sent_items(server)[0] == kind and sent_items(server)[2] == text.encode()
    unknown = run("submit", "--from", name, "run", "{z}")
    assert unknown.code == 2 and "[E204]" in unknown.err and len(server.requests) == 1


def test_the_format_can_be_said(fake, tmp_path):
    server, run = fake
    (tmp_path / "list.txt").write_text("x,y\n1,2\n")
    assert run("submit", "--from", "list.txt", "--format", "csv", "run", "{y}").code == 0
    assert sent_items(server)[0] == "csv"
    assert run("submit", "--format", "tsv", "run", "{y}", stdin="x\ty\n1\t2\n").code == 0
    assert sent_items(server)[0] == "tsv"
    assert run("submit", "--from", "-", "--format=jsonl", "run", "{a}", stdin='{"a":1}\n').code == 0
    assert sent_items(server)[0] == "jsonl"
    assert run("submit", "--from", "list.txt", "run", "{}").code == 0
    assert sent_items(server)[0] == "lines"


def test_a_large_table_is_streamed(fake, tmp_path):
    server, run = fake
    rows = "".join(f"{number}\t{'x' * 50}\n" for number in range(100_000))
    (tmp_path / "big.tsv").write_text("n\tpad\n" + rows)
    assert run("submit", "--from", "big.tsv", "run", "{n}").code == 0
    assert server.requests[0][2]["Transfer-Encoding"] == "chunked"
    assert sent_items(server)[2] == b"n\tpad\n" + rows.encode()


def test_each(fake, tmp_path):
    server, run = fake
    for name in ("b.txt", "a.txt", "c.dat", ".hidden.txt", "with space.txt", "new\nline.txt", "sub/d.txt", "sub/deep/e.txt", "x[1].txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def items(*words):
        result = run("submit", *words)
        assert result.code == 0, result
        kind, head, content = sent_items(server)
        assert kind == "lines0" and content.endswith(b"\0")
        return content.decode().split("\0")[:-1]

    assert items("--each", "*.txt", "--", "cat") == ["a.txt", "b.txt", "new\nline.txt", "with space.txt", "x[1].txt"]
    assert items("--each", "?.dat", "*/d.txt", "--", "cat") == ["c.dat", "sub/d.txt"]
    assert items("--each=**/*.txt", "cat") == ["a.txt", "b.txt", "new\nline.txt", "sub/d.txt", "sub/deep/e.txt", "with space.txt", "x[1].txt"]
    assert items("--each", "b.txt", "a.txt", "x[1].txt", "--", "cat") == ["b.txt", "a.txt", "x[1].txt"]  # expanded by the shell
    assert items("--each", "{b,a}.txt", "--", "cat") == ["b.txt", "a.txt"]
    assert items("--each", str(tmp_path / "sub" / "*.txt"), "--", "cat") == [str(tmp_path / "sub/d.txt")]
    assert items("--each", "*/", "--", "ls") == ["sub/"]
    assert items("--cwd", "/tmp", "--each", "c.*", "--", "cat") == [str(tmp_path / "c.dat")]
    nothing = run("submit", "--each", "*.txt", "*.none", "--", "cat")
    assert nothing.code == 2 and "nothing matches '*.none'" in nothing.err and "[E214]" in nothing.err
    assert run("submit", "--each", "[", "--", "cat").code == 2


def test_an_early_refusal_ends_the_upload(fake, tmp_path):
    """The server answers after the first bytes and reads no more: the rest of 200 MB must not be pushed into nothing."""
    server, run = fake

    def refuse(request):
        request.rfile.read(1000)
        return cli.problem(400, "E207", "line 2 has 3 values for 2 columns", "correct the line")
    refuse.reads_no_body = True
    server.routes[("POST", "/batches")] = refuse
    with open(tmp_path / "big", "wb") as file:
        file.truncate(200_000_000)
    result = run("submit", "--from", "big", "run", "{}")
    assert result.code == 2 and "line 2 has 3 values" in result.err and "[E207]" in result.err


def test_a_first_page_that_is_no_table_is_refused_here(fake, tmp_path):
    server, run = fake
    (tmp_path / "bad.csv").write_text("x,x\n1,2\n")
    (tmp_path / "bad.jsonl").write_text('{"x":[1]}\n')
    for name in ("bad.csv", "bad.jsonl"):
        result = run("submit", "--from", name, "run", "{x}")
        assert result.code == 2 and "[E207]" in result.err
    missing = run("submit", "--from", "none.csv", "run")
    assert missing.code == 3 and "No such file" in missing.err
    folder = run("submit", "--from", str(tmp_path), "run")
    assert folder.code == 2 and "is a folder" in folder.err
    assert not server.requests


def test_only_one_source(fake, tmp_path):
    server, run = fake
    (tmp_path / "l").write_text("x\n")
    for words in (["--array", "1-3", "--from", "l"], ["--array", "1-3", "--each", "l"], ["--from", "l", "--each", "l"]):
        assert run("submit", *words, "--", "run").code == 2
    for words in (["--array", "1-3", "-0"], ["--each", "l", "--format", "csv"], ["--format", "csv"], ["-0"], ["-0", "--format", "csv"]):
        assert run("submit", *words, "--", "run").code == 2
    assert not server.requests


def test_standard_input_that_says_nothing_is_explained(fake):
    server, run = fake
    process = run.start("submit", "echo", stdin=subprocess.PIPE)
    seen = cli.lines_until(process.stderr, "for a single task:  < /dev/null", 20)
    assert len(seen) == 1
    process.stdin.write(b"late\n")
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close(), process.stderr.close()
    assert sent_items(server)[2] == b"late\n"


def test_token_and_items_on_one_standard_input(fake):
    server, run = fake
    result = run("submit", "--token-file", "-", "echo", stdin="tok\na\nb\n")
    assert result.code == 0 and server.requests[-1][2]["Authorization"] == "Bearer tok"
    assert sent_items(server)[2] == b"a\nb\n"


# ---- refused here ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, code", [
    (["--", "echo", "{}"], "E205"), (["--", "echo {x}"], "E204"), (["--array", "1-3", "--", "cat <<E\n{}\nE"], "E206"),
    (["--array", "1-3", "--", "echo {} # {}"], "E206"), ([], "E203"), (["--"], "E203"), (["--", ""], "E203"),
    (["--shell=fish-and-chips", "--", "x"], "E203"), (["--env", "A=1", "--env", "A=2", "--", "x"], "E203"), (["--timeout", "5s", "x"], "E203"),
    (["--progress", "plain", "x"], "E203")])
def test_what_cannot_work_is_refused_before_it_is_sent(fake, words, code):
    server, run = fake
    result = run("submit", *words)
    assert result.code == 2 and f"[{code}]" in result.err, result
    assert not server.requests


def test_a_place_that_cannot_be_quoted_is_marked(fake):
    _, run = fake
    cli.golden("unquotable.txt", run("submit", "--array", "1-3", "--", "echo ok # {}").err)


def test_bytes_that_json_cannot_carry(fake):
    server, run = fake
    for words in ([b"submit", b"echo", b"\xff"], [b"submit", b"--name", b"\xff", b"x"], [b"submit", b"--env", b"A=\xff", b"x"],
                  [b"submit", b"--label", b"\xff=1", b"x"]):
        done = subprocess.run([cli.MUSTER.encode(), *words], env=run.env(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 2 and b"UTF-8" in done.stderr and b"\xff" not in done.stderr
    assert not server.requests


# ---- a connection that breaks ----------------------------------------------------------------------------------------


class Flaky:
    """Reads a whole request and closes without a word, so many times; then answers."""

    def __init__(self, failures):
        self.left = failures
        self.keys = []

    def __call__(self, request):
        self.keys.append(request.headers["Idempotency-Key"])
        self.left -= 1
        return False if self.left >= 0 else (201, "application/json", {}, cli.submitted())


def test_a_lost_answer_is_asked_for_again_with_the_same_key(fake, tmp_path):
    server, run = fake
    (tmp_path / "items").write_text("a\nb\n")
    for words in (["--array", "1-200", "run"], ["--from", "items", "run"], ["--each", "items", "--", "run"], ["--key", "mine", "run"]):
        flaky = server.routes[("POST", "/batches")] = Flaky(2)
        result = run("submit", *words)
        assert (result.code, result.out) == (0, "batch 42 align: 200 tasks\n")
        assert "asking again with the same key" in result.err
        assert len(flaky.keys) == 3 and len(set(flaky.keys)) == 1
        assert len({content for _, _, _, content in server.requests[-3:]}) == 1


def test_items_from_a_pipe_cannot_be_sent_twice(fake):
    server, run = fake
    flaky = server.routes[("POST", "/batches")] = Flaky(1)
    result = run("submit", "run", stdin="a\n")
    assert result.code == 69 and "whether the tasks were accepted is not known" in result.err and len(flaky.keys) == 1
    assert "muster batch list" in result.err


def test_a_refused_connection_is_not_asked_again(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = cli.Client(tmp_path, MUSTER_TOKEN="x")("submit", "--url", url, "run")
    assert result.code == 69 and "asking again" not in result.err


def test_a_large_body_to_a_slow_reader(tmp_path):
    """The socket fills up: the client has to wait for room and still notice the answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    got = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += connection.recv(4096 if len(data) < 300_000 else 1 << 20)
            got.append(len(data))
            body = json.dumps(cli.submitted()).encode()
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    (tmp_path / "items").write_text("x" * 100 + "\n" + "y\n" * 4_000_000)
    run = cli.Client(tmp_path, MUSTER_TOKEN="x", MUSTER_URL=f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert run("submit", "-q", "--from", "items", "run").out == "42\n"
    thread.join(10)
    listener.close()
    assert got[0] > 8_000_000
