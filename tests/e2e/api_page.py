"""The manual's page on the HTTP API, made from `muster openapi`: `python3 tests/e2e/api_page.py > docs/manual/api.md`.

EXAMPLES is a walk through the whole API in an order in which every call succeeds; a test takes it.
"""

import json
import os
import subprocess
import sys

# (operation, what follows /api/v1, body or None, more for curl). Every operation once.
EXAMPLES = [
    ("status", "/status", None, ""),
    ("worker.list", "/workers", None, ""),
    ("batch.submit", "/batches", {"command": ["echo", "{}"], "array": "1-3", "name": "hello", "cwd": "/"}, "-H 'Idempotency-Key: monday-1'"),
    ("wait", "/wait?selector=1&timeout_s=30", None, ""),
    ("batch.list", "/batches?limit=10", None, ""),
    ("batch.show", "/batches/1", None, ""),
    ("batch.set", "/batches/1", {"priority": 5}, ""),
    ("task.list", "/tasks?selector=1&state=succeeded", None, ""),
    ("task.show", "/tasks/1.2", None, ""),
    ("attempt.list", "/attempts?selector=1.2", None, ""),
    ("attempt.show", "/attempts/1.2%231", None, ""),
    ("logs", "/logs?selector=1.2&stream=stdout", None, ""),
    ("task.spec", "/tasks/1.2/spec", None, ""),
    ("task.select", "/select?selector=1&where=state%3Dsucceeded", None, ""),
    ("explain", "/explain?selector=1", None, ""),
    ("failures", "/failures?selector=1", None, ""),
    ("task.set", "/set", {"selectors": ["1"], "mem_mb": 512, "dry_run": True}, ""),
    ("logs.search", "/logs/search?selector=1&text=2", None, ""),
    ("task.hold", "/hold", {"selectors": ["1"], "reason": "later"}, ""),
    ("task.release", "/release", {"selectors": ["1"]}, ""),
    ("task.cancel", "/cancel", {"selectors": ["1"], "dry_run": True}, ""),
    ("task.retry", "/retry?background=true", {"selectors": ["1"], "mem_mb": 512, "dry_run": True}, ""),
    ("operation.show", "/operations/1", None, ""),
    ("event.list", "/events?limit=20", None, ""),
    ("worker.show", "/workers/1", None, ""),
    ("worker.set", "/workers/1", {"labels": {"storage": "lustre"}, "offers": {"license": 2}}, ""),
    ("worker.create", "/workers", {"name": "lab2", "slots": 4}, ""),
    ("worker.pause", "/workers/1/pause", {"reason": "new disk"}, ""),
    ("worker.resume", "/workers/1/resume", {}, ""),
    ("worker.drain", "/workers/1/drain", {}, ""),
    ("worker.lost", "/workers/1/lost", {"reason": "its power supply"}, ""),
    ("worker.remove", "/workers/lab2/remove", {}, ""),
    ("worker.invite", "/invites", {"ttl_s": 600, "name": "lab3"}, ""),
    ("worker.join", "/join", {"spool_id": "a-folder-of-its-own", "name": "lab3"}, ""),
    ("limit.set", "/limits/user:ada", {"max_running": 100, "weight": 2}, ""),
    ("limit.list", "/limits", None, ""),
    ("limit.delete", "/limits/user:ada", None, ""),
    ("project.create", "/projects", {"name": "atlas", "note": "the big one"}, ""),
    ("project.list", "/projects", None, ""),
    ("project.show", "/projects/atlas", None, ""),
    ("project.set", "/projects/atlas", {"closed": True}, ""),
    ("secret.create", "/secrets", {"name": "archive", "value": "open sesame"}, ""),
    ("secret.list", "/secrets", None, ""),
    ("secret.show", "/secrets/archive", None, ""),
    ("secret.set", "/secrets/archive", {"value": "open barley", "note": "read only"}, ""),
    ("secret.delete", "/secrets/archive", None, ""),
    ("user.create", "/users", {"name": "ada", "roles": {"atlas": "submitter"}}, ""),
    ("user.list", "/users", None, ""),
    ("user.show", "/users/me", None, ""),
    ("user.set", "/users/ada", {"roles": {"atlas": "operator"}}, ""),
    ("token.create", "/tokens", {"user": "ada", "expires_s": 604800, "note": "laptop"}, ""),
    ("token.list", "/tokens?user=ada", None, ""),
    ("token.revoke", "/tokens/1", None, ""),
    ("flavor.import", "/flavors", {"items": [{"provider": "ovh", "region": "GRA11", "name": "d2-2", "cpus": 1, "ram_mb": 2048, "price": 0.0099}]}, ""),
    ("flavor.list", "/flavors?filter=cpu%3E%3D1&max_eviction=5", None, ""),
    ("flavor.show", "/flavors/ovh:GRA11:d2-2", None, ""),
    ("flavor.delete", "/flavors/ovh:GRA11:d2-2", None, ""),
    ("session.link", "/links", {"ttl_s": 120}, ""),
    ("session.create", "/sessions", {"note": "a browser"}, ""),
    ("user.delete", "/users/ada", None, ""),
    ("project.delete", "/projects/atlas", None, ""),
    ("audit.list", "/audit?limit=20", None, ""),
    ("audit.verify", "/audit/verify", None, ""),
    ("shutdown", "/shutdown", {"keep_running": True}, ""),
]

HEAD = """# The HTTP API

Made from `muster openapi` by `tests/e2e/api_page.py`; a test compares the two, and makes every call below.

One port, JSON both ways, below `/api/v1`. `/openapi.json` is the same description for programs. Set an address and a token first:

```sh
export MUSTER_URL=$(cut -d'#' -f1 ~/.local/share/muster/server.url) MUSTER_TOKEN=$(cat ~/.local/share/muster/admin.token)
```

- **Errors** are `application/problem+json` with a `code`; `muster help CODE` explains it.
- **Lists** have `items` and `next`; pass `next` as `?after=`, until it is null.
- **Projects**: `?project=NAME` with every call; without it the token's, or `default`.
- **Repeats**: where `Idempotency-Key` is listed, the same request with the same key gives the first answer again.
- **Changes** are JSON (`Content-Type: application/json`). Answers only ever grow: ignore members that you do not know.
- A member marked `?` may be absent. Times are RFC 3339 in UTC, durations seconds.
"""


def description(program):
    return json.loads(subprocess.run([program, "openapi"], stdout=subprocess.PIPE, check=True).stdout)


def operations(document):
    """{operation: (method, path, row)}"""
    return {row["operationId"]: (method.upper(), path, row) for path, methods in document["paths"].items() for method, row in methods.items()}


def curl(method, target, body, more):
    """The command, in lines of a page's width."""
    words = ["curl -sS"]
    if method != "GET":
        words.append(f"-X {method}")
    words.append('-H "Authorization: Bearer $MUSTER_TOKEN"')
    if more:
        words.append(more)
    if body is not None:
        words += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"]
    words.append(f'"$MUSTER_URL/api/v1{target}"')
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) > 115:
            lines.append(line + " \\")
            line = "  " + word
        else:
            line += (" " if line else "") + word
    return "\n".join([*lines, line])


def type_of(schema):
    """A schema in one word, as front/schemas.cpp has it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in schema["anyOf"])
    if "const" in schema:
        return f'`"{schema["const"]}"`'
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    null = " or null" if "null" in types else ""
    name = next(one for one in types if one != "null") if types != ["null"] else "null"
    if "enum" in schema:
        return " ".join(f"`{one}`" for one in schema["enum"] if one) + null
    if name == "array":
        return "list of " + type_of(schema["items"]) + null
    if name == "object":
        return "object of " + type_of(schema["additionalProperties"]) + null
    return {"string": "time" if schema.get("format") else "text", "integer": "integer", "boolean": "flag"}.get(name, name) + null


def shape_lines(name, schema):
    yield f"### {name}\n"
    if "anyOf" in schema:
        yield "One of: " + ", ".join(type_of(one) for one in schema["anyOf"]) + "\n"
        return
    yield "| member | is |\n|---|---|"
    for member, one in schema["properties"].items():
        yield f"| `{member}`{'' if member in schema['required'] else '?'} | {type_of(one)} |"
    yield ""


def operation_lines(operation, method, path, row, example):
    yield f"### {operation}\n\n`{method} {path}` — {row['summary']}.\n"
    where = {"project": "in the project", "own": "in the project; a submitter changes only what is theirs", "server": "in every project",
             "key": "", "yourself": "for others; everybody for themselves"}[row["x-muster-reach"]]
    yield "Needs " + ("an invitation's key as the token." if row["x-muster-reach"] == "key" else f"the role {row['x-muster-role']} {where}.")
    parameters = [f"`{one['name']}`" for one in row["parameters"] if one["in"] == "query" and one["name"] != "project"]
    headers = [f"`{one['name']}`" for one in row["parameters"] if one["in"] == "header"]
    if parameters:
        yield "Query: " + " ".join(parameters) + "."
    if headers:
        yield "Header: " + " ".join(headers) + "."
    if "requestBody" in row:
        yield "Takes " + type_of(row["requestBody"]["content"]["application/json"]["schema"]) + "."
    content = row["responses"]["2XX"]["content"]
    yield "Answers " + (type_of(content["application/json"]["schema"]) if "application/json" in content else "bytes") + ".\n"
    yield "```sh (run by test_api_page.py)\n" + curl(method, *example) + "\n```\n"


def page(program):
    document = description(program)
    known = operations(document)
    examples = {operation: (target, body, more) for operation, target, body, more in EXAMPLES}
    lines = [HEAD, "## Calls\n"]
    for operation, (method, path, row) in known.items():
        lines += operation_lines(operation, method, path, row, examples[operation])
    lines.append("## Shapes\n")
    for name, schema in document["components"]["schemas"].items():
        lines += shape_lines(name, schema)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(os.environ.get("MUSTER", "build/muster")))
