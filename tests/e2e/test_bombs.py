"""Small requests that would become large ones: refused at once, with one error, and without the memory they ask for."""

import json
import time

import pytest


def resident_kib(server):
    with open(f"/proc/{int((server.data / 'lock').read_text())}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


DEEP = b'{"command":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
KEYS = ('{"command":["true"],"env":{' + ",".join(f'"K{i}":"v"' for i in range(1_000_000)) + "}}").encode()
LONG_TEXT = json.dumps({"command": ["true", "x" * 3_000_000]}).encode()
NUMBERS = [b"1" * 100_000, b"1e400", b"-0", b"1e-400", b"0x10", b"99999999999999999999999", b"NaN"]


@pytest.mark.parametrize("body", [DEEP, KEYS, LONG_TEXT, *(b'{"command":["true"],"retries":' + number + b"}" for number in NUMBERS)],
                         ids=["deep", "keys", "text", "digits", "infinite", "minus-zero", "tiny", "hex", "huge", "nan"])
def test_a_body_that_is_a_bomb(server, body):
    before = resident_kib(server)
    start = time.monotonic()
    answer = server.request("POST", "/batches", body)
    took_s = time.monotonic() - start
    if body.endswith(b":-0}"):
        assert answer.status in (201, 400, 422)  # a number like any other, or refused as a negative one
    else:
        assert answer.status in (400, 413, 422), answer
        problem = answer.json()
        assert problem["detail"] and problem["code"].startswith("E") and len(answer.body) < 4096
    assert took_s < 5, "a machine under load is slow, not this slow"
    assert resident_kib(server) - before < 64 * 1024
    assert server.request("GET", "/status").status == 200


def test_a_series_that_is_a_bomb(server):
    for array in ("1-99999999999999999999", "1-18446744073709551615", "1-1000000000000:1", ",".join(["1-9"] * 100_000)):
        before = resident_kib(server)
        answer = server.request("POST", "/batches", {"command": ["true"], "array": array})
        assert answer.status in (400, 413, 422), (array[:40], answer)
        assert resident_kib(server) - before < 64 * 1024


def test_a_header_that_is_a_bomb(server):
    assert server.request("GET", "/status", fields={"X": "y" * 17_000}).status == 431
    assert server.request("GET", "/status", fields={f"X-{i}": "y" for i in range(70)}).status == 431
    assert server.request("GET", "/status?" + "a=b&" * 3000).status in (400, 414)
