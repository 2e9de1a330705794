"""T-15: requests made from /openapi.json, half of them sound and half of them spoiled somewhere, by everybody who may come in.

Nothing is answered with an error of the server's own, every answer is as described (api_check looks at each), and the server serves
afterwards as before. The seed is printed; MUSTER_TEST_SEED takes another one.
"""

import http.client
import os
import random

import api_check
from conftest import MUSTER

REQUESTS = 50_000 if os.environ.get("MUSTER_TEST_LONG") else 3000
# What would end the server, or hold the connection for longer than it takes to ask.
LEFT_OUT = {"shutdown", "wait", "event.list"}
TEXTS = ["", "1", "42", "1.1", "1.1#1", "1-3", "last", "@work", "work", "default", "atlas", "ada", "w1", "user:ada", "label:a=b", "state=failed",
         "state=failed exit=3", "label.a~b", "name=work -state=ready", "cpus=2+", "..5", "'", '"', "%00", "\u0000", "\u202e", "\x1b[2J", "a" * 5000,
         "../../etc/passwd", "-1", "0", "18446744073709551616", "9" * 40, "1e9", "NaN", "10s", "1h", "1Gi", "*", "1-99999999999", "1-10:0", "{}", "{{",
         "{#}", "{x}", "echo {}", "stdout", "none", "\ud7ff", "ä" * 300, "a,b,c", "&x=y", "null", "true"]
NUMBERS = [0, 1, 2, 3, 7, 100, -1, 0.5, -0.0, 1e300, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, 10 ** 30]
ANYTHING = [None, True, False, [], {}, [[]], {"a": {"b": {}}}, "text", 1, 1.5, [1, "a", None]]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.document, _ = api_check.description(MUSTER)
        self.calls = [(methods[method]["operationId"], method.upper(), path, methods[method])
                      for path, methods in sorted(self.document["paths"].items()) for method in sorted(methods)
                      if methods[method]["operationId"] not in LEFT_OUT]

    def value(self, schema, depth=0):
        chance, pick = self.random.random, self.random.choice
        if chance() < 0.04:
            return pick(ANYTHING)
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in schema:
            return self.value(pick(schema["anyOf"]), depth)
        if "enum" in schema and chance() < 0.9:
            return pick(schema["enum"])
        kinds = schema.get("type", "string")
        kind = pick(kinds) if isinstance(kinds, list) else kinds
        if kind == "object":
            made = {}
            for name, one in schema.get("properties", {}).items():
                if (name in schema.get("required", []) and chance() < 0.97) or chance() < 0.25:
                    made[name] = self.value(one, depth + 1)
            if isinstance(schema.get("additionalProperties"), dict):
                made |= {pick(TEXTS): self.value(schema["additionalProperties"], depth + 1) for _ in range(self.random.randrange(4))}
            return made | ({"surprise": 1} if chance() < 0.03 else {})
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.random.randrange(4))]
        if kind in ("integer", "number"):
            return self.random.randrange(12) if chance() < 0.7 else pick(NUMBERS)
        return {"boolean": chance() < 0.5, "null": None}.get(kind, pick(TEXTS))

    def call(self):
        operation, method, path, row = self.random.choice(self.calls)
        query, fields, body = {}, {}, None
        for one in row["parameters"]:
            if one["in"] == "path":
                # The tokens that the test itself comes with are not revoked.
                own = ["9", "999", "x"] if operation == "token.revoke" else []
                path = path.replace("{name}", self.random.choice(own or ["1", "2", "1.1", "1.2%231", "ada", "atlas", "work", "user:ada", "%2e%2e", "%00", "9" * 30]))
            elif one["in"] == "header":
                if self.random.random() < 0.3:
                    fields[one["name"]] = self.random.choice(["one", "two", "k" * 256, "\x7f"])
            elif self.random.random() < (0.9 if one.get("required") else 0.3):
                query[one["name"]] = str(self.random.choice(["0", "1", "2"] if one["name"] in ("wait_s", "limit") else TEXTS))
        if "requestBody" in row:
            kinds = row["requestBody"]["content"]
            body = self.value(kinds["application/json"]["schema"]) if "application/json" in kinds else {}
        return operation, method, path, body, fields, query


def test_requests_made_from_the_description_never_break_the_server(make_server):
    seed = int(os.environ.get("MUSTER_TEST_SEED", "20261121"))
    print("seed", seed)
    server = make_server(worker=True)
    for name, role in (("viewer", "viewer"), ("submitter", "submitter"), ("operator", "operator"), ("second", "admin")):
        assert server.request("POST", "/users", {"name": name + "1", "roles": {"*": role}}).status == 201
    tokens = [server.request("POST", "/tokens", {"user": name + "1"}).json()["token"] for name in ("viewer", "submitter", "operator", "second")]
    tokens += [(server.data / "worker" / "agent.token").read_text().strip(), False]
    server.request("POST", "/batches", {"command": ["sh", "-c", "exit 3"], "array": "1-3", "name": "work", "cwd": "none"})
    maker, seen, connection = Maker(seed), {}, server.connect()
    for number in range(REQUESTS):
        operation, method, path, body, fields, query = maker.call()
        token = maker.random.choices(tokens, (2, 3, 4, 8, 1, 1))[0]
        # A connection ends with some refusals, as HTTP has it.
        try:
            answer = server.request(method, path, body, token=token, fields=fields, query=query, connection=connection)
        except (OSError, http.client.HTTPException):
            connection.close()
            connection = server.connect()
            answer = server.request(method, path, body, token=token, fields=fields, query=query, connection=connection)
        assert answer.status < 500, (number, operation, body, query, answer)
        seen.setdefault(operation, set()).add(answer.status // 100)
        if answer.fields.get("connection", "").lower() == "close":
            connection.close()
            connection = server.connect()
    connection.close()
    assert len(seen) == len(maker.calls), sorted({call[0] for call in maker.calls} - set(seen))
    both = [operation for operation, statuses in seen.items() if {2, 4} <= statuses]
    assert len(both) > len(seen) // 2, ("too many calls were never accepted, or never refused", seen)
    assert server.request("GET", "/audit/verify").json()["holds"] is True
    batch = server.submit("true", cwd="none")
    assert server.request("POST", "/cancel", {"selectors": [str(batch["batch"])]}).status == 200
