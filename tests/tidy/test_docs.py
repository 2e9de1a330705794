# Checks that the documents tell the truth about the tree: files they name exist, the rooms are those of CMakeLists.txt.
# Must hold: docs/states.md is what `muster help states` prints, so that the tables people read are those the program follows.
import os
import pathlib
import re
import subprocess

import pytest

import tree

NAMED = re.compile(r"`((?:src|tests|docs|tools|cmake)/[\w./*-]+)`")
NAMED_TEST = re.compile(r"`(tests/[\w./-]+)(?:::(\w+))?`")
ROOM_LINE = re.compile(r"^  (\w+)/ .*?(?:->\s*([\w ]+))?$")
MUSTER = pathlib.Path(os.environ.get("MUSTER", tree.ROOT / "build/muster"))


def check_named_files(root, *documents):
    found = []
    for document in documents:
        path = root / document
        for number, line in enumerate(tree.text_of(path).splitlines() if path.exists() else [], 1):
            for name in NAMED.findall(line):
                if not list(root.glob(name.rstrip("/"))):
                    found.append(tree.finding(root, path, number, f"names {name}, which is not there"))
    return found


def check_named_tests(root, document):
    """`FILE::NAME` names a test of pytest, or the second name of one of GoogleTest."""
    found = []
    path = root / document
    for number, line in enumerate(tree.text_of(path).splitlines(), 1):
        for name, test in NAMED_TEST.findall(line):
            file = root / name
            if not file.exists() or not re.search(rf"def {test}\(|, {test}[,)]" if test else "", tree.text_of(file)):
                found.append(tree.finding(root, path, number, f"names {name}::{test}, which is not there"))
    return found


def check_rooms(root):
    """The picture of docs/architecture.md against the table of CMakeLists.txt."""
    path, table = root / "docs/architecture.md", tree.rooms(root)
    drawn = {}
    block = re.search(r"^src/\n(.*?)^```", tree.text_of(path) if path.exists() else "", re.M | re.S)
    for line in block.group(1).splitlines() if block else []:
        match = ROOM_LINE.match(line)
        if match:
            drawn[match.group(1)] = set((match.group(2) or "").split())
    found = []
    for room, (deps, _) in table.items() if block else ():
        if room not in drawn:
            found.append(f"docs/architecture.md does not draw {room}/")
        elif drawn[room] != {"all"} and drawn[room] != set(deps):
            found.append(f"docs/architecture.md: {room}/ -> {' '.join(sorted(drawn[room]))}, in CMakeLists.txt: {' '.join(sorted(deps))}")
    return found + [f"docs/architecture.md draws {room}/, which CMakeLists.txt does not know" for room in drawn if room not in table]


def test_named_files_exist():
    tree.demand(check_named_files(tree.ROOT, "docs/life-of-a-task.md", "docs/architecture.md", "README.md"))


def test_promises_name_tests():
    tree.demand(check_named_tests(tree.ROOT, "docs/promises.md"))


def test_rooms_are_drawn_as_they_are_built():
    tree.demand(check_rooms(tree.ROOT))


def test_states_are_generated():
    if not MUSTER.exists():
        pytest.skip("build/muster is not built")
    printed = subprocess.run([MUSTER, "help", "states"], capture_output=True, text=True, check=True).stdout
    written = tree.text_of(tree.ROOT / "docs/states.md")
    assert printed == written, "regenerate it: build/muster help states > docs/states.md"


def test_reference_is_generated(tmp_path):
    if not MUSTER.exists():
        pytest.skip("build/muster is not built")
    subprocess.run([MUSTER, "man", "--format", "markdown", "--dir", tmp_path], capture_output=True, check=True)
    stale = [page.name for page in sorted(tmp_path.iterdir())
             if tree.text_of(page) != (tree.text_of(written) if (written := tree.ROOT / "docs/reference" / page.name).exists() else "")]
    assert not stale, f"make them anew: build/muster man --format markdown --dir docs/reference ({', '.join(stale)})"


def test_named_files_bite(tmp_path):
    tree.plant(tmp_path, "src/core/a.cpp", "")
    tree.plant(tmp_path, "docs/life-of-a-task.md", "see `src/core/a.cpp`, `src/core/`\n`src/core/gone.cpp`\n")
    assert check_named_files(tmp_path, "docs/life-of-a-task.md") == [
        "docs/life-of-a-task.md:2: names src/core/gone.cpp, which is not there"]


def test_named_tests_bite(tmp_path):
    tree.plant(tmp_path, "tests/e2e/test_a.py", "def test_one(server):\n    pass\n")
    tree.plant(tmp_path, "tests/b_test.cpp", "TEST(Some, Thing) {}\n")
    tree.plant(tmp_path, "docs/promises.md", "`tests/e2e/test_a.py::test_one` `tests/b_test.cpp::Thing`\n"
               "`tests/e2e/test_a.py::test_two` `tests/b_test.cpp::Some` `tests/c.py`\n")
    found = check_named_tests(tmp_path, "docs/promises.md")
    assert len(found) == 3 and all(":2:" in one for one in found)


def test_rooms_bite(tmp_path):
    tree.plant(tmp_path, "CMakeLists.txt", "muster_room(core)\nmuster_room(engine DEPS core)\nmuster_room(sim DEPS core)\n")
    picture = "```\nsrc/\n  core/    values\n  engine/  decides    -> core\n  sim/     worlds   -> {}\n```\n"
    tree.plant(tmp_path, "docs/architecture.md", picture.format("core"))
    assert check_rooms(tmp_path) == []
    tree.plant(tmp_path, "docs/architecture.md", picture.format("core engine"))
    assert len(check_rooms(tmp_path)) == 1
