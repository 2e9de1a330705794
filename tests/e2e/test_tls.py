"""TLS on the one port: always off loopback, the server's own key, clients that say nothing to a stranger."""

import os
import socket
import ssl
import subprocess

import pytest

from agent_support import Worker, eventually, shell
from conftest import MUSTER, READY_S

OTHER_PIN = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.fixture
def secure(make_server):
    return make_server(worker=True, slots=1, listen="0.0.0.0:0")


def pin_of(server):
    return (server.data / "server.url").read_text().strip().split("#")[1]


def own_token(server):
    """A copy of the token that is not found by looking into a data folder."""
    path = server.folder / "token"
    path.write_text(server.token + "\n")
    path.chmod(0o600)
    return path


def client(server, *words):
    """`muster WORDS` by somebody who has no data folder."""
    environment = server.environment() | {"XDG_DATA_HOME": str(server.folder / "nothing")}
    return subprocess.run([MUSTER, *map(str, words)], capture_output=True, text=True, env=environment, timeout=READY_S,
                          stdin=subprocess.DEVNULL, check=False)


def test_off_loopback_there_is_always_tls(secure):
    assert secure.url.startswith("https://127.0.0.1:") and pin_of(secure).startswith("sha256//")
    assert (secure.data / "tls.key").stat().st_mode & 0o777 == 0o600
    batch = shell(secure, "echo over TLS")
    secure.wait(batch)
    assert secure.run("logs", f"{batch}.1").stdout == "over TLS\n", "client, server and worker find each other"
    with socket.create_connection(secure.address) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = plain.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer, "plain HTTP is refused in words"


def test_the_key_stays_when_the_server_starts_anew(secure):
    pin, port = pin_of(secure), secure.address[1]
    secure.terminate()
    secure.listen = f"0.0.0.0:{port}"
    secure.start()
    assert pin_of(secure) == pin
    eventually(lambda: [one for one in secure.get("/workers")["items"] if one["connected"]])


def test_who_is_not_meant_is_told_from_who_is_not_there(secure):
    token, pin = own_token(secure), pin_of(secure)
    for words in (["--url", secure.url, "--pin", pin], ["--url", f"{secure.url}#{pin}"], ["--url", f"{secure.url}#{OTHER_PIN}", "--pin", pin],
                  ["--url", secure.url, "--ca-file", secure.data / "tls.crt"]):
        done = client(secure, "status", *words, "--token-file", token)
        assert done.returncode == 0, done
    requests = secure.get("/status")  # the server is alive
    assert requests["url"] == secure.url
    for words in (["--pin", OTHER_PIN], []):
        done = client(secure, "status", "--url", secure.url, *words, "--token-file", token)
        assert done.returncode == 4 and "[E112]" in done.stderr and "nothing was sent" in done.stderr, done
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        done = client(secure, "status", "--url", f"https://127.0.0.1:{free.getsockname()[1]}#{pin}", "--token-file", token)
    assert done.returncode == 69 and "[E101]" in done.stderr, done
    done = client(secure, "status", "--url", f"http://127.0.0.1:{secure.address[1]}", "--token-file", token)
    assert done.returncode == 2 and "https://" in done.stderr, done
    done = client(secure, "status", "--url", secure.url, "--pin", "sha256//short", "--token-file", token)
    assert done.returncode == 2 and "fingerprint" in done.stderr, done


def test_the_config_file_may_hold_the_pin(secure):
    config = secure.home / "config" / "muster"
    config.mkdir(parents=True)
    token = own_token(secure)
    (config / "config.toml").write_text(f'current = "lab"\n[contexts.lab]\nurl = "{secure.url}"\ntoken_file = "{token}"\n'
                                        f'pin = "{pin_of(secure)}"\n[contexts.bad]\nurl = "{secure.url}"\n'
                                        f'token_file = "{token}"\npin = "{OTHER_PIN}"\n')
    assert client(secure, "status").returncode == 0
    assert client(secure, "status", "--context", "bad").returncode == 4


def test_a_folders_token_is_not_sent_to_a_server_elsewhere(secure):
    done = secure.run("status", "--url", "https://192.0.2.7:7420", check=False)
    assert done.returncode == 4 and "[E106]" in done.stderr, done


def test_certificates_may_be_given_and_old_tls_is_refused(make_server, tmp_path):
    made = make_server(name="maker", listen="127.0.0.1:0", options=("--tls",))
    assert made.url.startswith("https://127.0.0.1:"), "--tls on loopback"
    names = {"certificate": made.data / "tls.crt", "key": made.data / "tls.key"}
    made.terminate()
    given = make_server(name="given", options=("--tls-cert", names["certificate"], "--tls-key", names["key"]))
    assert given.url.startswith("https://") and not (given.data / "tls.key").exists()
    assert given.run("status").returncode == 0
    for version, good in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
        context = ssl._create_unverified_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection(given.address) as raw, context.wrap_socket(raw) as stream:
                assert stream.version() == "TLSv1.2" and good
        except ssl.SSLError:
            assert not good
    given.terminate()
    for words, said in ((("--tls-cert", names["certificate"]), "go together"),
                        (("--tls-cert", tmp_path / "none", "--tls-key", names["key"]), "cannot be used"),
                        (("--tls-cert", names["key"], "--tls-key", names["key"]), "cannot be used")):
        done = given.run("up", "--listen", "127.0.0.1:0", *words, check=False)
        assert done.returncode == 2 and said in done.stderr, done
    os.chmod(names["key"], 0o644)
    done = made.run("up", "--listen", "127.0.0.1:0", "--tls", check=False)
    assert done.returncode == 4 and "[E109]" in done.stderr, "it does not start with a key that others can read"


def test_one_who_shakes_hands_slowly_is_let_go(secure):
    with socket.create_connection(secure.address) as slow:
        slow.sendall(b"\x16\x03\x01")
        slow.settimeout(20)
        assert slow.recv(100) == b"", "the end came, and nothing else"


def test_a_worker_does_not_speak_to_a_stranger(secure):
    eventually(lambda: len(secure.get("/workers")["items"]) == 1)  # its own
    worker = Worker(secure, secure.data / "second")
    worker.start(url=f"{secure.url}#{OTHER_PIN}")
    eventually(lambda: "it is not the server that is meant" in worker.log())
    assert len(secure.get("/workers")["items"]) == 1
    worker.kill_agent()
    worker.start(url=f"{secure.url}#{pin_of(secure)}", name="second")
    eventually(lambda: [one for one in secure.get("/workers")["items"] if one["name"] == "second" and one["connected"]])


def test_hosts_are_those_of_this_machine(secure):
    for host, status in ((f"{socket.gethostname()}:1", 200), ("10.9.8.7:1", 200), ("evil.example", 403), ("[2001:db8::7]", 200)):
        assert secure.request("GET", "/status", fields={"Host": host}).status == status, host


def test_a_large_answer_and_a_large_body_come_through(secure):
    lines = "\n".join(f"line {i}" for i in range(200_000)) + "\n"
    done = secure.run("submit", "--hold", "-q", "--from", "-", "--", "true", "{}", stdin=lines)
    batch = done.stdout.strip()
    listed = secure.get("/tasks", selector=batch, limit=1000)
    assert len(listed["items"]) == 1000
    secure.run("cancel", batch, "--yes")
