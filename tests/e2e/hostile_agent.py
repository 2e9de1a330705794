"""An agent that says whatever a test wants: the WebSocket and the few messages of the protocol, by hand."""

import base64
import os
import select
import socket
import ssl
import struct
import time

HELLO, WELCOME, AGENT_MESSAGE, SERVER_MESSAGE, LOG_RECORDS, LOGS_TAKEN, REFUSED = range(1, 8)
SUCCEEDED = 7
EXECUTING = 3


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(map(varint, values)))


def zigzag(value):
    return (value << 1) ^ (value >> 63)


def fields(message):
    """[(number, value)] of one message; values are ints or bytes."""
    found, at = [], 0

    def read():
        nonlocal at
        shift = out = 0
        while True:
            byte = message[at]
            at += 1
            out |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return out
    while at < len(message):
        key = read()
        if key & 7 == 0:
            found.append((key >> 3, read()))
        else:
            size = read()
            found.append((key >> 3, message[at:at + size]))
            at += size
    return found


def attempts(batch, incarnation, indexes):
    steps, before = [], 0
    for index in indexes:
        steps.append(zigzag(index - before))
        before = index
    return number(1, batch) + number(2, incarnation) + packed(3, steps)


class HostileAgent:
    """A connection that is open and has not said hello."""

    def __init__(self, server, token, fields_=None, expect=101):
        self.socket = socket.create_connection(server.address, timeout=20)
        if server.url.startswith("https:"):
            self.socket = ssl._create_unverified_context().wrap_socket(self.socket)
        host = "%s:%d" % server.address
        head = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": "muster-agent.1",
                "Authorization": f"Bearer {token}", **(fields_ or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value is not None)
        self.socket.sendall(f"GET /api/v1/agent HTTP/1.1\r\n{lines}\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.socket.recv(4096)
            if not piece:
                break
            self.buffer += piece
        answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(answer.split()[1])
        assert self.status == expect, answer
        self.session = self.seq = self.seen = 0

    def close(self):
        self.socket.close()

    # ---- frames

    def send_raw(self, bytes_):
        self.socket.sendall(bytes_)

    @staticmethod
    def frame(kind, message=b"", opcode=2):
        body = bytes([kind]) + message
        size = len(body)
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size) if size < 126 else (
            struct.pack(">BBH", 0x80 | opcode, 0xfe, size) if size < 65536 else struct.pack(">BBQ", 0x80 | opcode, 0xff, size))
        return head + b"\0\0\0\0" + body  # a mask of zeros

    def send(self, kind, message=b"", opcode=2):
        self.socket.sendall(self.frame(kind, message, opcode))

    def receive(self, timeout=20):
        """(kind, message) of the next frame; None when the connection has ended."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self._frame()
            if frame:
                opcode, body = frame
                if opcode == 8:
                    return None
                if opcode == 9:
                    self.socket.sendall(bytes([0x8a, 0x80 | len(body)]) + b"\0\0\0\0" + body)
                if opcode == 2:
                    return body[0], body[1:]
                continue
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the server said nothing")
            try:
                piece = self.socket.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            self.buffer += piece

    def _frame(self):
        if len(self.buffer) < 2:
            return None
        opcode, size, at = self.buffer[0] & 15, self.buffer[1] & 0x7f, 2
        if size == 126:
            size, at = struct.unpack(">H", self.buffer[2:4].ljust(2, b"\xff"))[0], 4
        elif size == 127:
            size, at = struct.unpack(">Q", self.buffer[2:10].ljust(8, b"\xff"))[0], 10
        if len(self.buffer) < at + size:
            return None
        body, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return opcode, body

    def has_ended(self):
        """Whether the server closes, after whatever it still has to say."""
        while True:
            answer = self.receive()
            if answer is None:
                return True

    # ---- messages

    def hello(self, name="liar", spool_id=None, slots=2, protocol=(1, 1), version="0.1.0"):
        capacity = number(1, slots) + number(3, slots) + number(4, 1000) + number(5, 1000)
        facts = data(1, "host") + data(2, "boot") + data(3, version) + data(4, capacity)
        self.send(HELLO, number(1, protocol[0]) + number(2, protocol[1]) + data(3, name) + data(4, spool_id or os.urandom(8).hex()) +
                  data(5, facts))
        return self

    def welcome(self):
        kind, message = self.receive()
        assert kind == WELCOME, (kind, message)
        self.session = dict(fields(message))[1]
        return self

    def frame_of(self, *parts, session=None, seq=None, full=False):
        self.seq += 1
        return self.frame(AGENT_MESSAGE, number(1, self.session if session is None else session) + number(2, self.seq if seq is None else seq) +
                  number(3, self.seen) + number(4, self.seq) + number(5, int(full)) + b"".join(parts))

    def say(self, *parts, **said):
        self.socket.sendall(self.frame_of(*parts, **said))

    def synced(self):
        """Says everything once more, and hears until that was answered: what was said before has been handled."""
        self.say(full=True)
        self.answer()
        return self

    def answer(self):
        """{field: value} of all that is said until the last message was answered."""
        found = {}
        while found.get(3, 0) < self.seq:
            found.update(dict(self.hear()))
        return found

    def hear(self):
        """The fields of the next server_message."""
        while True:
            answer = self.receive()
            assert answer is not None, "the connection has ended"
            if answer[0] == SERVER_MESSAGE:
                found = fields(answer[1])
                self.seen = dict(found)[2]
                return found


def finished(batch, incarnation, indexes):
    return data(7, data(1, attempts(batch, incarnation, indexes)))


def have(batch, incarnation, indexes, phase=EXECUTING):
    return data(6, data(1, attempts(batch, incarnation, indexes)) + packed(2, [phase] * len(indexes)))
