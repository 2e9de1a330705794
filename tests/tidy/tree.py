# What the tidy checks share: the files of a checkout, the table of rooms, C++ without its comments and strings.
# Must hold: nothing here knows a rule; a check gets a folder and returns findings, so that it can be tried on a planted one.
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = re.compile(r"^(\.git|build|build-.*|node_modules|dist|__pycache__|\.cache)$")


def files(root, *folders, endings=()):
    """Texts below the named folders (or the named files themselves), sorted; built and foreign ones and pictures are left out."""
    found = []
    for folder in folders:
        start = root / folder
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            parts = path.relative_to(root).parts
            if path.is_file() and path.suffix != ".png" and not any(SKIPPED_FOLDERS.match(part) for part in parts):
                if not endings or path.suffix in endings:
                    found.append(path)
    return found


def cpp_files(root, *folders):
    return files(root, *(folders or ("src",)), endings=(".h", ".cpp"))


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def finding(root, path, line, message):
    return f"{path.relative_to(root)}:{line}: {message}"


def demand(findings):
    """The test fails with every finding, one a line."""
    import pytest  # the linter uses this file without it

    if findings:
        pytest.fail("\n".join(findings), pytrace=False)


def plant(root, name, text):
    """Writes a file of a planted tree."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.S)


def blank(text, keep_comments=False):
    """C++ text of the same length and lines, strings emptied and comments turned to blanks."""

    def replace(match):
        token = match.group(0)
        if token.startswith(("//", "/*")) and keep_comments:
            return token
        return re.sub(r"[^\n]", " ", token) if token.startswith("/") else '"' + re.sub(r"[^\n]", " ", token[1:-1]) + '"'

    return _TOKEN.sub(replace, text)


def dynamic_parts(root):
    """{folder below src/: libraries that it may include beside those of its room} from the muster_dynamic_part() lines."""
    lines = re.findall(r"^muster_dynamic_part\(\S+ (\S+) [^)]*LIBS ([^)]*)\)", text_of(root / "CMakeLists.txt"), re.M)
    return {folder: libraries.split() for folder, libraries in lines}


def rooms(root):
    """{room: (rooms it may include, libraries it may include)} from the muster_room() lines of CMakeLists.txt."""
    table = {}
    commands = re.findall(r"^muster_room\(([^)]*)\)", text_of(root / "CMakeLists.txt"), re.M)
    for words in (command.split() for command in commands):
        lists = {"DEPS": [], "LIBS": []}
        current = None
        for word in words[1:]:
            if word in lists:
                current = lists[word]
            else:
                current.append(word)
        table[words[0]] = (lists["DEPS"], lists["LIBS"])
    return table


def allowed(root, name):
    """Lines of an allow list beside the checks, without comments: (path, text) pairs."""
    pairs = []
    path = root / "tests/tidy" / name
    for line in text_of(path).splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            where, _, text = line.partition(": ")
            pairs.append((where.strip(), text.strip()))
    return pairs
