r"""Signals as lines over TCP: `TRIGGER\n` or `TRIGGER part\n`, each answered `OK n`, `BUSY` or `NO reason`.

One thread serves all clients. A line has at most 512 bytes and there are at most 16 clients: who comes then takes the place of the one
that was silent for longest, so that connections nobody ended keep nobody out.
"""

from __future__ import annotations

import selectors
import socket
from dataclasses import dataclass, field

from analyticlens.machine import clock
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.listening import Bounced, Ear, ListenerBroke, Post
from analyticlens.machine.wakepipe import WakePipe
from analyticlens.protocol.external import TcpSignal, part_of

MOST_CLIENTS = 16
LONGEST_LINE = 512
WORD = b"TRIGGER"


def listen_at(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ListenerBroke with one sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(MOST_CLIENTS)
    except OSError as error:
        listener.close()
        raise ListenerBroke(f"port {port} of {host} cannot be listened at: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener


@dataclass(slots=True)
class Client:
    """One connection and the beginning of its next line."""

    connection: socket.socket
    heard_at: float
    rest: bytearray = field(default_factory=bytearray)


class TcpListener:
    """The port and its clients."""

    def __init__(self, signal: TcpSignal, ear: Ear, post: Post) -> None:
        """Listen for ear."""
        self._signal, self._ear = signal, ear
        self._pipe = WakePipe()
        self._closed = False
        self._clients: dict[int, Client] = {}

    def close(self) -> None:
        """Have `serve` end; it frees the port within the moment."""
        self._closed = True
        self._pipe.wake()

    def serve(self) -> None:
        """Serve clients until closed. Raises ListenerBroke."""
        with listen_at(self._signal.host, self._signal.port) as listener, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(self._pipe.reader, selectors.EVENT_READ)
            self._ear.opened()
            try:
                while not self._closed:
                    for key, _ in selector.select(5.0):
                        if key.fileobj is listener:
                            self._accept(listener, selector)
                        elif isinstance(key.data, Client) and not self._read(key.data):
                            self._drop(key.data, selector)
            finally:
                for client in list(self._clients.values()):
                    self._drop(client, selector)
                self._pipe.close()

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # It went away again.
        if len(self._clients) >= MOST_CLIENTS:
            self._drop(min(self._clients.values(), key=lambda client: client.heard_at), selector)
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection, clock.mono())
        self._clients[connection.fileno()] = client
        selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: Client, selector: selectors.BaseSelector) -> None:
        if self._clients.pop(client.connection.fileno(), None) is not None:
            selector.unregister(client.connection)
            client.connection.close()

    def _read(self, client: Client) -> bool:
        """Answer the lines that came; return whether the client stays."""
        if client.connection.fileno() < 0:
            return True  # Dropped for a newer one in this same round.
        try:
            came = client.connection.recv(4096)
            if not came:
                return False
            client.heard_at = clock.mono()
            client.rest += came
            while not self._closed and (end := client.rest.find(b"\n")) >= 0:
                line = bytes(client.rest[:end])
                del client.rest[: end + 1]
                client.connection.sendall(self._answer(line).encode() + b"\n")
            if len(client.rest) > LONGEST_LINE:
                client.connection.sendall(f"NO a line has at most {LONGEST_LINE} bytes\n".encode())
                return False
        except OSError:
            return False  # It is gone, or does not read its answers.
        return True

    def _answer(self, line: bytes) -> str:
        word, _, rest = line.strip().partition(b" ")
        if len(line) > LONGEST_LINE:
            return f"NO a line has at most {LONGEST_LINE} bytes"
        if word != WORD:
            return "NO say TRIGGER, and the part behind a space"
        try:
            part = part_of(rest)
        except ValueError as problem:
            self._ear.refuse(str(problem))
            return f"NO {problem}"
        try:
            return f"OK {self._ear.signal(part)}"
        except Bounced as bounced:
            return f"NO {bounced.sentence}"
        except NotNow as refused:
            return "BUSY" if refused.sentence.startswith("busy") else f"NO {' '.join(refused.sentence.split())}"
