#!/usr/bin/python3
# Runs every test of the project and counts each one; `./dev test` builds first and calls this.
# Must hold: the last line is 'N passed, N failed', and a runner that crashes, hangs or runs no test is a failure.
import argparse
import concurrent.futures
import ctypes
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"  # the one that Debian's pytest belongs to
AT_ONCE = 2
THREADED = ("threads_test", "store_test", "blobs_test")  # what ThreadSanitizer looks at; the rest has one thread
SEEDS = {False: 1_000, True: 100_000}  # of the simulator, without and with --long
FUZZ_INPUTS = {False: 50_000, True: 2_000_000}
LIBFUZZER_S = {False: 20, True: 600}
LIMIT_S = {"unit": 600, "fuzz": 600, "tidy": 300, "model": 900, "simulator": 600, "e2e": 1800, "web": 900}
LONG_LIMIT_S = 12 * 3600
# A user's own server must never be what the tests talk to.
FOREIGN = ("MUSTER_URL", "MUSTER_TOKEN", "MUSTER_TOKEN_FILE", "MUSTER_DATA", "PYTHONPATH", "PYTHONHOME", "GTEST_FILTER")


@dataclasses.dataclass
class Case:
    name: str
    outcome: str  # passed, failed or skipped
    text: str = ""


@dataclasses.dataclass
class Runner:
    name: str
    group: str  # a key of LIMIT_S
    kind: str  # gtest, pytest, node or command
    command: list
    skip: str = ""  # why it cannot run here
    folder: pathlib.Path = ROOT

    @property
    def alone(self):
        return self.group in ("e2e", "web")


class Family:
    """Starts children, adopts what they leave behind, and knows at the end what is still running."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ours = set()
        self.stopping = threading.Event()
        # Orphans come to us instead of to process 1, which in a container may reap nobody.
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)
        threading.Thread(target=self._reap, daemon=True).start()

    def start(self, command, **options):
        with self.lock:
            child = subprocess.Popen(command, **options)
            self.ours.add(child.pid)
        return child

    def output_of(self, command, **options):
        child = self.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, errors="replace", **options)
        output = child.communicate()[0]
        self.forget(child)
        return output

    def forget(self, child):
        with self.lock:
            self.ours.discard(child.pid)

    def _reap(self):
        while not self.stopping.wait(0.02):
            with self.lock:
                self._reap_orphans()

    def _reap_orphans(self):
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is None or found.si_pid in self.ours:
                    return
                os.waitpid(found.si_pid, 0)
            except ChildProcessError:
                return

    def left_over(self, grace_s=3.0):
        """What is still running below us after a grace; it is killed, and returned as 'pid command'."""
        deadline = time.monotonic() + grace_s
        while children_of(os.getpid()) and time.monotonic() < deadline:
            time.sleep(0.05)
        found = {}
        for _ in range(20):  # a killed parent hands us its own children
            for pid in children_of(os.getpid()):
                found.setdefault(pid, f"{pid} {command_of(pid)}")
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.stopping.set()
        return list(found.values())


def children_of(parent):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


# --- which runners there are ------------------------------------------------------------------------------------------


def has(module):
    return subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def pytest_runner(name, group, folder, skip=""):
    command = [PYTHON, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "-rN", "--color=no",
               "-o", "junit_logging=all", "-o", "junit_log_passing_tests=False", "--rootdir", str(ROOT), str(folder.relative_to(ROOT))]
    return Runner(name, group, "pytest", command, skip or ("" if has("pytest") else "python3-pytest is missing"))


def listed_programs(build, kind):
    listing = build / f"{kind}_programs.txt"
    return listing.read_text().split() if listing.exists() else []


def fuzz_runner(build, prefix, name, options):
    corpus = ROOT / "tests/fuzz/corpus" / pathlib.Path(name).name.removesuffix("_fuzz")
    seeds = [str(corpus)] if corpus.is_dir() else []
    command = [str(build / name), f"-runs={FUZZ_INPUTS[options.long]}", *seeds]
    return Runner(prefix + name, "fuzz", "command", command, folder=build)  # an input that breaks it is left there


def libfuzzer_runner(build, name, options):
    """What it finds interesting stays in the build folder and is where the next run begins."""
    target = pathlib.Path(name).name.removesuffix("_fuzz")
    found = build / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests/fuzz/corpus" / target
    command = [str(build / name), f"-max_total_time={LIBFUZZER_S[options.long]}", "-timeout=10", "-rss_limit_mb=3072",
               "-print_final_stats=1", "-verbosity=0", str(found), *([str(corpus)] if corpus.is_dir() else [])]
    return Runner("lib" + name, "fuzz", "command", command, folder=build)


def web_runners(options):
    """Tests of the page in a real browser; each file is a program of Node's."""
    folder = ROOT / "tests/web"
    needs = [(shutil.which("node"), "nodejs is missing"), (pathlib.Path("/usr/bin/chromium").exists(), "chromium is missing"),
             ((folder / "node_modules/playwright-core").exists(), "npm ci was not run in tests/web (./dev test does)"),
             ((options.build / "web/dist/index.html").exists(), "the page was not built")]
    skip = next((why for there, why in needs if not there), "")
    return [Runner(f"web/{file.name.removesuffix('_test.mjs')}", "web", "node", ["node", "--test-reporter=tap", str(file.relative_to(ROOT))], skip)
            for file in sorted(folder.glob("*_test.mjs"))]


def find_runners(options):
    runners = []
    model = ROOT / "tests/model"
    if any(model.glob("test_*.py")):
        spin = any((pathlib.Path(folder) / "spin").exists() for folder in os.environ["PATH"].split(":"))
        runners.append(pytest_runner("model", "model", model, "" if spin else "spin is missing"))
    for build, prefix in ((options.build, ""), (ROOT / "build-asan", "asan/"), (ROOT / "build-tsan", "tsan/")):
        if not prefix or options.all:
            runners += [Runner(prefix + name, "unit", "gtest", [str(build / name)]) for name in listed_programs(build, "test")
                        if prefix != "tsan/" or name in THREADED]
            if prefix != "tsan/":
                runners += [fuzz_runner(build, prefix, name, options) for name in listed_programs(build, "fuzz")]
    if options.all:
        fuzz = ROOT / "build-fuzz"
        runners += [libfuzzer_runner(fuzz, name, options) for name in listed_programs(fuzz, "fuzz")]
    if any((ROOT / "tests/tidy").glob("test_*.py")):
        runners.append(pytest_runner("tidy", "tidy", ROOT / "tests/tidy"))
    if (options.build / "muster").exists() and any((ROOT / "src/sim").glob("*.cpp")):
        seeds = str(SEEDS[options.long])
        runners.append(Runner("simulator", "simulator", "command", [str(options.build / "muster"), "selftest", "--seeds", seeds]))
    for file in sorted((ROOT / "tests/e2e").glob("test_*.py")):
        runners.append(pytest_runner(f"e2e/{file.stem}", "e2e", file))
    runners += web_runners(options)
    return [runner for runner in runners if not options.only or runner.group in options.only]


# --- running one ------------------------------------------------------------------------------------------------------


def environment(options):
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    kept.update(MUSTER=str(options.build / "muster"), UBSAN_OPTIONS="print_stacktrace=1",
                TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1", PYTHONDONTWRITEBYTECODE="1")
    if options.long:
        kept["MUSTER_TEST_LONG"] = "1"
    if options.all:
        kept["MUSTER_TEST_ALL"] = "1"
    return kept


def listed_tests(runner, options, family):
    """Full names of the tests of a gtest or pytest runner."""
    if runner.kind in ("command", "node"):
        return []
    extra = ["--gtest_list_tests"] if runner.kind == "gtest" else ["--collect-only"]
    output = family.output_of(runner.command + extra, cwd=ROOT, env=environment(options))
    if runner.kind == "pytest":
        return [line for line in output.splitlines() if "::" in line]
    names, suite = [], ""
    for line in output.splitlines():
        line = line.split("#")[0].rstrip()
        if line.startswith("  "):
            names.append(suite + line.strip())
        elif line.endswith("."):
            suite = line
    return names


def narrowed(runner, options, family):
    """The runner's command for -k PATTERN, or None when nothing in it matches."""
    pattern = options.pattern.lower()
    if pattern in runner.name.lower():
        return runner.command
    names = [name for name in listed_tests(runner, options, family) if pattern in name.lower()] if not runner.skip else []
    if not names:
        return None
    if runner.kind == "gtest":
        return runner.command + ["--gtest_filter=" + ":".join(names)]
    return runner.command[:-1] + names


def run(runner, options, family):
    """(cases, seconds) of one runner; (None, 0) when the pattern leaves nothing of it."""
    command = narrowed(runner, options, family)
    if command is None:
        return None, 0.0
    if runner.skip:
        return [Case(runner.name, "skipped", runner.skip)], 0.0
    with tempfile.TemporaryDirectory(prefix="muster-test-") as folder:
        report = pathlib.Path(folder) / "report.xml"
        if runner.kind == "gtest":
            command = command + [f"--gtest_output=xml:{report}", "--gtest_color=no"]
        elif runner.kind == "pytest":
            command = command + [f"--junit-xml={report}"]
        start = time.monotonic()
        code, output = execute(runner, command, options, family)
        seconds = time.monotonic() - start
        return judge(runner, code, output, report), seconds


def execute(runner, command, options, family):
    """(exit code or reason, everything it printed)."""
    limit_s = LONG_LIMIT_S if options.long else LIMIT_S[runner.group]
    with tempfile.TemporaryFile() as log:
        try:
            child = family.start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                 cwd=runner.folder, env=environment(options), start_new_session=True)
        except OSError as error:
            return f"did not start: {error.strerror}", ""
        try:
            code = child.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = f"did not end within {limit_s} s"
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)  # the rest of its group, when it left one
            except ProcessLookupError:
                pass
            child.wait()
            family.forget(child)
        log.seek(0)
        return code, log.read().decode(errors="replace")


def judge(runner, code, output, report):
    """Every test as a case; what the report does not tell is a failure of the runner itself."""
    if runner.kind == "command":
        if code == 0:
            return [Case(runner.name, "passed")]
        return [Case(runner.name, "failed", f"{' '.join(runner.command)}: {ended(code)}\n{output}")]
    cases = read_tap(output) if runner.kind == "node" else read_report(report, runner.kind, output)
    if cases is None:
        cases = [Case(f"{runner.name}::{name}", "passed") for name in re.findall(r"^\[       OK \] (\S+)", output, re.M)]
        begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.M)
        where = f" in {begun[-1]}" if begun else ""
        return cases + [Case(runner.name, "failed", f"{ended(code)}{where}, without a report\n{tail(output)}")]
    for case in cases:
        case.name = f"{runner.name}::{case.name}"
    if code != 0 and not any(case.outcome == "failed" for case in cases):
        cases.append(Case(runner.name, "failed", f"{ended(code)} although no test failed\n{tail(output)}"))
    if not cases:
        cases.append(Case(runner.name, "failed", "ran no test\n" + tail(output)))
    return cases


def ended(code):
    if isinstance(code, str):
        return code
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(output, lines=200):
    return "\n".join(output.splitlines()[-lines:])


def read_report(report, kind, output):
    """The cases of a JUnit file as gtest and pytest write it; None when there is none."""
    try:
        root = xml.etree.ElementTree.parse(report).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    cases = []
    for element in root.iter("testcase"):
        suite, name = element.get("classname", ""), element.get("name", "?")
        full = f"{suite}.{name}" if kind == "gtest" else name
        broken = element.findall("failure") + element.findall("error")
        skipped = element.find("skipped")
        if broken:
            text = gtest_section(output, full) if kind == "gtest" else ""
            text = text or "\n".join(e.text or e.get("message", "") for e in broken)
            cases.append(Case(full, "failed", text + streams(element)))
        elif skipped is not None or element.get("result") in ("skipped", "suppressed"):
            why = skipped.get("message", "") if skipped is not None else "disabled"
            cases.append(Case(full, "skipped", " ".join(why.split()) or "no reason given"))
        else:
            cases.append(Case(full, "passed"))
    return cases


def read_tap(output):
    """The cases of what Node's test runner prints; what it says of a failure stands indented below it."""
    cases = []
    for part in re.split(r"^(?=(?:not )?ok \d+ )", output, flags=re.M)[1:]:
        outcome, name, skipped = re.match(r"(not ok|ok) \d+ - (.*?)(?: # SKIP ?(.*))?$", part, re.M).groups()
        if skipped is not None:
            cases.append(Case(name, "skipped", skipped or "no reason given"))
        elif outcome == "ok":
            cases.append(Case(name, "passed"))
        else:
            cases.append(Case(name, "failed", part))
    return cases


def gtest_section(output, name):
    match = re.search(rf"^\[ RUN      \] {re.escape(name)}$(.*?)^\[  FAILED  \] {re.escape(name)}", output, re.M | re.S)
    return match.group(1).strip("\n") if match else ""


def streams(element):
    """What a pytest case printed."""
    found = ""
    for part in element.findall("system-out") + element.findall("system-err"):
        for title, text in re.findall(r"^-+ (Captured \w+) -+\n(.*?)(?=^-+ Captured|\Z)", part.text or "", re.M | re.S):
            found += f"\n{title}:\n{text.rstrip()}" if text.strip() else ""
    return found


# --- all of them ------------------------------------------------------------------------------------------------------


def show(runner, cases, seconds):
    count = {kind: sum(case.outcome == kind for case in cases) for kind in ("passed", "failed", "skipped")}
    line = f"{runner.name:<28} {count['passed']:>5} passed"
    for kind in ("failed", "skipped"):
        if count[kind]:
            line += f", {count[kind]} {kind}"
    print(f"{line:<62} {seconds:7.1f} s", flush=True)
    for case in cases:
        if case.outcome == "failed":
            print(f"\n--- FAILED {case.name}\n{case.text.rstrip()}\n---\n", flush=True)
        elif case.outcome == "skipped":
            print(f"    skipped {case.name}: {case.text}", flush=True)


def run_all(runners, options, family):
    everything = []

    def collect(runner, outcome):
        cases, seconds = outcome
        if cases is not None:
            show(runner, cases, seconds)
            everything.extend(cases)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        shared = {pool.submit(run, runner, options, family): runner for runner in runners if not runner.alone}
        for future in concurrent.futures.as_completed(shared):
            collect(shared[future], future.result())
    for runner in runners:
        if runner.alone:
            collect(runner, run(runner, options, family))
    return everything


def parse(arguments):
    parser = argparse.ArgumentParser(description="runs the tests; `./dev test` builds first")
    parser.add_argument("--all", action="store_true", help="also the sanitizer build")
    parser.add_argument("--long", action="store_true", help="longer tiers")
    parser.add_argument("-k", dest="pattern", default="", help="only what contains this")
    parser.add_argument("--only", action="append", choices=sorted(LIMIT_S), help="only this group")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="the build folder (default: build)")
    options = parser.parse_args(arguments)
    options.build = options.build.resolve()
    return options


def main(arguments):
    options = parse(arguments)
    runners = find_runners(options)
    family = Family()
    cases = run_all(runners, options, family)
    if not cases:
        cases = [Case("run", "failed")]
        print(f"no test matches '{options.pattern}'" if options.pattern else "there is no test")
    left = family.left_over()
    if left:
        print("\n--- FAILED run: tests left processes running (killed now)\n" + "\n".join(left) + "\n---\n")
    cases.append(Case("run::nothing is left running", "failed" if left else "passed"))
    count = {kind: sum(case.outcome == kind for case in cases) for kind in ("passed", "failed", "skipped")}
    failed = [case.name for case in cases if case.outcome == "failed"]
    if failed:
        print("failed: " + "\n        ".join(failed))
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
