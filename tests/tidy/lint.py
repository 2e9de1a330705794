# Runs clang-tidy (.clang-tidy says which checks) over src/, two files at a time; what was clean and has not changed is not read again.
# Must hold: a file is clean only together with every header of ours that it includes, the checks and their version.
import concurrent.futures
import hashlib
import pathlib
import re
import subprocess
import sys

import tree

TOOL = "clang-tidy-19"
BUILD = tree.ROOT / "build"
CLEAN = BUILD / "lint"  # one empty file for each clean state, named by its hash
# The flags of the compile commands are for gcc; what clang does not know of them says nothing about our code.
TOLERATED = [f"--extra-arg=-Wno-{name}" for name in
             ("unknown-warning-option", "ignored-gch", "ignored-optimization-argument", "unused-command-line-argument",
              "deprecated-declarations", "sign-conversion")]


def headers_of(path, seen):
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', tree.text_of(path), re.M):
        header = tree.ROOT / "src" / name
        if header.is_file() and header not in seen:
            seen.add(header)
            headers_of(header, seen)
    return seen


def state_of(path, version):
    digest = hashlib.sha256(version.encode())
    for part in [tree.ROOT / ".clang-tidy", path, *sorted(headers_of(path, set()))]:
        digest.update(str(part.relative_to(tree.ROOT)).encode() + b"\0" + part.read_bytes() + b"\0")
    return CLEAN / digest.hexdigest()


def lint(path, version):
    """What clang-tidy says of one file; nothing when it is clean."""
    state = state_of(path, version)
    if state.exists():
        return ""
    done = subprocess.run([TOOL, "-p", str(BUILD), "--quiet", *TOLERATED, str(path.relative_to(tree.ROOT))], cwd=tree.ROOT,
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        state.touch()
        return ""
    return done.stdout or done.stderr


def main(wanted):
    CLEAN.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout
    paths = [path for path in tree.cpp_files(tree.ROOT) if path.suffix == ".cpp" and not path.name.endswith("_test.cpp")]
    paths = [path for path in paths if not wanted or any(name in str(path) for name in wanted)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = [text for text in pool.map(lambda path: lint(path, version), paths) if text]
    # A header is told of once, though many files include it.
    blocks = {}
    for text in said:
        for block in re.split(r"(?=^\S+:\d+:\d+: (?:error|warning):)", text, flags=re.M):
            if block.strip():
                blocks.setdefault(block.split("\n", 1)[0], block)
    print("".join(blocks.values()), end="")
    print(f"{len(paths)} files, {len(said)} with findings")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
