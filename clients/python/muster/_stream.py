"""The event stream: what the server tells as it happens, read over a connection of its own, taken up again when it breaks.

Who reads it hears of a gap as a `resync` message: everything that was known before has to be read anew.
"""

import http.client
import json
import time
from typing import Any, Dict, Iterator, NamedTuple, Optional

from ._errors import Temporary, Unreachable
from ._http import FIRST_PAUSE_S, LONGEST_PAUSE_S, Http, Query

_SILENCE_S = 45.0    # a comment comes every 15 seconds


class Message(NamedTuple):
    event: str              # "batch", "tasks", "resync" ...; "" when the deadline is reached
    data: Dict[str, Any]


class EventStream:
    def __init__(self, server: Http, query: Query) -> None:
        self._http = server
        self._query = query
        self._last_id = ""
        self._connection: Optional[http.client.HTTPConnection] = None
        self._response: Optional[http.client.HTTPResponse] = None
        self._sock: Any = None

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._response = self._sock = None

    def messages(self, deadline: Optional[float]) -> Iterator[Message]:
        """Without an end; `deadline` is of the monotonic clock, and when it is reached an empty message comes each time."""
        fresh = True
        while True:
            if self._response is None and not self.connect(deadline):
                yield Message("", {})
                continue
            try:
                for message in self._read(deadline):
                    if message.event == "hello":
                        if not fresh and not message.data.get("resumed"):
                            yield Message("resync", {})
                        fresh = False
                        continue
                    yield message
            except (OSError, ValueError, http.client.HTTPException):
                pass    # the server went away: taken up again
            self.close()

    def connect(self, deadline: Optional[float]) -> bool:
        """False: the deadline came first. Unreachable when the server stays away."""
        patience = time.monotonic() + self._http.patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self._open()
                return True
            except (Unreachable, Temporary) as error:
                self.close()
                if not isinstance(error, Unreachable) and error.code != "E108":
                    raise
                if deadline is not None and time.monotonic() + pause_s > deadline:
                    time.sleep(max(0.0, deadline - time.monotonic()))
                    return False
                if time.monotonic() + pause_s > patience:
                    raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self._http.look_again()

    def _open(self) -> None:
        fields = {"Accept": "text/event-stream"}
        if self._last_id:
            fields["Last-Event-ID"] = self._last_id
        try:
            self._connection = self._http.open()
            self._connection.connect()
            self._sock = self._connection.sock
            self._connection.request("GET", self._http.target("events", self._query), headers=self._http.fields(fields))
            self._response = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._http.away(error) from error
        if self._response.status != 200:
            names = {name.lower(): value for name, value in self._response.getheaders()}
            raise self._http.refused(self._response.status, names, self._response.read())

    def _read(self, deadline: Optional[float]) -> Iterator[Message]:
        """Until the stream ends, or the deadline is reached, or an error."""
        event, data = "message", ""
        response, sock = self._response, self._sock
        assert response is not None
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                yield Message("", {})
                continue
            sock.settimeout(_SILENCE_S if left is None else min(_SILENCE_S, left))
            raw = response.readline()
            if not raw:
                return
            line = raw.decode("utf-8").rstrip("\r\n")
            if not line:
                if data:
                    found = json.loads(data)
                    yield Message(event, found if isinstance(found, dict) else {})
                event, data = "message", ""
                continue
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "event":
                event = value
            elif name == "data":
                data += value
            elif name == "id":
                self._last_id = value
