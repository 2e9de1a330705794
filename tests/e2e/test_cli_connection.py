"""How the command line finds its server and its token, and what it says when it finds none."""

import os
import socket
import stat
import threading
import time

import pytest

import cli_support as cli


@pytest.fixture
def fake(tmp_path):
    with cli.fake_server(tmp_path) as (server, run):
        server.routes[("GET", "/status")] = cli.status()
        yield server, run


def folder_of(server, path, token="mst_folder_token"):
    path.mkdir(parents=True)
    (path / "server.url").write_text(server.url + "\n")
    (path / "admin.token").write_text(token + "\n")
    (path / "admin.token").chmod(0o600)
    return path


def token_sent(server):
    return server.requests[-1][2]["Authorization"]


# ---- the server ------------------------------------------------------------------------------------------------------


def test_nothing_is_there(tmp_path):
    result = cli.Client(tmp_path)("status")
    assert result.code == 69 and result.out == ""
    cli.golden("no-server.txt", cli.normalised(result.err, HOME=tmp_path))


def test_nothing_listens(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = cli.Client(tmp_path, MUSTER_TOKEN="x")("status", "--url", url)
    assert result.code == 69
    cli.golden("nothing-listens.txt", cli.normalised(result.err, HOME=tmp_path))


def test_the_order_of_the_ways_to_name_a_server(fake, tmp_path):
    server, _ = fake
    there = folder_of(server, tmp_path / "data")
    config = tmp_path / "config"
    (config / "muster").mkdir(parents=True)
    (config / "muster/config.toml").write_text(
        f'current = "good"\n[contexts.good]\nurl = "{server.url}"\n[contexts.bad]\nurl = "http://127.0.0.1:1"\n'
        f'[contexts.folder]\ndata = "{there}"\n')
    nowhere = "http://127.0.0.1:1"
    run = cli.Client(tmp_path, MUSTER_TOKEN=cli.TOKEN)

    def answers(*words, **env):
        return run("status", "-o", "json", *words, env={"MUSTER_DATA": str(tmp_path / "empty"), **env}).code == 0

    assert answers("--url", server.url, MUSTER_URL=nowhere)
    assert answers(MUSTER_URL=server.url, XDG_CONFIG_HOME=config, MUSTER_CONTEXT="bad")
    assert not answers("--url", nowhere, MUSTER_URL=server.url)
    assert answers(XDG_CONFIG_HOME=config)
    assert answers("--context", "good", XDG_CONFIG_HOME=config, MUSTER_CONTEXT="bad", MUSTER_URL=nowhere)
    assert not answers(XDG_CONFIG_HOME=config, MUSTER_CONTEXT="bad")
    assert answers("--context", "folder", XDG_CONFIG_HOME=config)
    assert answers("--data", str(there), MUSTER_URL=nowhere)
    assert answers(MUSTER_DATA=there)
    assert not answers()
    (tmp_path / "share").mkdir()
    os.symlink(there, tmp_path / "share/muster")
    assert answers(MUSTER_DATA=None, XDG_DATA_HOME=tmp_path / "share")
    (tmp_path / ".local").mkdir()
    os.symlink(tmp_path / "share", tmp_path / ".local/share")
    assert answers(MUSTER_DATA=None)


def test_common_options_may_stand_before_the_command(fake):
    server, run = fake
    assert run("--url", server.url, "--token-file", "-", "status", "-q", stdin="tok\n", env={"MUSTER_URL": None}).code == 0
    assert token_sent(server) == "Bearer tok"
    assert run("--no-color", "--url=" + server.url, "status", env={"MUSTER_URL": None}).code == 0


def test_contexts_that_are_wrong(fake, tmp_path):
    server, run = fake
    env = {"XDG_CONFIG_HOME": tmp_path / "config", "MUSTER_URL": None}
    assert "there is no context 'lab'" in run("status", "--context", "lab", env=env).err
    (tmp_path / "config/muster").mkdir(parents=True)
    file = tmp_path / "config/muster/config.toml"
    file.write_text('[contexts.lab]\nurl = "http://127.0.0.1\n')
    broken = run("status", "--context", "lab", env=env)
    assert broken.code == 2 and "line 2 of" in broken.err and "[E203]" in broken.err
    file.write_text("[contexts.lab]\n")
    assert "names neither url nor data" in run("status", "--context", "lab", env=env).err
    file.write_text('[contexts.other]\nurl = "http://127.0.0.1:1"\n')
    assert run("status", "--context", "lab", env=env).code == 3


@pytest.mark.parametrize("url, why", [
    ("https://127.0.0.1:1/x", "more than host and port"), ("127.0.0.1:7420", "begins with neither http://"), ("http://example.org", "neither localhost nor"),
    ("http://192.0.2.7:7420", "unencrypted"), ("http://0.0.0.0:1", "unencrypted"), ("http://127.0.0.1:0", "port"),
    ("http://127.0.0.1:99999", "port"), ("http://127.0.0.1:7420/api", "more than host and port"), ("http://[::1", "bracket"),
    ("http://user@127.0.0.1", "more than host and port"), ("http://127.0.0.1:74 20", "more than")])
def test_addresses_that_are_refused(fake, url, why):
    _, run = fake
    result = run("status", "--url", url)
    assert result.code == 2 and why in result.err and "[E203]" in result.err


def test_localhost_and_ipv6(fake):
    server, run = fake
    assert run("status", "-q", "--url", f"http://localhost:{server.port}/").code == 0
    assert run("status", "-q", "--url", f"http://[::1]:{server.port}").code == 69


# ---- the token -------------------------------------------------------------------------------------------------------


def test_the_order_of_the_ways_to_name_a_token(fake, tmp_path):
    server, run = fake
    there = folder_of(server, tmp_path / "data")
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"tok_{name}\nsecond line\n")
        (tmp_path / name).chmod(0o600)
    env = {"MUSTER_DATA": there, "MUSTER_TOKEN": "tok_env", "MUSTER_TOKEN_FILE": tmp_path / "two"}

    def token(*words, **less):
        assert run("status", "-q", *words, env={**env, **less}).code == 0
        return token_sent(server).removeprefix("Bearer ")

    assert token("--token-file", tmp_path / "one") == "tok_one"
    assert token() == "tok_two"
    assert token(MUSTER_TOKEN_FILE=None) == "tok_env"
    assert token(MUSTER_TOKEN_FILE=None, MUSTER_TOKEN=None) == "mst_folder_token"


def test_tokens_that_are_refused(fake, tmp_path):
    server, run = fake
    file = tmp_path / "token"
    file.write_text("tok\n")
    for mode in (0o604, 0o640, 0o660, 0o644):
        file.chmod(mode)
        result = run("status", "--token-file", file)
        assert result.code == 4 and "[E109]" in result.err and f"chmod 600 {file}" in result.err
    file.chmod(0o600)
    file.write_text("\n")
    assert run("status", "--token-file", file).code == 4
    assert "cannot be read" in run("status", "--token-file", tmp_path / "none").err
    result = run("status", env={"MUSTER_TOKEN": None})
    assert result.code == 4 and "[E106]" in result.err
    result = run("status", env={"MUSTER_TOKEN": "tok\r\nX-Evil: 1"})
    assert result.code == 4 and "[E107]" in result.err
    assert not server.requests


def test_a_token_never_shows(fake, tmp_path):
    server, run = fake
    server.routes.clear()
    secret = "mst_admin_1_verysecret"
    for words in (["status"], ["status", "--json"], ["batch", "show", "1"]):
        result = run(*words, env={"MUSTER_TOKEN": secret})
        assert result.code != 0 and secret not in result.out + result.err
    assert stat.S_IMODE(os.stat(tmp_path).st_mode)  # the folder is still there: nothing was written into it
    assert secret not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())


# ---- a server that behaves badly -------------------------------------------------------------------------------------


def raw_server(*answers):
    """Accepts once per answer, sends the bytes after the request's head has come, closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for piece in answer if isinstance(answer, list) else [answer]:
                    connection.sendall(piece)
                    time.sleep(0.05)  # so that the pieces arrive apart
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("answer, wanted", [
    (b"", "did not answer"), (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", "did not answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "not JSON")])
def test_broken_answers(tmp_path, answer, wanted):
    result = cli.Client(tmp_path, MUSTER_TOKEN="x")("status", "--url", raw_server(answer))
    assert result.code in (69, 75) and wanted in result.err


def test_an_answer_in_pieces_and_chunks(tmp_path):
    body = b'{"schema":"muster.status/1","batches":[{"id":7}]}'
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5]) for i in range(0, len(body), 5)) + b"0\r\n\r\n"
    whole = head + chunks
    url = raw_server([whole[i:i + 40] for i in range(0, len(whole), 40)])
    assert cli.Client(tmp_path, MUSTER_TOKEN="x")("status", "-q", "--url", url).out == "7\n"
    closed = raw_server(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    assert cli.Client(tmp_path, MUSTER_TOKEN="x")("status", "-q", "--url", closed).out == "7\n"
