"""Real workflows with Debian's Snakemake over the real server: the generic mode with our three commands, and --slurm with the door."""

import os
import shutil
import subprocess

import pytest
from agent_support import Worker
from conftest import MUSTER

ALL = bool(os.environ.get("MUSTER_TEST_ALL") or os.environ.get("MUSTER_TEST_LONG"))
slow = pytest.mark.skipif(not ALL, reason="Snakemake looks every 10 or 30 s: runs with --all")
pytestmark = pytest.mark.skipif(shutil.which("snakemake") is None, reason="needs snakemake")

WORKFLOW = """
rule all:
    input: "total.txt"

rule count:
    output: "count_{n}.txt"
    threads: 2
    resources: mem_mb=400
    shell: "echo {wildcards.n} {threads} > {output}"

rule total:
    input: expand("count_{n}.txt", n=[1, 2, 3])
    output: "total.txt"
    shell: "cat {input} > {output}"
"""
# One wave: --slurm asks for states every half minute or less often.
WAVE = """
rule all:
    output: "words.txt"
    threads: 2
    shell: "echo {threads} $SLURM_JOB_ID > {output}"
"""
BROKEN = """
rule all:
    output: "never.txt"
    shell: "echo 'no such reference' >&2; exit 3"
"""


class Workflow:
    def __init__(self, server, folder, bin_folder):
        self.server, self.folder, self.bin = server, folder, bin_folder

    def run(self, text, *words, timeout=120):
        (self.folder / "Snakefile").write_text(text)
        env = {**self.server.environment(), "MUSTER_DATA": str(self.server.data), "USER": "ana",
               "PATH": f"{self.bin}:{os.environ['PATH']}"}
        return subprocess.run(["snakemake", "--jobs", "4", "--max-status-checks-per-second", "20", "--latency-wait", "5", "--nolock", *words],
                              cwd=self.folder, env=env, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def workflow(make_server, tmp_path):
    server = make_server(worker=True, slots=4)
    Worker(server).wait_connected()
    for name in ("slurm", "snakemake"):
        subprocess.run([MUSTER, "door", "install", name, str(tmp_path / "bin")], check=True, capture_output=True)
    folder = tmp_path / "workflow"
    folder.mkdir()
    return Workflow(server, folder, tmp_path / "bin")


GENERIC = ["--cluster", "snakemake-submit --cores {threads} --mem {resources.mem_mb} --name {rule}.{wildcards} --label rule={rule}",
           "--cluster-status", "snakemake-status", "--cluster-cancel", "snakemake-cancel", "--default-resources", "mem_mb=300"]


def test_the_generic_mode_runs_a_workflow(workflow):
    done = workflow.run(WORKFLOW, *GENERIC)
    assert done.returncode == 0, done.stderr
    assert sorted((workflow.folder / "total.txt").read_text().splitlines()) == ["1 2", "2 2", "3 2"]
    # Each job was a batch of Muster with what its rule asked for.
    names = workflow.server.run("batch", "list", "-o", "csv", "--columns", "name,state").stdout.splitlines()[1:]
    assert sorted(names) == ["count.n=1,succeeded", "count.n=2,succeeded", "count.n=3,succeeded", "total.,succeeded"]


@slow
def test_a_failed_rule_ends_the_generic_workflow(workflow):
    done = workflow.run(BROKEN, *GENERIC)
    assert done.returncode == 1 and "Error in rule all" in done.stderr, done.stderr
    assert workflow.server.run("task", "list", "last", "--state", "failed", "-q").stdout.strip() == "1.1"


@slow
def test_snakemakes_slurm_mode_runs_a_workflow_through_the_door(workflow):
    done = workflow.run(WAVE, "--slurm", "--default-resources", "mem_mb=300")
    assert done.returncode == 0, done.stderr
    assert (workflow.folder / "words.txt").read_text() == "2 1\n"
    assert workflow.server.run("batch", "list", "-o", "csv", "--columns", "state").stdout.split()[1:] == ["succeeded"]


def test_status_says_one_word_whatever_happens(workflow):
    env = {**workflow.server.environment(), "MUSTER_DATA": str(workflow.server.data), "PATH": f"{workflow.bin}:{os.environ['PATH']}"}

    def call(*words):
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, cwd=workflow.folder, check=False)

    script = workflow.folder / "job.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    job = call("snakemake-submit", "--after", "", str(script)).stdout
    assert job == "1\n"
    workflow.server.run("wait", "1")
    assert call("snakemake-status", "1").stdout == "success\n"
    script.write_text("#!/bin/sh\nexit 1\n")
    assert call("snakemake-submit", "--after", "1", str(script)).stdout == "2\n"
    workflow.server.run("wait", "2", check=False)
    assert call("snakemake-status", "2").stdout == "failed\n"
    assert call("snakemake-cancel", "1", "2").returncode == 0  # ended ones are fine
    assert call("snakemake-status", "4711").returncode == 1
    assert "No such file" in call("snakemake-submit", "nowhere.sh").stderr
