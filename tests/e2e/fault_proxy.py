"""A TCP proxy that is a bad network: it delays, cuts, resets, holds back one direction, and doubles and swaps WebSocket frames.

One thread per direction; everything is decided by one seeded generator, whose seed is printed when a test fails.
"""

import random
import select
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"  # from the client, to the client


class FaultProxy:
    def __init__(self, target, seed=1):
        self.target = target
        self.dice = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = []  # (client, server) of every open connection
        self.delay_s = 0.0
        self.held = set()  # directions whose bytes vanish into a buffer
        self.double = self.swap = 0.0  # chance per frame
        self.refusing = False
        self.accepted = self.doubled = self.swapped = 0
        self.closed = False
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    # ---- faults

    def hold(self, *directions):
        """Bytes of these directions do not arrive; nobody is told."""
        self.held = set(directions)

    def heal(self):
        self.held = set()
        self.refusing = False
        self.delay_s = self.double = self.swap = 0.0

    def cut(self, reset=False):
        """Ends every connection, politely or by a reset."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    if reset:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        one.shutdown(socket.SHUT_RDWR)
                    one.close()
                except OSError:
                    pass

    def connections(self):
        with self.lock:
            return len(self.pairs)

    def close(self):
        self.closed = True
        self.listener.close()
        self.cut()
        for thread in self.threads:
            thread.join(5)

    # ---- work

    def _accept(self):
        while not self.closed:
            try:
                if not select.select([self.listener], [], [], 0.2)[0]:
                    continue
                client = self.listener.accept()[0]
            except (OSError, ValueError):
                return
            self.accepted += 1
            try:
                if self.refusing:
                    raise OSError
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self.lock:
                self.pairs.append((client, server))
            for source, sink, direction in ((client, server, UP), (server, client, DOWN)):
                thread = threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True)
                self.threads.append(thread)
                thread.start()

    def _pump(self, source, sink, direction):
        frames = Frames()
        kept = []
        try:
            while not self.closed:
                if not select.select([source], [], [], 0.05)[0]:
                    bytes_ = b""
                else:
                    bytes_ = source.recv(65536)
                    if not bytes_:
                        break
                if bytes_:
                    kept += self._mangle(frames.feed(bytes_))
                if direction in self.held or not kept:
                    continue
                if self.delay_s:
                    time.sleep(self.dice.random() * self.delay_s)  # the fault itself
                sink.sendall(b"".join(kept))
                kept = []
        except (OSError, ValueError):
            pass
        for one in (source, sink):
            try:
                one.close()
            except OSError:
                pass
        with self.lock:
            self.pairs = [pair for pair in self.pairs if source not in pair]

    def _mangle(self, pieces):
        out = []
        for kind, piece in pieces:
            out.append(piece)
            if kind != "data":
                continue
            if self.dice.random() < self.double:
                self.doubled += 1
                out.append(piece)
            elif len(out) > 1 and self.dice.random() < self.swap:
                self.swapped += 1
                out[-1], out[-2] = out[-2], out[-1]
        return out


class Frames:
    """Cuts a stream into its HTTP head and the WebSocket frames behind it."""

    def __init__(self):
        self.buffer = b""
        self.head_done = False

    def feed(self, bytes_):
        self.buffer += bytes_
        pieces = []
        if not self.head_done:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return pieces
            pieces.append(("head", self.buffer[:end + 4]))
            self.buffer = self.buffer[end + 4:]
            self.head_done = True
        while (size := self._frame_size()) and size <= len(self.buffer):
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            pieces.append(("data" if piece[0] & 0x0f == 2 else "control", piece))
        return pieces

    def _frame_size(self):
        if len(self.buffer) < 2:
            return 0
        size, at = self.buffer[1] & 0x7f, 2
        if size == 126:
            if len(self.buffer) < 4:
                return 0
            size, at = struct.unpack(">H", self.buffer[2:4])[0], 4
        elif size == 127:
            if len(self.buffer) < 10:
                return 0
            size, at = struct.unpack(">Q", self.buffer[2:10])[0], 10
        return at + (4 if self.buffer[1] & 0x80 else 0) + size
