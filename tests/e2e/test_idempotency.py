"""Submits through a network that cuts answers off: each is repeated until it is answered, and happens once.

Twice as many answers are lost as arrive. The clients know only their keys; the server is asked afterwards what there is.
"""

import http.client
import json
import os
import random
import socket
import threading

import pytest

LONG = os.environ.get("MUSTER_TEST_LONG") == "1"
CLIENTS = 16
SUBMITS = 10_000 if LONG else 800


class AnswerCutter:
    """A proxy that passes requests on whole, and of most answers nothing, or only a piece."""

    def __init__(self, target, seed):
        self.target, self.dice, self.lock = target, random.Random(seed), threading.Lock()
        self.cut = self.passed = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """One request for each connection: the client asks for that."""
        with client, socket.create_connection(self.target) as server:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            while len(body) < length:
                body += client.recv(65536)
            server.sendall(head + b"\r\n\r\n" + body)
            answer = b""
            while piece := server.recv(65536):
                answer += piece
            with self.lock:
                fate = self.dice.random()
                self.cut += fate < 0.66
                self.passed += fate >= 0.66
            if fate < 0.33:
                return
            client.sendall(answer if fate >= 0.66 else answer[:self.dice.randrange(len(answer))])

    def close(self):
        self.listener.close()


def submit_until_answered(port, token, key, body):
    """(status, body) of the first whole answer; how often it was asked."""
    for asked in range(1, 200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", "/api/v1/batches", json.dumps(body), {
                "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key, "Connection": "close"})
            answer = connection.getresponse()
            text = answer.read()
            if len(text) != int(answer.headers.get("Content-Length") or -1):
                continue  # cut in its header, which the library takes for a short answer
            return answer.status, json.loads(text), asked
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    pytest.fail("no answer came through")


def test_a_submit_that_is_repeated_happens_once(server):
    proxy = AnswerCutter(server.address, seed=27)
    answers, asked, lock = {}, [], threading.Lock()

    def client(number):
        for i in range(number, SUBMITS, CLIENTS):
            body = {"command": ["true", str(i)], "array": f"1-{1 + i % 3}", "batch": f"of-{i}"}
            status, answer, times = submit_until_answered(proxy.port, server.token, f"key-{i}", body)
            with lock:
                answers[i] = (status, answer, body)
                asked.append(times)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proxy.close()

    assert len(answers) == SUBMITS and {status for status, _, _ in answers.values()} == {200, 201}  # 200: told again
    assert len({answer["batch"] for _, answer, _ in answers.values()}) == SUBMITS, "each key has a batch of its own"
    assert sum(asked) > 2 * SUBMITS and proxy.cut > SUBMITS, "most answers were lost"
    counts = server.get("/status")["counts"]
    assert sum(counts[state] for state in ("waiting", "held", "ready", "succeeded", "failed", "cancelled")) == sum(1 + i % 3 for i in range(SUBMITS))
    # Asked again without a fault, each key gives the very answer that came through.
    for i in random.Random(1).sample(range(SUBMITS), 50):
        again = server.request("POST", "/batches", answers[i][2], fields={"Idempotency-Key": f"key-{i}"})
        assert again.status == 200 and {**again.json(), "replayed": None} == {**answers[i][1], "replayed": None}
    other = server.request("POST", "/batches", {"command": ["false"]}, fields={"Idempotency-Key": "key-0"})
    assert other.status == 409
