"""One server over HTTP/1.1: JSON in and out, kept connections (one per thread), a proof of who answers, patience with restarts.

What may be repeated is repeated while the server is away: reading, and writing under an Idempotency-Key.
"""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import quote

from ._endpoint import Endpoint
from ._errors import MusterError, NotAllowed, Temporary, Unreachable, refusal

Query = Sequence[Tuple[str, Union[str, int, float]]]
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


class Answer(NamedTuple):
    body: bytes
    fields: Mapping[str, str]     # names in lower case

    def json(self) -> Dict[str, Any]:
        found = json.loads(self.body)
        return found if isinstance(found, dict) else {}


def _der_value(der: bytes, at: int) -> Tuple[int, int]:
    """Where the value of the DER element at `at` begins, and where it ends."""
    length = der[at + 1]
    begin = at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[begin:begin + count], "big")
        begin += count
    return begin, begin + length


def pin_of(certificate: bytes) -> str:
    """The fingerprint of a certificate's public key, as `muster invite` prints it (RFC 5280 4.1: the seventh part, or the sixth)."""
    at, _ = _der_value(certificate, 0)       # Certificate
    at, _ = _der_value(certificate, at)      # tbsCertificate
    if certificate[at] == 0xA0:              # version, which may be left out
        at = _der_value(certificate, at)[1]
    for _ in range(5):                       # serial number, signature, issuer, validity, subject
        at = _der_value(certificate, at)[1]
    key = certificate[at:_der_value(certificate, at)[1]]
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


class _PinnedConnection(http.client.HTTPSConnection):
    """Speaks only to who holds the pinned key; nothing is sent before that is known."""

    def __init__(self, host: str, port: int, pin: str, timeout: float) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout, context=context)
        self._pin = pin

    def connect(self) -> None:
        super().connect()
        certificate = self.sock.getpeercert(binary_form=True)
        if not certificate or not hmac.compare_digest(pin_of(certificate), self._pin):
            self.close()
            raise NotAllowed("what answers is not the server that is meant; nothing was sent to it", code="E110",
                             next="ask who runs the server for its fingerprint")


class Http:
    def __init__(self, find: Callable[[], Endpoint], patience_s: float, timeout_s: float) -> None:
        self._find = find         # asked again when the server is away: one that starts again may have another port
        self.endpoint = find()
        self.patience_s = patience_s
        self._timeout_s = timeout_s
        self._local = threading.local()
        self._answered = False    # who was never there is not waited for

    def close(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> http.client.HTTPConnection:
        connection: Optional[http.client.HTTPConnection] = getattr(self._local, "connection", None)
        if connection is None:
            connection = self.open()
            self._local.connection = connection
        return connection

    def open(self) -> http.client.HTTPConnection:
        """A connection of its own, for who reads a stream."""
        place = self.endpoint
        if place.scheme == "http":
            return http.client.HTTPConnection(place.host, place.port, timeout=self._timeout_s)
        if place.pin:
            return _PinnedConnection(place.host, place.port, place.pin, self._timeout_s)
        context = ssl.create_default_context(cafile=place.ca_file or None)
        return http.client.HTTPSConnection(place.host, place.port, timeout=self._timeout_s, context=context)

    def target(self, path: str, query: Query = ()) -> str:
        pairs = list(query)
        if self.endpoint.project:
            pairs.append(("project", self.endpoint.project))
        text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in pairs)
        return f"/api/v1/{path}" + (f"?{text}" if text else "")

    def fields(self, more: Mapping[str, str]) -> Dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.token}", "Accept": "application/json", **more}

    def call(self, method: str, path: str, query: Query = (), body: Any = None, key: str = "",
             stream: Optional[Callable[[], Iterable[bytes]]] = None, wait_s: float = 0.0) -> Answer:
        """One request. `body` goes as JSON; `stream` makes chunks of items; `wait_s` is how long the server may take by itself."""
        fields: Dict[str, str] = {"Idempotency-Key": key} if key else {}
        data: Optional[bytes] = None
        if stream is not None:
            fields["Content-Type"] = "application/vnd.muster.items"
        elif body is not None:
            fields["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        repeatable = method == "GET" or bool(key)
        target = self.target(path, query)
        deadline = time.monotonic() + self.patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                answer = self._once(method, target, stream() if stream is not None else data, self.fields(fields), wait_s)
                self._answered = True
                return answer
            except (Unreachable, Temporary) as error:
                away = isinstance(error, Unreachable) or error.code == "E108"
                if not (repeatable and away and self._answered) or time.monotonic() + pause_s > deadline:
                    raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self.look_again()

    def look_again(self) -> None:
        try:
            self.endpoint = self._find()
        except Unreachable:
            return    # the folder names nobody at the moment
        self.close()

    def _once(self, method: str, target: str, data: Any, fields: Mapping[str, str], wait_s: float) -> Answer:
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            assert connection.sock is not None
            connection.sock.settimeout(self._timeout_s + wait_s)
            try:
                connection.request(method, target, body=data, headers=dict(fields), encode_chunked=True)
            except (BrokenPipeError, ConnectionResetError):
                pass    # refused in the middle of a stream: the answer says why
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self.away(error) from error
        except BaseException:
            self.close()    # half a request is on its way
            raise
        names = {name.lower(): value for name, value in response.getheaders()}
        if response.status // 100 == 2:
            return Answer(content, names)
        raise self.refused(response.status, names, content)

    def away(self, error: Exception) -> MusterError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return NotAllowed(f"nobody answers for the certificate of {self.endpoint.url}: {error.verify_message}",
                              next="give the server's fingerprint: connect(pin='sha256//...'); muster invite prints it")
        why = "it did not answer in time" if isinstance(error, (socket.timeout, TimeoutError)) else str(error) or type(error).__name__
        return Unreachable(f"no answer from {self.endpoint.url} ({self.endpoint.source}): {why}", code="E101",
                           next="start it:  muster up -d")

    @staticmethod
    def refused(status: int, fields: Mapping[str, str], content: bytes) -> MusterError:
        problem: Dict[str, Any] = {}
        if fields.get("content-type", "").startswith("application/problem+json"):
            problem = json.loads(content)
        return refusal(status, problem)
