# Checks the words of the tree: two opening lines of comment, no unfinished business, no path of one machine, no foreign noun.
# Must hold: a foreign name that must be quoted stands in allowed_words.txt with the line's own text.
import re

import tree

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
EXAMPLE_PEOPLE = "ada|ana|ann"  # whose homes examples may show
MACHINE = re.compile(r"(?<![\w.~])/(work/(main|shared|\.library)|root/|tmp/m/" + rf"|home/(?!({EXAMPLE_PEOPLE})\b)\w+)")
FOREIGN_NOUN = re.compile(r"(?<![A-Za-z])[Jj]obs?(?![a-z])|(?<![A-Za-z])JOBS?(?![A-Za-z])|[a-z]Jobs?(?![a-z])")
FOREIGN_PLACES = ("src/doors/", "docs/manual/slurm.md")  # a door keeps the words of those who come through it
EVERYTHING = ("src", "tests", "docs", "clients", "tools", "cmake", "web", "dev", ".ci", "CMakeLists.txt", "README.md")
ALLOW_LIST = "allowed_words.txt"


def check_openings(root):
    found = []
    for path in tree.files(root, "src", endings=(".h", ".cpp", ".proto", ".sql")):
        lines = tree.text_of(path).splitlines()[:2]
        comment = "--" if path.suffix == ".sql" else "//"
        if len(lines) < 2 or not all(line.startswith(comment) and len(line) > 10 for line in lines):
            found.append(tree.finding(root, path, 1, "opens without two lines of comment: what it is for, what must be true"))
    return found


def check_pattern(root, pattern, message, *folders, but=()):
    excused = tree.allowed(root, ALLOW_LIST)
    found = []
    for path in tree.files(root, *folders):
        where = str(path.relative_to(root))
        if where == f"tests/tidy/{ALLOW_LIST}" or where.startswith(tuple(but)):
            continue
        for number, line in enumerate(tree.text_of(path).splitlines(), 1):
            if pattern.search(line) and not any(where == file and text in line for file, text in excused):
                found.append(tree.finding(root, path, number, f"{message}: {line.strip()}"))
    return found


def check_unfinished(root):
    return check_pattern(root, UNFINISHED, "says that it is unfinished", *EVERYTHING)


def check_machine(root):
    return check_pattern(root, MACHINE, "names a path of one machine", *EVERYTHING)


def check_noun(root):
    return check_pattern(root, FOREIGN_NOUN, "is it a task, a batch or an attempt", "src", "docs", "README.md", but=FOREIGN_PLACES)


def check_allow_list(root):
    return [f"{ALLOW_LIST}: '{file}: {text}' is quoted nowhere any more: remove the line"
            for file, text in tree.allowed(root, ALLOW_LIST)
            if not (root / file).is_file() or text not in tree.text_of(root / file)]


def test_files_open_with_two_lines():
    tree.demand(check_openings(tree.ROOT))


def test_nothing_says_it_is_unfinished():
    tree.demand(check_unfinished(tree.ROOT))


def test_no_path_of_one_machine():
    tree.demand(check_machine(tree.ROOT))


def test_a_task_is_never_called_otherwise():
    tree.demand(check_noun(tree.ROOT))


def test_allow_list_is_needed():
    tree.demand(check_allow_list(tree.ROOT))


def test_openings_bite(tmp_path):
    tree.plant(tmp_path, "src/core/a.h", "// What it is for.\n// What must be true.\n#pragma once\n")
    assert check_openings(tmp_path) == []
    tree.plant(tmp_path, "src/core/b.h", "// What it is for.\n#pragma once\n")
    tree.plant(tmp_path, "src/core/c.cpp", "//\n//\n")
    assert len(check_openings(tmp_path)) == 2


def test_unfinished_bites(tmp_path):
    for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
        tree.plant(tmp_path, "src/core/a.h", f"// {word}: later\n")
        assert len(check_unfinished(tmp_path)) == 1, word


def test_machine_paths_bite(tmp_path):
    tree.plant(tmp_path, "docs/a.md", "see https://example.org/work/ and /home/ann/x\n")
    assert check_machine(tmp_path) == []
    for path in ("/ro" + "ot/x", "/wo" + "rk/main", "/ho" + "me/zoe/x"):
        tree.plant(tmp_path, "docs/a.md", f"see {path}\n")
        assert len(check_machine(tmp_path)) == 1, path


def test_foreign_noun_bites(tmp_path):
    for text in ("a job", "Jobs are", "job_id", "struct JobState", "kJob", "N_JOBS", "runJob()"):
        tree.plant(tmp_path, "src/core/a.h", f"// {text}\n")
        assert len(check_noun(tmp_path)) == 1, text
    tree.plant(tmp_path, "src/core/a.h", "// jobless Jobst objob\n")
    assert check_noun(tmp_path) == []


def test_allow_list_bites(tmp_path):
    tree.plant(tmp_path, "src/core/a.h", '// reads "SLURM_JOB_ID"\n')
    tree.plant(tmp_path, f"tests/tidy/{ALLOW_LIST}", '# comment\nsrc/core/a.h: "SLURM_JOB_ID"\n')
    assert check_noun(tmp_path) == [] and check_allow_list(tmp_path) == []
    tree.plant(tmp_path, "src/core/a.h", "// a task\n")
    assert len(check_allow_list(tmp_path)) == 1
