# Checks that the rooms which decide (core, engine, agent) read no clock, no chance, no environment and no unordered iteration.
# Must hold: what they decide depends on their arguments only, so that the simulator can repeat any run from its seed.
import re

import tree

ROOMS = ("src/core", "src/engine", "src/agent")
BANNED = (
    (r"\b(system|steady|high_resolution|utc|file)_clock\b", "a clock: take the time as an argument"),
    (r"\b(clock_gettime|gettimeofday|clock|time|localtime|gmtime)(_r)?\s*\(", "a clock: take the time as an argument"),
    (r"\brandom_device\b|\bs?rand\s*\(|\b[de]?rand(om|48)\s*\(\s*\)|\bgetrandom\b", "chance: take random numbers from ports/random.h"),
    (r"\bmt19937(_64)?\s+\w+\s*(;|\{\s*\}|=)", "a generator without a seed that was passed in"),
    (r"\b(secure_)?getenv\b|\benviron\b", "the environment: take it as an argument"),
    (r"\bunordered_(multi)?(map|set)\b", "unordered iteration: sort, or say '// lookup only' on this line"),
    (r"#\s*include\s*<(thread|mutex|shared_mutex|future|condition_variable|stop_token|atomic|semaphore)>", "threads"),
    (r"#\s*include\s*<(iostream|fstream|filesystem|syncstream)>", "input and output"),
    (r"\bstd::(cout|cerr|clog|cin|this_thread|jthread|thread|async)\b", "input, output and threads"),
    (r"(?<![a-z])(v?f?printf|puts|fputs|fopen|fwrite|system|popen)\s*\(", "input and output"),
)
LOOKUP_ONLY = "// lookup only"
# The line that a broken promise prints before it aborts.
ALLOWED = {("src/core/check.cpp", "input and output")}


def check(root):
    found = []
    for path in tree.cpp_files(root, *ROOMS):
        if path.name.endswith("_test.cpp"):
            continue
        raw = tree.text_of(path)
        original, code = raw.splitlines(), tree.blank(raw).splitlines()
        for number, line in enumerate(code, 1):
            for pattern, why in BANNED:
                if not re.search(pattern, line) or (str(path.relative_to(root)), why) in ALLOWED:
                    continue
                if "unordered" in why and (LOOKUP_ONLY in original[number - 1] or line.lstrip().startswith("#")):
                    continue
                found.append(tree.finding(root, path, number, f"{why}: {original[number - 1].strip()}"))
    return found


def test_deciding_rooms_read_nothing_of_the_world():
    tree.demand(check(tree.ROOT))


def bites(root, line):
    tree.plant(root, "src/engine/a.cpp", f"// a\n// b\n{line}\n")
    return len(check(root)) >= 1


def test_bans_bite(tmp_path):
    for line in (
        "auto now = std::chrono::system_clock::now();", "auto now = std::chrono::steady_clock::now();",
        "using Clock = std::chrono::high_resolution_clock;", "std::random_device device;", "std::mt19937 random;",
        "std::mt19937_64 random{};", "int die = rand() % 6;", "auto t = std::time(nullptr);", 'auto home = getenv("HOME");',
        "std::unordered_map<int, int> tasks;", "#include <thread>", "#include <iostream>", "#include <fstream>",
        'std::printf("x");', "std::cout << 1;",
    ):
        assert bites(tmp_path, line), line


def test_bans_leave_the_rest_alone(tmp_path):
    for line in ("// system_clock is banned", 'auto s = "getenv(";', "std::unordered_map<int, int> tasks;  // lookup only",
                 "std::mt19937_64 random(seed);", "auto runtime = lease_time_us(x);", "std::snprintf(b, 3, x);",
                 "auto operand = strand(x);"):
        assert not bites(tmp_path, line), line
