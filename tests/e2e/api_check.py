"""Holds every call of the end-to-end tests to /openapi.json: known route, known parameters, bodies of the described shape.

A request that the server accepts has to be as described; an answer always. What is not described is reported by its place.
"""

import functools
import json
import re
import subprocess
import urllib.parse

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/dl/muster"}
calls = 0  # that were looked at


@functools.cache
def description(program):
    """What the program says of itself, and its paths as patterns."""
    document = json.loads(subprocess.run([program, "openapi"], stdout=subprocess.PIPE, check=True).stdout)
    patterns = [(re.compile(re.sub(r"\\\{name\\\}", "[^/]+", re.escape(path)) + "$"), methods) for path, methods in document["paths"].items()]
    return document, patterns


def is_of(value, name):
    if name in ("integer", "number") and isinstance(value, bool):
        return False
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def mistakes(document, schema, value, place):
    """What is wrong with the value, as [(place, why)]."""
    if "$ref" in schema:
        return mistakes(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, place)
    if "anyOf" in schema:
        found = [mistakes(document, one, value, place) for one in schema["anyOf"]]
        return min(found, key=len)
    if "const" in schema and value != schema["const"]:
        return [(place, f"is {value!r}, not {schema['const']!r}")]
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(is_of(value, one) for one in types):
        return [(place, f"is {value!r:.80}, not {' or '.join(types)}")]
    if "enum" in schema and value not in schema["enum"]:
        return [(place, f"is {value!r}, not one of {schema['enum']}")]
    if schema.get("format") == "date-time" and value is not None and not TIME.match(value):
        return [(place, f"is {value!r}, no time")]
    found = []
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            found += mistakes(document, schema["items"], one, f"{place}[{number}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        found += [(place, f"lacks {name}") for name in schema.get("required", []) if name not in value]
        for name, one in value.items():
            if name in known:
                found += mistakes(document, known[name], one, f"{place}.{name}")
            elif isinstance(rest, dict):
                found += mistakes(document, rest, one, f"{place}.{name}")
            elif rest is False:
                found.append((place, f"has {name}, which is not described"))
    return found


def body_of(data):
    try:
        return json.loads(data)
    except (ValueError, TypeError):
        return None


def find_operation(program, method, path):
    document, patterns = description(program)
    methods = next((methods for pattern, methods in patterns if pattern.match(path)), {})
    return document, methods.get("get" if method == "HEAD" else method.lower())


def request_mistakes(program, method, target, sent):
    """What is wrong with a request alone."""
    url = urllib.parse.urlsplit(target)
    document, operation = find_operation(program, method, url.path)
    if operation is None:
        return [] if url.path in OPEN else [(f"{method} {url.path}", "is not described")]
    named = {one["name"] for one in operation["parameters"]}
    found = [("query", f"has {name}, which is not described") for name, _ in urllib.parse.parse_qsl(url.query, True) if name not in named]
    wanted = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = body_of(sent)
    if wanted and body is not None:
        found += mistakes(document, wanted["schema"], body, "request")
    return found


def check(program, method, target, sent, status, content_type, received):
    """One call as it was made; fails when it is not as described."""
    global calls
    calls += 1
    path = urllib.parse.urlsplit(target).path
    document, operation = find_operation(program, method, path)
    found = []
    if status >= 400 and content_type == "application/problem+json":
        found += mistakes(document, {"$ref": "#/components/schemas/Problem"}, json.loads(received), "answer")
    if operation is None:
        assert status >= 400 or path in OPEN or path == "/api/v1/agent", f"{method} {path} answers, and is not described"
    elif 200 <= status < 300 and method != "HEAD":
        found += request_mistakes(program, method, target, sent)
        content = operation["responses"]["2XX"]["content"]
        if content_type not in content:
            found.append(("answer", f"is {content_type}, not {' or '.join(content)}"))
        elif "schema" in content[content_type]:
            found += mistakes(document, content[content_type]["schema"], json.loads(received), "answer")
    assert not found, (method, target, status, found[:5])
