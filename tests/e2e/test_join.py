"""Another machine joins: keys that work once, credentials that belong to one worker and are renewed, the program from the server."""

import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from agent_support import Worker, eventually, process_ended, shell
from conftest import MUSTER


@pytest.fixture
def secure(make_server):
    return make_server(listen="0.0.0.0:0")


def invite(server, *words):
    return server.run("invite", "--json", *words)


def invited(server, *words):
    import json
    return json.loads(invite(server, *words).stdout)


def join(server, invitation, folder, *words, check=True, url=None):
    """`muster join -d` of a machine of its own: nothing of the server's folder is known to it."""
    environment = server.environment() | {"XDG_DATA_HOME": str(server.folder / "elsewhere")}
    done = subprocess.run([MUSTER, "join", url or server.url, "--key", invitation["key"], "--folder", str(folder), "-d", *map(str, words)],
                          capture_output=True, text=True, env=environment, timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert not check or done.returncode == 0, done
    return done


def worker_of(server, name):
    found = [one for one in server.get("/workers")["items"] if one["name"] == name and one["connected"]]
    return found[0] if found else None


def test_a_machine_joins_and_works(secure):
    invitation = invited(secure, "--name", "lab2")
    assert invitation["schema"] == "muster.invite/1" and invitation["key"].startswith("mst_join_") and invitation["pin"].startswith("sha256//")
    assert invitation["url"].startswith("https://") and not invitation["url"].startswith("https://127.")
    folder = secure.data / "far"
    done = join(secure, invitation, folder, "--slots", "3")
    assert "joined https://127.0.0.1" in done.stderr and "as lab2" in done.stderr, done
    row = eventually(lambda: worker_of(secure, "lab2"))
    assert row["slots"]["enabled"] == 3
    batch = shell(secure, "echo far away")
    secure.wait(batch)
    assert secure.run("logs", f"{batch}.1").stdout == "far away\n"
    assert (folder / "agent.token").stat().st_mode & 0o777 == 0o600
    kept = (folder / "agent.token").read_text() + (folder / "server.url").read_text()
    assert invitation["key"] not in kept and "mst_agent_" in kept


def test_what_is_printed_is_what_works(secure, tmp_path):
    text = secure.run("invite", "--ttl", "1h").stdout
    assert secure.run("invite", "-q").stdout.startswith("muster join https://")
    assert '"schema"' in secure.run("invite", "-o", "json").stdout
    for words, said in ((("up", "--lease", "1s"), "at least 2 seconds"), (("up", "--renew-agents", "soon"), "soon")):
        done = secure.run(*words, check=False)
        assert done.returncode == 2 and said in done.stderr, done
    fetch = next(line for line in text.splitlines() if "curl" in line)
    assert "--pinnedpubkey sha256//" in fetch and "/dl/muster" in fetch and "muster join https://" in text
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    subprocess.run(["sh", "-ec", fetch], cwd=tmp_path, check=True, timeout=60)
    assert hashlib.sha256((tmp_path / "muster").read_bytes()).digest() == hashlib.sha256(pathlib.Path(MUSTER).read_bytes()).digest()
    assert subprocess.run([tmp_path / "muster", "--version"], capture_output=True, check=True).stdout.startswith(b"muster ")


def refused(done):
    assert done.returncode == 4 and "[E113]" in done.stderr and len(done.stderr.splitlines()) <= 4, done
    return True


def test_a_key_works_once_and_only_whole(secure):
    invitation = invited(secure)
    key = invitation["key"]
    for altered in (key[:-1] + ("0" if key[-1] != "0" else "1"), key[:40], key.replace("join", "user"), key[:60] + "x" + key[61:], "x"):
        assert refused(join(secure, {"key": altered}, secure.data / "altered", check=False))
    join(secure, invitation, secure.data / "first")
    assert refused(join(secure, invitation, secure.data / "second", check=False)), "a replayed key"
    late = invited(secure, "--ttl", "1ms")
    time.sleep(0.05)  # the key's own time
    assert refused(join(secure, late, secure.data / "third", check=False)), "an expired key"
    assert not (secure.data / "third" / "agent.token").exists()
    assert len(secure.get("/workers")["items"]) <= 1


def test_two_that_come_with_one_key_are_one_worker(secure):
    invitation = invited(secure)
    words = [MUSTER, "join", secure.url, "--key", invitation["key"], "-d", "--folder"]
    both = [subprocess.Popen([*words, str(secure.data / name)], env=secure.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for name in ("one", "two")]
    assert sorted(process.wait(60) for process in both) == [0, 4]


def test_a_credential_is_good_for_one_worker(secure):
    join(secure, invited(secure, "--name", "lab"), secure.data / "far")
    eventually(lambda: worker_of(secure, "lab"))
    token = (secure.data / "far" / "agent.token").read_text()
    thief = Worker(secure, secure.data / "thief")
    stolen = secure.folder / "stolen"
    stolen.write_text(token)
    thief.start(url=(secure.data / "server.url").read_text().strip(), token=stolen)
    eventually(lambda: "this token belongs to another worker" in thief.log())
    assert secure.request("GET", "/status", token=token.strip()).code() == "E401"
    assert secure.request("POST", "/join", {"spool_id": "x", "name": "x"}, token=token.strip()).code() == "E401"
    assert secure.request("POST", "/join", {"spool_id": "x", "name": "x"}).code() == "E401", "nor does a user's token join"


def test_credentials_are_renewed_and_the_old_one_ends(make_server):
    server = make_server(listen="0.0.0.0:0", options=("--renew-agents", "300ms"))
    folder = server.data / "far"
    invitation = invited(server, "--name", "lab")
    join(server, invitation, folder)
    first = eventually(lambda: (folder / "agent.token").exists() and (folder / "agent.token").read_text())
    second = eventually(lambda: (text := (folder / "agent.token").read_text()) != first and text)
    assert (folder / "agent.token").stat().st_mode & 0o777 == 0o600

    def is_refused(token):
        return server.request("GET", "/status", token=token.strip()).code() == "E107"  # a good one is E401: not for this
    eventually(lambda: is_refused(first))
    assert second != first
    worker = Worker(server, folder)
    worker.kill_agent()
    again = [MUSTER, "join", "--folder", str(folder), "-d", "--slots", "2", "--gpu-slots", "1", "--boot-id-file", "/proc/sys/kernel/random/boot_id"]
    subprocess.run(again, env=server.environment(), check=True, timeout=60, stdin=subprocess.DEVNULL)
    eventually(lambda: worker_of(server, "lab"))
    assert len(server.get("/workers")["items"]) == 1, "it comes back without a key, as the same worker"


def test_a_folder_joins_one_server(secure, make_server):
    folder = secure.data / "far"
    join(secure, invited(secure), folder)
    other = make_server(listen="0.0.0.0:0")
    Worker(secure, folder).kill_agent()
    done = join(other, invited(other), folder, check=False)
    assert done.returncode == 3 and "choose another one" in done.stderr, done
    for words, said in ((["join"], "has not joined"), (["join", "https://x"], "go together"), (["join", "--key", "x"], "go together")):
        done = subprocess.run([MUSTER, *words, "--folder", str(secure.folder / "fresh")], capture_output=True, text=True,
                              env=secure.environment(), check=False, timeout=30, stdin=subprocess.DEVNULL)
        assert done.returncode == 2 and said in done.stderr, done


def test_the_key_holds_the_server_to_its_fingerprint(secure, make_server):
    other = make_server(listen="0.0.0.0:0")
    done = join(secure, invited(secure), secure.data / "far", url=other.url, check=False)
    assert done.returncode == 4 and "[E112]" in done.stderr, "another server than the one that made the key"


def test_a_server_on_loopback_invites_its_own_machine(make_server):
    server = make_server()
    invitation = invited(server)
    assert invitation["pin"] is None and invitation["url"] == server.url
    assert "listens on loopback only" in server.run("invite").stdout
    join(server, invitation, server.data / "second", "--name", "near", "--gpu-slots", "1")
    assert eventually(lambda: worker_of(server, "near"))["slots"]["gpu_enabled"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a root folder of its own")
def test_an_empty_root_is_enough(secure, tmp_path):
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    shutil.copy(MUSTER, root / "muster")
    version = subprocess.run([shutil.which("chroot"), root, "/muster", "--version"], capture_output=True, text=True, check=True, env={})
    assert version.stdout.startswith("muster ")
    host = socket.gethostbyname("localhost")
    invitation = invited(secure, "--name", "empty")
    url = f"https://{host}:{secure.address[1]}"
    script = f"mount -t proc proc {root}/proc && exec chroot {root} /muster join {url} --key {invitation['key']} --folder /worker"
    with open(secure.folder / "empty.log", "wb") as log:
        process = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script], env={"PATH": os.environ["PATH"]},
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually(lambda: worker_of(secure, "empty") or process.poll() is not None)
        assert process.poll() is None, (secure.folder / "empty.log").read_text()
        batch = secure.submit("/muster", "--version", cwd="none")["batch"]
        secure.wait(batch)
        assert secure.run("logs", f"{batch}.1").stdout == version.stdout, "a static program ran there"
    finally:
        process.kill()
        process.wait()
    assert process_ended(process.pid)


def test_the_program_is_given_to_so_many_at_once_and_to_the_next_when_they_are_done(server):
    slow = []
    try:
        for _ in range(64):
            one = socket.create_connection(server.address)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(b"GET /dl/muster HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"
            slow.append(one)
        connection = server.connect()
        connection.request("GET", "/dl/muster")
        refused = connection.getresponse()
        assert refused.status == 503 and refused.getheader("Retry-After") and b"fetching" in refused.read()
        assert server.request("GET", "/status").status == 200, "nobody else notices"
    finally:
        for one in slow:
            one.close()

    def given():
        connection.request("GET", "/dl/muster")
        response = connection.getresponse()
        return response.status == 200 and len(response.read()) == os.path.getsize(MUSTER) or not response.read()
    eventually(given)
    connection.close()
