# Checks that no function grows past 70 lines and no file past 800; the ratchet file lists exceptions, and only ever shrinks.
# Must hold: an exception that is not needed any more is itself a finding, so that the ratchet cannot be used twice.
import ast
import re

import tree

FUNCTION_LINES = 70
FILE_LINES = 800
FOLDERS = ("src", "tests", "tools", "cmake", "dev", ".ci", "CMakeLists.txt")
RATCHET = "ratchet.txt"
# What stands before the brace of a function: a closing parenthesis, then qualifiers, a return type or initialisers.
_HEAD = re.compile(r"\)\s*(const|noexcept|override|final|mutable|constexpr|&&?|\s)*(->[^;{}]*)?(:[^;]*)?$", re.S)
_NOT_A_FUNCTION = re.compile(r"^\s*(if|for|while|switch|catch|namespace|class|struct|union|enum|else|do|try)\b")
_CONTROL = re.compile(r"\b(if|for|while|switch|catch)\s*(constexpr\s*)?\($")


def cpp_functions(text):
    """(name, first line, lines) of each function body: a block that follows a parameter list."""
    code = re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.blank(text), flags=re.M)
    stack, start, found = [], 0, []
    for match in re.finditer(r"[{};]", code):
        at, sign = match.start(), match.group(0)
        if sign == "{":
            head = code[start:at]
            stack.append((head.strip(), start + len(head) - len(head.lstrip())))
            start = at + 1
        elif sign == "}":
            if stack:
                head, begin = stack.pop()
                first = code.count("\n", 0, begin) + 1
                if is_function(head):
                    found.append((name_of(head), first, code.count("\n", 0, at) + 2 - first))
            start = at + 1
        elif code.count("(", start, at) == code.count(")", start, at):
            start = at + 1
    return found


def is_function(head):
    # A lambda stands inside a function and counts with it; a control block likewise.
    return bool(_HEAD.search(head)) and not _NOT_A_FUNCTION.match(head) and "[" not in head.split("(")[0].replace("[[", "")


def name_of(head):
    match = re.search(r"([\w:~]+|operator\S+)\s*\(", head)
    return match.group(1) if match else "?"


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(text):
    name, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"(\w+)\(\) \{$", line)
        if match:
            name, first = match.group(1), number
        elif line == "}" and name:
            yield name, first, number - first + 1
            name = ""


def functions(path, text):
    if path.suffix in (".h", ".cpp"):
        return cpp_functions(text)
    if path.suffix == ".py":
        return python_functions(text)
    return shell_functions(text) if text.startswith("#!") else ()


def check(root):
    found, excused = [], {pair: False for pair in tree.allowed(root, RATCHET)}
    for path in tree.files(root, *FOLDERS):
        text = tree.text_of(path)
        where = str(path.relative_to(root))
        long = [("file", 1, len(text.splitlines()), FILE_LINES)] if path.suffix not in (".txt", ".json") else []
        long += [(name, first, lines, FUNCTION_LINES) for name, first, lines in functions(path, text)]
        for name, first, lines, limit in long:
            if lines <= limit:
                continue
            if (where, name) in excused:
                excused[where, name] = True
            else:
                found.append(tree.finding(root, path, first, f"{name}: {lines} lines, at most {limit}"))
    found += [f"{RATCHET}: '{where}: {name}' is not too long any more: remove the line" for (where, name), used in excused.items() if not used]
    return found


def test_functions_and_files_stay_short():
    tree.demand(check(tree.ROOT))


BODY = "  int x = 1;\n"


def test_sizes_bite_on_functions(tmp_path):
    for text in (
        "int f(int a,\n  int b) const {\n" + BODY * 70 + "}\n",
        "namespace a {\nclass B {\n int g() {\n if (x) {\n" + BODY * 70 + "}\n}\n};\n}\n",
        "A::A(int x) : x_(x), y_(2) {\n" + BODY * 70 + "}\n",
        "template <class T>\nauto h(T t) -> std::vector<T> {\n  for (int i = 0; i < 3; ++i) {\n" + BODY * 70 + "  }\n}\n",
    ):
        tree.plant(tmp_path, "src/core/a.cpp", text)
        assert len(check(tmp_path)) == 1, text
    tree.plant(tmp_path, "src/core/a.cpp", "namespace a {\n" + "int f() {\n" + BODY * 60 + "}\n" * 1 + "int g() {\n" + BODY * 60 + "}\n}\n")
    assert check(tmp_path) == []
    tree.plant(tmp_path, "tests/a.py", "def f():\n" + "    x = 1\n" * 70)
    tree.plant(tmp_path, "dev", "#!/bin/bash\nf() {\n" + "x=1\n" * 70 + "}\n")
    assert len(check(tmp_path)) == 2


def test_sizes_bite_on_files_and_stale_exceptions(tmp_path):
    tree.plant(tmp_path, "src/core/a.h", "//\n" * 801)
    assert "801 lines" in check(tmp_path)[0]
    tree.plant(tmp_path, "tests/tidy/ratchet.txt", "src/core/a.h: file\n")
    assert check(tmp_path) == []
    tree.plant(tmp_path, "src/core/a.h", "//\n" * 800)
    assert "remove the line" in check(tmp_path)[0]
