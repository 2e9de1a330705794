# Checks that every #include follows the direction of the house, which is the table in CMakeLists.txt.
# Must hold: core, engine, agent and ports include the standard library only; Asio and Beast only where the table says asio.
import re

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
# Which library of the table a third-party header belongs to. First match wins.
LIBRARIES = (
    (r"boost/(asio|beast)\b", "asio"),
    (r"boost/json\b", "json"),
    (r"boost/url\b", "url"),
    (r"google/protobuf/|.*\.pb\.h$", "protobuf"),
    (r"sqlite3\.h$", "sqlite"),
    (r"libpq-fe\.h$", "postgresql"),
    (r"zstd(_errors)?\.h$|zdict\.h$", "zstd"),
    (r"zlib\.h$", "zlib"),
    (r"sodium(\.h$|/)", "sodium"),
    (r"openssl/", "ssl"),
    (r"spdlog/", "spdlog"),
    (r"CLI/", "cli11"),
    (r"toml\+\+/", "toml"),
)
# Small headers without a cost of their own; fmt stands in for std::format.
EVERYWHERE = re.compile(r"fmt/|boost/(system|core|container|assert|config|throw_exception|intrusive)\b")
IN_TESTS = re.compile(r"gtest/|gmock/|rapidcheck(\.h$|/)")
STANDARD = re.compile(r"[a-z0-9_]+$")
SYSTEM = re.compile(r"(sys/|linux/|netinet/|arpa/|net/)?[a-z0-9_]+\.h$")
PURE = ("core", "engine", "agent", "ports")


def library_of(header):
    return next((name for pattern, name in LIBRARIES if re.match(pattern, header)), None)


def check(root):
    table = tree.rooms(root)
    parts = tree.dynamic_parts(root)
    found = []
    for path in tree.cpp_files(root):
        room = path.relative_to(root / "src").parts[0]
        if room not in table:
            found.append(tree.finding(root, path, 1, f"room '{room}' is not in the table of CMakeLists.txt"))
            continue
        is_test = path.name.endswith("_test.cpp")
        text = tree.text_of(path)
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            part = next((libraries for folder, libraries in parts.items() if (root / "src" / folder) in path.parents), [])
            if library_of(match.group(2)) in part:
                continue
            wrong = wrong_include(table, room, is_test, *match.groups())
            if wrong:
                found.append(tree.finding(root, path, line, wrong))
    return found


def wrong_include(table, room, is_test, bracket, header):
    deps, libraries = table[room]
    if bracket == '"':
        target = header.split("/")[0]
        if "/" not in header or target not in table:
            return f'"{header}" does not name a room: write "room/file.h"'
        if target != room and target not in deps:
            return f"{room} may not include {target}: {header}"
        if header.endswith(".pb.h") and "protobuf" not in libraries:
            return f"{room} may not see generated messages: {header}"
        return None
    if is_test and IN_TESTS.match(header):
        return None
    library = library_of(header)
    if library:
        return None if library in libraries else f"{room} may not use {library}: <{header}>"
    if STANDARD.match(header):
        return None
    if room in PURE and not (is_test and SYSTEM.match(header)):
        return f"{room} uses the standard library only: <{header}>"
    if SYSTEM.match(header) or EVERYWHERE.match(header):
        return None
    return f"<{header}> belongs to no library of the table"


def test_includes_follow_the_house():
    tree.demand(check(tree.ROOT))


TABLE = "muster_room(core)\nmuster_room(engine DEPS core)\nmuster_room(store DEPS core LIBS sqlite)\nmuster_room(runtime DEPS core\n LIBS asio)\n"


def planted(root, name, text):
    tree.plant(root, "CMakeLists.txt", TABLE)
    tree.plant(root, name, text)
    return check(root)


def test_includes_bite_on_the_wrong_direction(tmp_path):
    assert planted(tmp_path, "src/core/a.cpp", '#include "core/a.h"\n#include <vector>\n') == []
    assert "core may not include engine" in planted(tmp_path, "src/core/b.cpp", '#include "engine/b.h"\n')[0]


def test_includes_bite_on_a_library_in_the_wrong_room(tmp_path):
    assert planted(tmp_path, "src/store/a.cpp", "#include <sqlite3.h>\n#include <unistd.h>\n") == []
    assert planted(tmp_path, "src/runtime/a.cpp", "#include <boost/asio/ip/tcp.hpp>\n") == []
    assert "store may not use asio" in planted(tmp_path, "src/store/b.cpp", "\n# include <boost/beast/core.hpp>\n")[0]


def test_includes_bite_on_the_system_in_a_pure_room(tmp_path):
    assert "standard library only" in planted(tmp_path, "src/engine/a.cpp", "#include <unistd.h>\n")[0]


def test_includes_bite_on_an_unknown_room(tmp_path):
    assert "not in the table" in planted(tmp_path, "src/attic/a.cpp", "")[0]
