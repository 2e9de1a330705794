"""The slurm door with a real server and real tasks: the commands by their own names, as people and grid executors call them."""

import datetime
import json
import os
import re
import subprocess
import time

import pytest
from agent_support import Worker
from conftest import MUSTER

PROGRAMS = ["sbatch", "squeue", "scancel", "sacct", "sacctmgr", "sinfo", "scontrol", "srun"]


def door(*words, check=True):
    """`muster door WORDS`: it needs no server."""
    done = subprocess.run([MUSTER, "door", *map(str, words)], env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
                          capture_output=True, text=True, timeout=60, check=False)
    assert not check or done.returncode == 0, (words, done)
    return done


class Slurm:
    """Calls the programs in a folder of its own."""

    def __init__(self, server, bin_folder, folder):
        self.server, self.bin, self.folder = server, bin_folder, folder

    def __call__(self, program, *words, check=True, stdin=None, **variables):
        env = {**self.server.environment(), "MUSTER_DATA": str(self.server.data), "USER": "ana", "TZ": "UTC", **variables}
        done = subprocess.run([str(self.bin / program), *words], cwd=self.folder, env=env, capture_output=True, text=True, timeout=90,
                              input=stdin or "", check=False)
        assert not check or done.returncode == 0, (program, words, done.returncode, done.stdout, done.stderr)
        return done

    def script(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def submit(self, *words, **variables):
        """The id that sbatch says."""
        said = self("sbatch", *words, **variables).stdout
        found = re.fullmatch(r"Submitted batch job (\d+)\n", said)
        assert found, said
        return found.group(1)

    def wait(self, *jobs):
        for job in jobs:
            self.server.run("wait", job, check=False)

    def text(self, name):
        return (self.folder / name).read_text()


@pytest.fixture
def slurm(make_server, tmp_path):
    server = make_server(worker=True, slots=4)
    Worker(server).wait_connected()
    door("install", "slurm", tmp_path / "bin")
    folder = tmp_path / "work"
    folder.mkdir()
    return Slurm(server, tmp_path / "bin", folder)


# ---- the links


def test_links_are_made_where_nothing_is(tmp_path):
    folder = tmp_path / "bin"
    said = door("install", "slurm", folder, "--dry-run")
    assert not folder.exists() and said.stdout.splitlines() == [str(folder / name) for name in PROGRAMS]
    door("install", "slurm", folder)
    assert {os.readlink(folder / name) for name in PROGRAMS} == {MUSTER}
    door("install", "slurm", folder)  # its own links are made anew
    (folder / "sinfo").unlink()
    (folder / "sinfo").write_text("somebody's own")
    refused = door("install", "slurm", folder, check=False)
    assert refused.returncode == 3 and "is not a link to muster" in refused.stderr
    assert (folder / "sinfo").read_text() == "somebody's own"
    assert door("install", "nowhere", check=False).returncode == 3
    assert "slurm" in door("list").stdout


# ---- sbatch


def test_a_script_with_directives_runs_where_it_was_submitted(slurm):
    slurm.script("job.sh", "#!/bin/bash\n#SBATCH --job-name='my job' -c 2\n#SBATCH --mem=64M   # enough\n#SBATCH --time=0:10:00\n"
                           "#SBATCH -o out-%j.txt\n#SBATCH -e err-%x.txt\n\n# more\necho \"$SLURM_JOB_ID|$SLURM_JOB_NAME|$PWD|$1|$2\"\n"
                           "echo '{a} {{b}}' ${HOME:+home}\necho problem >&2\n#SBATCH --time=ignored: behind the first command\n")
    job = slurm.submit("job.sh", "one", "two words")
    slurm.wait(job)
    assert slurm.text(f"out-{job}.txt") == f"{job}|my job|{slurm.folder}|one|two words\n{{a}} {{{{b}}}} home\n"
    assert slurm.text("err-my job.txt") == "problem\n"
    task = json.loads(slurm.server.run("task", "show", f"{job}.1", "-o", "json").stdout)
    assert (task["resources"]["mem_mb"], task["resources"]["cpus"], task["time_limit_s"]) == (64, 2, 600)


def test_options_of_the_call_win_over_directives(slurm):
    slurm.script("job.sh", "#!/bin/sh\n#SBATCH -J script\necho $SLURM_JOB_NAME\n")
    job = slurm.submit("-J", "call", "job.sh")
    slurm.wait(job)
    assert slurm.text(f"slurm-{job}.out") == "call\n"


@pytest.mark.parametrize("interpreter, text, wanted", [
    ("#!/usr/bin/env python3\n", "import os; print('python', os.environ['SLURM_JOB_ID'])\n", "python {}\n"),
    ("#!/bin/sh\n", "printf '%s\\n' \"$GREETING % a\\\\b\"\n", "hello % a\\b\n"),
])
def test_any_interpreter_and_the_callers_environment(slurm, interpreter, text, wanted):
    slurm.script("job", interpreter + text)
    job = slurm.submit("job", GREETING="hello")
    slurm.wait(job)
    assert slurm.text(f"slurm-{job}.out") == wanted.format(job)


def test_export_decides_what_the_job_sees(slurm):
    wrap = "--wrap=echo ${SECRET:-none} ${OWN:-none} ${MUSTER_TOKEN:-none}"
    jobs = [slurm.submit("--export", value, wrap, SECRET="seen", MUSTER_TOKEN=slurm.server.data.joinpath("admin.token").read_text().strip())
            for value in ("ALL,OWN=1", "NONE", "SECRET")]
    slurm.wait(*jobs)
    assert [slurm.text(f"slurm-{job}.out") for job in jobs] == ["seen 1 none\n", "none none none\n", "seen none none\n"]


def test_arrays_are_one_job_with_numbered_tasks(slurm):
    job = slurm("sbatch", "--parsable", "--array=0-6:3%2", "--wrap",
                "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_JOB_ID $SLURM_ARRAY_TASK_MAX; exit $SLURM_ARRAY_TASK_ID").stdout.strip()
    slurm.wait(job)
    assert slurm.text(f"slurm-{job}_3.out") == f"{job} 3 {job}_3 6\n"
    lines = slurm("sacct", "-X", "-P", "-n", "-j", job, "--format", "JobID,State,ExitCode").stdout.splitlines()
    assert lines == [f"{job}_0|COMPLETED|0:0", f"{job}_3|FAILED|3:0", f"{job}_6|FAILED|6:0"]


def test_dependencies(slurm):
    first = slurm.submit("--hold", "--wrap", "echo first >> order")
    second = slurm.submit("-d", f"afterok:{first}", "--wrap", "echo second >> order")
    assert slurm("squeue", "-h", "-j", second, "-o", "%t %r").stdout == "PD Dependency\n"
    assert slurm("squeue", "-h", "-j", first, "-o", "%t %r").stdout == "PD JobHeldUser\n"
    slurm("scontrol", "release", first)
    slurm.wait(first, second)
    assert slurm.text("order") == "first\nsecond\n"


def test_wait_ends_with_the_worst_exit_code(slurm):
    assert slurm("sbatch", "--wait", "-Q", "--array=1-3", "--wrap", "exit $SLURM_ARRAY_TASK_ID", check=False).returncode == 3
    assert slurm("sbatch", "-W", "--wrap", "true").returncode == 0


def test_a_signal_comes_before_the_time_limit(slurm):
    slurm.script("job.sh", "#!/bin/bash\n#SBATCH --signal=B:USR2@59\n#SBATCH -t 1\ntrap 'echo saved; exit 0' USR2\nsleep 300 & wait\n")
    job = slurm.submit("job.sh")
    slurm.wait(job)
    assert slurm.text(f"slurm-{job}.out") == "saved\n"


def test_open_mode_and_shared_output(slurm):
    for _ in range(2):
        slurm.wait(slurm.submit("--open-mode=append", "-o", "all.txt", "--wrap", "echo out; echo err >&2"))
    assert slurm.text("all.txt") == "out\nerr\n" * 2


# ---- looking


def test_squeue_shows_what_waits_and_runs(slurm):
    job = slurm.submit("-a", "1-5", "-J", "held", "--hold", "-A", "lab", "--wrap", "true")
    other = slurm.submit("--wrap", "true")
    slurm.wait(other)
    assert slurm("squeue").stdout == (
        "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
        f"           {job}_[1-5]    muster     held      ana PD       0:00      1 (JobHeldUser)\n")
    assert slurm("squeue", "-h", "-r", "-o", "%i|%K|%F|%a").stdout.splitlines() == [f"{job}_{i}|{i}|{job}|lab" for i in range(1, 6)]
    # As Nextflow asks: everything of one user, ended jobs too.
    listed = slurm("squeue", "--noheader", "-o", "%i %t", "-t", "all", "-u", "ana").stdout.splitlines()
    assert f"{other} CD" in listed and f"{job}_[1-5] PD" in listed
    assert slurm("squeue", "-h", "-u", "bob").stdout == ""
    assert slurm("squeue", "-h", "-t", "R").stdout == ""
    unknown = slurm("squeue", "-j", "4711", check=False)
    assert unknown.returncode == 1 and "E202" in unknown.stderr


def test_sacct_keeps_what_has_ended(slurm):
    jobs = [slurm.submit("-J", name, "--wrap", text) for name, text in
            (("fine", "true"), ("bad", "exit 4"), ("killed", "kill -SEGV $$"), ("long", "sleep 100"))]
    slurm("scancel", jobs[3])
    slurm.wait(*jobs)
    lines = slurm("sacct", "-P", "-n", "-X", "-j", ",".join(jobs), "-o", "JobIDRaw,JobName,State,ExitCode").stdout.splitlines()
    assert lines[:3] == [f"{jobs[0]}|fine|COMPLETED|0:0", f"{jobs[1]}|bad|FAILED|4:0", f"{jobs[2]}|killed|FAILED|0:11"]
    assert lines[3].startswith(f"{jobs[3]}|long|CANCELLED|")
    # As Toil asks; and its own since midnight without any job.
    toil = slurm("sacct", "-n", "-j", jobs[0], "--format", "JobIDRaw,State,ExitCode", "-P", "-S", "1970-01-01").stdout
    assert toil.splitlines() == [f"{jobs[0]}|COMPLETED|0:0", f"{jobs[0]}.batch|COMPLETED|0:0"]
    assert len(slurm("sacct", "-X", "-n").stdout.splitlines()) == 4
    assert slurm("sacct", "-X", "-n", "-s", "F", "-o", "JobName").stdout.split() == ["bad", "killed"]
    assert slurm("sacct", "-j", "4711", "-n").stdout == ""
    assert "MaxRSS" in slurm("sacct", "--helpformat").stdout
    usage = slurm("sacct", "-n", "-P", "-j", jobs[0], "-o", "JobID,MaxRSS,TotalCPU,Elapsed").stdout.splitlines()[1].split("|")
    assert usage[1].endswith("K") and int(usage[1][:-1]) > 0 and re.fullmatch(r"\d\d:\d\d\.\d{3}", usage[2])


def test_sinfo_and_scontrol_show_workers_and_partitions(slurm):
    name = slurm.server.run("worker", "list", "-q").stdout.strip()
    assert slurm("sinfo").stdout == (f"PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\nmuster*      up   infinite      1   idle {name}\n")
    assert slurm("sinfo", "-h", "-o", "%P").stdout == "muster*\n"
    slurm.server.run("worker", "set", name, "--label", "partition=gpu")
    assert slurm("sinfo", "-h", "-o", "%R %t", "-p", "gpu").stdout == "gpu idle\n"
    job = slurm.submit("-p", "gpu", "--wrap", "true")
    slurm.wait(job)
    shown = slurm("scontrol", "show", "job", job).stdout
    assert f"JobId={job} JobName=wrap" in shown and "JobState=COMPLETED" in shown and "Partition=gpu" in shown
    assert f"WorkDir={slurm.folder}" in shown and "  Nodes=" not in shown
    # As Snakemake asks when sacct has no answer.
    assert f"  Nodes={name} CPUs=1 Mem=" in slurm("scontrol", "show", "jobid", "-dd", job).stdout
    assert f"NodeName={name}" in slurm("scontrol", "show", "node", name).stdout
    assert "SchedulerTimeSlice      = 1 sec" in slurm("scontrol", "show", "config").stdout
    assert "UP" in slurm("scontrol", "ping").stdout
    assert slurm("scontrol", "show", "hostnames", "lab[1-3],gpu1").stdout.split() == ["lab1", "lab2", "lab3", "gpu1"]


def test_sacct_shows_what_ended_in_its_window_however_old_it_is(slurm):
    """A batch that was made long before the window and ended in it stands there, even when a younger one ended before."""
    old = slurm.submit("-J", "old", "--hold", "--wrap", "true")
    young = slurm.submit("-J", "young", "--wrap", "true")
    slurm.wait(young)
    ended = json.loads(slurm.server.run("task", "show", f"{young}.1", "-o", "json").stdout)["ended"]
    since = datetime.datetime.fromisoformat(ended).astimezone(datetime.timezone.utc).replace(microsecond=0, tzinfo=None) + datetime.timedelta(seconds=1)
    while datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) < since:
        time.sleep(0.05)
    slurm("scontrol", "release", old)
    slurm.wait(old)
    assert slurm("sacct", "-X", "-n", "-S", since.isoformat(), "-o", "JobName").stdout.split() == ["old"]
    assert slurm("sacct", "-X", "-n", "--name", "young,old", "-o", "JobName").stdout.split() == ["old", "young"]
    assert slurm("sacct", "-X", "-n", "-E", "2020-01-01", "-S", "2019-01-01").stdout == ""


def test_sacctmgr_says_what_a_user_may_charge(slurm):
    """As Snakemake asks before it submits with slurm_account."""
    slurm.submit("-A", "lab", "--hold", "--wrap", "true")
    assert slurm("sacctmgr", "-n", "-s", "list", "user", "ana", "format=account%20").stdout.split() == ["default", "lab"]
    assert slurm("sacctmgr", "-P", "show", "association", "user=ana").stdout == "User|Account|Cluster\nana|default|muster\nana|lab|muster\n"
    assert slurm("sacctmgr", "-p", "-n", "show", "user", "bob").stdout == ""
    for words, name in ((["add", "user", "x"], "add"), (["list", "qos"], "qos"), (["list", "user", "format=fairshare"], "fairshare"),
                        (["-i", "list", "user"], "-i"), ([], "''")):
        refused = slurm("sacctmgr", *words, check=False)
        assert refused.returncode == 1 and name in refused.stderr, refused


# ---- changing


def test_scancel_takes_many_ids_and_goes_on_past_a_wrong_one(slurm):
    jobs = [slurm.submit("--hold", "--wrap", "true") for _ in range(3)]
    done = slurm("scancel", jobs[0], "4711", jobs[1], check=False)
    assert done.returncode == 1 and "E202" in done.stderr
    assert slurm("squeue", "-h", "-o", "%i").stdout.split() == [jobs[2]]
    slurm("scancel", "-u", "ana", "-t", "PD")
    assert slurm("squeue", "-h").stdout == ""
    slurm("scancel", jobs[0])  # ended already: nothing to do, no error
    array = slurm.submit("--hold", "-a", "1-9", "--wrap", "true")
    slurm("scancel", f"{array}_[2-4]", f"{array}_9")
    assert slurm("squeue", "-h", "-o", "%i").stdout == f"{array}_[1,5-8]\n"


def test_scancel_says_what_it_ends(slurm):
    job, other = slurm.submit("--hold", "--wrap", "true"), slurm.submit("--hold", "-J", "x", "--wrap", "true")
    assert slurm("scancel", "-v", job).stderr == f"scancel: Terminating job {job}\n"
    assert slurm("scancel", "-v", "-n", "x").stderr == f"scancel: Terminating job {other}\n"


@pytest.mark.parametrize("words, message", [
    ("-n 4 true", "Invalid --ntasks: 4; srun starts one process here"),
    ("-o file true", "does not know --output"),
    ("--array=1-2 true", "srun does not know --array"),
    ("-D /nonexistent true", "/nonexistent: No such file"),
])
def test_a_step_that_would_be_something_else_is_refused(slurm, words, message):
    done = slurm("srun", *words.split(), check=False, SLURM_JOB_ID="1", MUSTER_BATCH_ID="1")
    assert done.returncode == 1 and message in done.stderr, done
    assert slurm("squeue", "-h", "-t", "all").stdout == ""


def test_a_step_changes_its_folder(slurm):
    (slurm.folder / "deep").mkdir()
    done = slurm("srun", "-N1", "-c", "2", "-D", "deep", "pwd", SLURM_JOB_ID="1", MUSTER_BATCH_ID="1")
    assert done.stdout == f"{slurm.folder}/deep\n"


def test_srun_inside_a_job_is_the_command(slurm):
    job = slurm.submit("--wrap", "srun -n1 --cpu-bind=q echo inside $SLURM_JOB_ID", PATH=f"{slurm.bin}:{os.environ['PATH']}")
    slurm.wait(job)
    assert slurm.text(f"slurm-{job}.out") == f"inside {job}\n"


def test_srun_outside_waits_and_shows(slurm):
    done = slurm("srun", "sh", "-c", "echo out; echo err >&2; exit 5", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")


# ---- refusals


@pytest.mark.parametrize("words, message", [
    (["--nodes=2", "--wrap=true"], "one worker"),
    (["--frobnicate", "--wrap=true"], "--frobnicate is unknown"),
    (["--time=soon", "--wrap=true"], "Invalid --time"),
    (["--mem=lots", "--wrap=true"], "Invalid --mem"),
    (["--array=9-1", "--wrap=true"], "Invalid --array"),
    (["-d", "singleton", "--wrap=true"], "Invalid --dependency"),
    (["-d", "afterok:4711", "--wrap=true"], "4711"),
    (["-o", "x-%q", "--wrap=true"], "%q"),
    (["--gres=fpga:1", "--wrap=true"], "gpu:2 is all"),
    (["nowhere.sh"], "No such file"),
    (["--wrap=true", "script"], "--wrap"),
    (["-M", "other", "--wrap=true"], "Invalid --clusters"),
    (["--exclusive=user", "--wrap=true"], "Invalid --exclusive"),
    (["--open-mode=both", "--wrap=true"], "Invalid --open-mode"),
    ([], "empty"),
])
def test_what_cannot_be_done_is_refused(slurm, words, message):
    done = slurm("sbatch", *words, check=False)
    assert done.returncode == 1 and message in done.stderr and done.stdout == "", done
    assert slurm("squeue", "-h").stdout == ""


@pytest.mark.parametrize("call", ["squeue -v", "squeue -a", "sacct -v", "sacct -D", "sinfo -v", "scontrol -Q show config"])
def test_options_without_a_meaning_are_refused_by_name(slurm, call):
    program, option, *rest = call.split()
    done = slurm(program, option, *rest, check=False)
    assert done.returncode == 1 and f"option {option} is unknown here" in done.stderr and done.stdout == ""


def test_what_changes_nothing_is_said_and_left_out(slurm):
    done = slurm("sbatch", "--mail-type=END", "--test-only", "--wrap=true")
    assert "--mail-type has no meaning in Muster" in done.stderr and "1 tasks would be submitted" in done.stderr
    for option in ("-v", "-u", "--kill-on-bad-exit=1"):
        assert "has no meaning in Muster" in slurm("sbatch", option, "--test-only", "--wrap=true").stderr
    assert slurm("sbatch", "-Q", "-v", "--test-only", "--wrap=true").stderr == ""
    assert slurm("squeue", "-h", "-t", "all").stdout == ""


def test_without_a_server_there_is_one_error(tmp_path):
    door("install", "slurm", tmp_path / "bin")
    done = subprocess.run([tmp_path / "bin" / "scontrol", "ping"], env={"PATH": os.environ["PATH"], "MUSTER_URL": "http://127.0.0.1:9",
                          "MUSTER_TOKEN": "mst_x"}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.count("error:") == 1 and "E101" in done.stderr
