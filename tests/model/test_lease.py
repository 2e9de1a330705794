# Runs lease.pml under spin: the protocol must hold at every bound, and each planted mistake must be found.
# Must hold: a search counts only when it was complete, and a mistake only when the assertion it breaks is the expected one.
import os
import pathlib
import re
import shutil
import subprocess

import pytest

MODEL = pathlib.Path(__file__).resolve().parent / "lease.pml"
LONG = bool(os.environ.get("MUSTER_TEST_LONG"))
LIMIT_S = 6 * 3600 if LONG else 300
DEPTH = 1_000_000

OVERLAP = "phase[0]==alive&&phase[1]==alive"
STALE_RESULT = "number==attempt"
TWO_ATTEMPTS = "attempt<2"


def sizes(lease=2, margin=1, end=4, attempts=2):
    return [f"LEASE={lease}", f"MARGIN={margin}", f"END={end}", f"ATTEMPTS={attempts}"]


# Complete searches, to be without error. The sizes are the largest that a machine with two cores does in seconds.
HOLDS = {
    "messages lost, doubled and late": sizes(),
    "server crash": sizes(end=3) + ["SERVER_CRASH"],
    "agent crash": sizes(end=3) + ["AGENT_CRASH=1"],
    "at most once, server crash": sizes(attempts=1) + ["SERVER_CRASH"],
    "frozen worker, overlap allowed: one result": sizes(end=3) + ["FREEZE=1", "OVERLAP_ALLOWED"],
}
HOLDS_LARGE = {
    "long lease, server crash": sizes(lease=3, end=5) + ["SERVER_CRASH"],
    "both agents crash": sizes() + ["AGENT_CRASH=2"],
    "server and agent crash": sizes() + ["SERVER_CRASH", "AGENT_CRASH=1"],
    "both workers freeze, overlap allowed: one result": sizes() + ["FREEZE=2", "OVERLAP_ALLOWED"],
}
# Each mistake with the promise that it breaks.
BREAKS = {
    "result accepted without its epoch": (sizes() + ["NO_EPOCH"], STALE_RESULT),
    "lease counted by the agent from receiving": (sizes() + ["RECV_TIME"], OVERLAP),
    "no margin": (sizes(margin=0), OVERLAP),
    "late grant started": (sizes() + ["NO_START_CHECK"], OVERLAP),
    "no deadline": (sizes() + ["NO_FENCE"], OVERLAP),
    "deadline kept by the agent instead of the keeper": (sizes() + ["FENCE_IN_AGENT", "AGENT_CRASH=1"], OVERLAP),
    "frozen worker: overlap does happen": (sizes() + ["FREEZE=1"], OVERLAP),
    "witness: a second attempt can succeed": (sizes() + ["WITNESS"], TWO_ATTEMPTS),
}
# The same in a larger world, where the shortest way into the mistake is not the only one.
BREAKS_LARGE = {
    "long lease, result accepted without its epoch": (sizes(lease=3, end=5) + ["NO_EPOCH", "SERVER_CRASH"], STALE_RESULT),
    "long lease, counted from receiving": (sizes(lease=3, end=5) + ["RECV_TIME", "SERVER_CRASH"], OVERLAP),
    "long lease, no margin": (sizes(lease=3, margin=0, end=5) + ["SERVER_CRASH"], OVERLAP),
}


def search(folder, definitions, *compiler):
    """Everything that the verifier printed for this model."""
    flags = [f"-D{definition}" for definition in definitions]
    cache = ["ccache"] if shutil.which("ccache") else []
    run(folder, ["spin", "-a", *flags, str(MODEL)])
    run(folder, [*cache, "gcc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", *compiler, "-c", "pan.c", "-o", "pan.o"])
    run(folder, ["gcc", "pan.o", "-o", "pan"])
    return run(folder, ["./pan", "-E", f"-m{DEPTH}", "-w24"], LIMIT_S)


def run(folder, command, limit_s=120):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit_s, check=False)
    if command[0] != "./pan":
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def errors_in(output):
    match = re.search(r"errors: (\d+)", output)
    assert match, f"the verifier did not end\n{output}"
    return int(match.group(1))


def broken_promise(output):
    """The assertion in the words of the model: spin prints enumerators as numbers, counted from the last to the first."""
    match = re.search(r"assertion violated (.*) \(at depth", output)
    assert match, output
    return re.sub(r"phase\[(\d)\]==3", r"phase[\1]==alive", re.sub(r"[()\s]", "", match.group(1)))


def demand_that_it_holds(folder, definitions):
    output = search(folder, definitions)
    if errors_in(output):
        steps = run(folder, ["spin", "-t", "-p", "-g", *(f"-D{d}" for d in definitions), str(MODEL)])
        pytest.fail(f"{broken_promise(output)}\n{steps[-20_000:]}", pytrace=False)
    assert "max search depth too small" not in output and "Search not completed" not in output, output


def demand_that_it_breaks(folder, definitions, promise):
    # Breadth first finds the shortest way into the mistake, and finds it sooner.
    output = search(folder, definitions, "-DBFS")
    assert errors_in(output) == 1, f"the mistake was not found\n{output}"
    assert promise in broken_promise(output)


@pytest.mark.parametrize("definitions", HOLDS.values(), ids=HOLDS.keys())
def test_protocol_holds(tmp_path, definitions):
    demand_that_it_holds(tmp_path, definitions)


@pytest.mark.parametrize(("definitions", "promise"), BREAKS.values(), ids=BREAKS.keys())
def test_mistake_is_found(tmp_path, definitions, promise):
    demand_that_it_breaks(tmp_path, definitions, promise)


if LONG:

    @pytest.mark.parametrize("definitions", HOLDS_LARGE.values(), ids=HOLDS_LARGE.keys())
    def test_protocol_holds_in_the_large(tmp_path, definitions):
        demand_that_it_holds(tmp_path, definitions)

    @pytest.mark.parametrize(("definitions", "promise"), BREAKS_LARGE.values(), ids=BREAKS_LARGE.keys())
    def test_mistake_is_found_in_the_large(tmp_path, definitions, promise):
        demand_that_it_breaks(tmp_path, definitions, promise)
