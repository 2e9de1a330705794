"""Bad networks, frozen processes and jumping clocks between server and worker. Tasks keep a ledger outside; at the end it is checked:

no two attempts of a task ran at the same time, one result of each was accepted, everything ended.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from agent_support import Worker, eventually, history, kill, process_ended
from conftest import MUSTER
from fault_proxy import DOWN, UP, FaultProxy

LONG = bool(os.environ.get("MUSTER_TEST_LONG"))
LEASE_S = 6


class Ledger:
    """What ran when, written by the tasks themselves on the clock that all share."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "ledger"
        self.path.touch()
        self.program = pathlib.Path(folder) / "task.sh"
        self.program.write_text(
            '#!/bin/sh\nnote() { read up rest </proc/uptime; echo "$MUSTER_TASK_INDEX $MUSTER_ATTEMPT $1 $up $$" >>"$LEDGER"; }\n'
            'note start\nsleep "$1"\nnote end\n')
        self.program.chmod(0o755)

    def submit(self, server, count, seconds="0.2"):
        return server.submit(str(self.program), seconds, array=f"1-{count}", env={"LEDGER": str(self.path)}, cwd="/")["batch"]

    def rows(self):
        return [(int(task), int(attempt), what, float(up), int(pid))
                for task, attempt, what, up, pid in (line.split() for line in self.path.read_text().splitlines())]

    def started(self):
        return len({(task, attempt) for task, attempt, what, _, _ in self.rows() if what == "start"})

    def check(self, server, batch, count, timeout_s=90):
        server.wait(batch, timeout_s=min(timeout_s, 59))
        runs = {}
        for task, attempt, what, up, pid in self.rows():
            runs.setdefault(task, {}).setdefault(attempt, {})[what] = (up, pid)
        assert set(runs) == set(range(1, count + 1))
        ended = server.get("/batches/" + str(batch))
        assert ended["counts"]["succeeded"] == count, ended
        for task, attempts in runs.items():
            accepted = [number for number, state, _ in history(server, f"{batch}.{task}") if state == "succeeded"]
            assert len(accepted) == 1, (task, history(server, f"{batch}.{task}"))
            numbers = sorted(attempts)
            assert accepted[0] == numbers[-1], "the last that was started is the one that counts"
            for one, next_one in zip(numbers, numbers[1:]):
                assert "end" not in attempts[one] or attempts[one]["end"][0] <= attempts[next_one]["start"][0] + 0.02, (task, attempts)
        for _, _, what, _, pid in self.rows():
            assert what == "end" or not is_task(pid, self.program), "nothing is left running"
        return runs


def is_task(pid, program):
    try:
        return str(program).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class World:
    def __init__(self, server, folder):
        self.server = server
        self.proxy = FaultProxy(server.address)
        self.worker = Worker(server, server.data / "second")
        self.start_agent()
        self.worker.wait_connected()
        self.ledger = Ledger(folder)

    def start_agent(self, *options):
        self.worker.start("--reconnect-max", "200ms", *options, url=self.proxy.url, slots=4)

    def connected(self):
        row = self.worker.row()
        return bool(row and row["connected"])


@pytest.fixture
def world(make_server, tmp_path):
    made = World(make_server(options=("--lease", f"{LEASE_S}s")), tmp_path)
    yield made
    made.proxy.close()


def test_frames_that_are_doubled_swapped_delayed_and_cut_change_nothing(world):
    count = 2000 if LONG else 200
    dice = random.Random(7)
    world.proxy.double = world.proxy.swap = 0.3
    world.proxy.delay_s = 0.01
    batch = world.ledger.submit(world.server, count, "0.02")
    for cut in range(60 if LONG else 8):
        before = world.ledger.started()
        eventually(lambda: world.ledger.started() > before or world.ledger.started() == count)
        time.sleep(dice.random() * 0.1)  # anywhere in between
        world.proxy.cut(reset=bool(cut % 2))
        eventually(world.connected)
    assert world.proxy.doubled > 0
    world.ledger.check(world.server, batch, count)


@pytest.mark.parametrize("held", [(UP,), (DOWN,), (UP, DOWN)], ids=["nothing arrives", "nothing comes back", "neither way"])
def test_a_partition_shorter_than_the_lease_costs_nothing(world, held):
    batch = world.ledger.submit(world.server, 8, "1")
    eventually(lambda: world.ledger.started() >= 4)
    world.proxy.hold(*held)
    time.sleep(LEASE_S / 4)  # the partition
    world.proxy.heal()
    runs = world.ledger.check(world.server, batch, 8)
    assert all(len(attempts) == 1 for attempts in runs.values()), "nothing ran twice"


@pytest.mark.parametrize("held", [(UP,), (UP, DOWN)], ids=["nothing arrives", "neither way"])
def test_a_partition_longer_than_the_lease_ends_the_tasks_before_they_run_again(world, held):
    second = Worker(world.server, world.server.data / "third")
    second.start(name="beta", slots=4)
    batch = world.ledger.submit(world.server, 8, "4")
    eventually(lambda: world.ledger.started() >= 8)
    world.proxy.hold(*held)
    world.proxy.refusing = True
    runs = world.ledger.check(world.server, batch, 8)
    assert any(len(attempts) > 1 for attempts in runs.values()), "what was cut off ran again elsewhere"
    world.proxy.heal()
    world.proxy.cut()
    eventually(world.connected)


def test_a_silent_worker_is_noticed_within_15_seconds(world):
    world.proxy.hold(UP)
    world.proxy.refusing = True
    begin = time.monotonic()
    eventually(lambda: not world.connected(), patience_s=16)
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize("who", ["agent", "server", "both"])
def test_frozen_processes_go_on_where_they_were(world, who):
    batch = world.ledger.submit(world.server, 8, "1")
    eventually(lambda: world.ledger.started() >= 4)
    pids = {"agent": [world.worker.agent()], "server": [world.server.process.pid]}
    pids["both"] = pids["agent"] + pids["server"]
    for pid in pids[who]:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LEASE_S / 4)  # frozen
    for pid in pids[who]:
        os.kill(pid, signal.SIGCONT)
    runs = world.ledger.check(world.server, batch, 8)
    assert all(len(attempts) == 1 for attempts in runs.values())


def test_an_agent_frozen_past_its_lease_has_its_tasks_ended_by_the_keeper(world):
    second = Worker(world.server, world.server.data / "third")
    second.start(name="beta", slots=4)
    batch = world.ledger.submit(world.server, 8, "4")
    eventually(lambda: world.ledger.started() >= 8)
    agent = world.worker.agent()
    os.kill(agent, signal.SIGSTOP)
    try:
        runs = world.ledger.check(world.server, batch, 8)
    finally:
        os.kill(agent, signal.SIGCONT)
    assert any(len(attempts) > 1 for attempts in runs.values())
    eventually(world.connected)


def test_a_reboot_is_proof_that_everything_is_dead(make_server, tmp_path):
    server = make_server()
    boot = tmp_path / "boot"
    boot.write_text("first\n")
    worker = Worker(server, server.data / "second")
    worker.start("--boot-id-file", boot, slots=2)
    worker.wait_connected()
    ledger = Ledger(tmp_path)
    batch = ledger.submit(server, 2, "2")
    eventually(lambda: ledger.started() == 2)
    keeper = worker.keeper()
    worker.kill_agent()
    kill(keeper)
    for _, _, _, _, pid in ledger.rows():
        eventually(lambda pid=pid: process_ended(pid) or not is_task(pid, ledger.program))
    boot.write_text("second\n")
    worker.start("--boot-id-file", boot, slots=2)
    runs = ledger.check(server, batch, 2)
    assert all(len(attempts) == 2 for attempts in runs.values()), "at once, without waiting for any lease"


NAMESPACES = os.geteuid() == 0 and shutil.which("nft") and shutil.which("ip")


class Namespace:
    """A network of two: this side, and one in a namespace of its own, with rules of their own between them."""

    def __init__(self, name):
        self.name = name
        number = os.getpid() % 200 + 20
        self.near, self.far = f"10.77.{number}.1", f"10.77.{number}.2"
        self.link = f"mst{os.getpid() % 100000}"
        self.call("ip", "netns", "add", name)
        self.call("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", name)
        self.call("ip", "addr", "add", self.near + "/24", "dev", self.link)
        self.call("ip", "link", "set", self.link, "up")
        self.call("ip", "-n", name, "addr", "add", self.far + "/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            self.call("ip", "-n", name, "link", "set", device, "up")
        for words in (("add", "table", "inet", "t"), ("add", "chain", "inet", "t", "in", "{ type filter hook input priority 0 ; }"),
                      ("add", "chain", "inet", "t", "out", "{ type filter hook output priority 0 ; }")):
            self.nft(*words)

    @staticmethod
    def call(*words):
        subprocess.run(words, check=True, capture_output=True)

    def inside(self, *words):
        return ["nsenter", f"--net=/run/netns/{self.name}", *words]

    def nft(self, *words):
        self.call(*self.inside("nft", *words))

    def lose(self, chain, *match):
        """Packets of this direction vanish: 'in' those from us, 'out' those to us."""
        self.nft("add", "rule", "inet", "t", chain, *match, "drop")

    def heal(self):
        for chain in ("in", "out"):
            self.nft("flush", "chain", "inet", "t", chain)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.link], check=False, capture_output=True)


@pytest.mark.skipif(not NAMESPACES, reason="needs root, ip and nft: a network namespace")
def test_lost_packets_in_a_network_of_its_own(make_server, tmp_path):
    space = Namespace(f"mst-{os.getpid()}")
    try:
        server = make_server(listen=f"{space.near}:0", options=("--lease", f"{LEASE_S}s"))
        worker = Worker(server, server.data / "second")
        url = (server.data / "server.url").read_text().strip()
        words = ["agent", "--folder", worker.folder, "--server", url, "--token-file", server.data / "worker" / "agent.token",
                 "--name", "far", "--slots", "4", "--reconnect-max", "200ms"]
        with open(server.folder / "far.log", "ab") as log:
            agent = subprocess.Popen(space.inside(MUSTER, *map(str, words)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env=server.environment(), start_new_session=True)
        worker.own.append(agent)
        worker.wait_connected()
        ledger = Ledger(tmp_path)
        batch = ledger.submit(server, 12, "0.5")
        eventually(lambda: ledger.started() >= 4)
        for chain, match in (("in", ("numgen", "random", "mod", "100", "<", "30")), ("in", ()), ("out", ()),
                             ("out", ("tcp", "flags", "ack", "reject", "with", "tcp", "reset"))):
            if "reject" in match:
                space.nft("add", "rule", "inet", "t", chain, "tcp", "dport", str(server.address[1]), "reject", "with", "tcp", "reset")
            else:
                space.lose(chain, *match)
            time.sleep(1)  # the fault
            space.heal()
        runs = ledger.check(server, batch, 12)
        assert all(len(attempts) == 1 for attempts in runs.values()), "shorter than the lease: nothing ran twice"
    finally:
        space.close()
