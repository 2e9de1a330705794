# Which options of the command tree no end-to-end test uses; `muster help options` prints one 'command path --option' per line.
# Must hold: an option counts as used only where the last word of its command stands in the same test function.
import ast
import re
import subprocess
import sys

import tree


def option_lines(muster):
    """[(last word of the command, (names of one option))]; 'list -o,--output' names two ways to write one option."""
    printed = subprocess.run([muster, "help", "options"], capture_output=True, text=True, check=True).stdout
    return parse(printed)


def parse(printed):
    options = []
    for line in printed.splitlines():
        words = line.split()
        if words:
            options.append((" ".join(words[:-1]), tuple(words[-1].split(","))))
    return options


def word_groups(root):
    """For each function of the Python tests, and each whole other file beside them, the set of words in its strings."""
    for path in tree.files(root, "tests/e2e", "tests/run.py", endings=(".py", ".sh", ".txt")):
        text = tree.text_of(path)
        if path.suffix != ".py":
            yield words_of(text)
            continue
        for node in ast.parse(text).body:
            yield words_of("\n".join(child.value for child in ast.walk(node)
                                     if isinstance(child, ast.Constant) and isinstance(child.value, str)))


def words_of(text):
    return set(re.findall(r"--?[A-Za-z][\w-]*|[\w-]+", text))


def unused(options, groups):
    """Options as 'path --option' that no group of words uses together with the command."""
    groups = list(groups)
    missing = []
    for path, names in options:
        command = path.split()[-1:] or [""]
        if not any((command[0] in group or not command[0]) and any(name in group for name in names) for group in groups):
            missing.append(f"{path} {','.join(names)}".strip())
    return missing


if __name__ == "__main__":
    left = unused(option_lines(sys.argv[1] if len(sys.argv) > 1 else tree.ROOT / "build/muster"), word_groups(tree.ROOT))
    print("\n".join(left))
    sys.exit(1 if left else 0)
