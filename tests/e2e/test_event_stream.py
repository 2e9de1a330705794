"""`GET /api/v1/events` as a stream: what happens, told without asking, taken up again where it broke off."""

import http.client
import json
import time
import urllib.parse

import pytest


class Stream:
    """One reader. `next(kind)` gives the data of the next message of that kind."""

    def __init__(self, server, after=None, **query):
        self.connection = http.client.HTTPConnection(*server.address, timeout=20)
        fields = {"Authorization": "Bearer " + server.token, "Accept": "text/event-stream"}
        if after:
            fields["Last-Event-ID"] = after
        self.connection.request("GET", "/api/v1/events?" + urllib.parse.urlencode(query), headers=fields)
        self.answer = self.connection.getresponse()
        self.id, self.seen = None, []

    def message(self):
        kind, data = None, None
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if line.startswith("id: "):
                self.id = line[4:]
            elif line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "" and kind:
                self.seen.append(kind)
                return kind, data

    def next(self, kind, holds=lambda data: True):
        while True:
            message = self.message()
            assert message is not None, f"the stream ended; before that: {self.seen}"
            if message[0] == kind and holds(message[1]):
                return message[1]

    def close(self):
        self.connection.close()


@pytest.fixture
def stream(request):
    """Makes streams and closes them."""
    made = []

    def make(*words, **options):
        made.append(Stream(*words, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_batch_is_followed_from_submit_to_end(worker_server, stream):
    reader = stream(worker_server)
    assert reader.answer.getheader("Content-Type") == "text/event-stream"
    hello = reader.next("hello")
    assert hello["resumed"] is False and hello["schema"] == "muster.stream/1"
    worker_server.submit("sh", "-c", "exit {}", array="0-3")
    end = reader.next("batch", lambda batch: batch["state"] == "ended")
    assert (end["id"], end["counts"]["succeeded"], end["counts"]["failed"]) == (1, 1, 3)
    assert "event" in reader.seen or reader.next("event")


def test_who_comes_back_reads_on_and_a_new_server_says_begin_anew(worker_server, stream):
    first = stream(worker_server)
    first.next("hello")
    worker_server.submit("true")
    first.next("batch", lambda batch: batch["state"] == "succeeded")
    place = first.id
    first.close()
    worker_server.submit("true")
    worker_server.wait("2")
    again = stream(worker_server, after=place)
    assert again.next("hello")["resumed"] is True
    assert again.next("batch", lambda batch: batch["id"] == 2)["counts"]["succeeded"] == 1
    worker_server.kill()
    assert again.message() is None or again.message() is None
    worker_server.start()
    anew = stream(worker_server, after=place)
    assert anew.next("hello")["resumed"] is False
    anew.next("resync")


def test_one_batch_with_its_tasks(worker_server, stream):
    """?batch= and ?tasks=true: [index, state, attempts, worker, seconds]."""
    worker_server.submit("sleep", "0.3", array="1-2", held=True)
    reader = stream(worker_server, batch="1", tasks="true")
    reader.next("hello")
    worker_server.request("POST", "/release", {"selectors": ["1"]})
    ended = {}
    while len(ended) < 2:
        for index, state, attempts, worker, seconds in reader.next("tasks")["tasks"]:
            if state == "succeeded":
                ended[index] = (attempts, worker, seconds)
    assert set(ended) == {1, 2} and all(attempts == 1 and worker and seconds > 0.2 for attempts, worker, seconds in ended.values())
    assert worker_server.request("GET", "/events", query={"tasks": "true"}, fields={"Accept": "text/event-stream"}).status == 400


def test_a_reader_that_does_not_read_holds_nobody_up(worker_server, stream):
    """The stream of a sleeping reader fills up; everybody else is answered as ever."""
    sleeper = stream(worker_server)
    began = time.monotonic()
    for _ in range(200):
        worker_server.submit("true")
    assert worker_server.get("/status")["schema"] == "muster.status/1"
    assert time.monotonic() - began < 30
    assert sleeper.next("hello")


def test_the_list_is_still_there(worker_server):
    worker_server.submit("true")
    assert worker_server.get("/events")["schema"] == "muster.events/1"
