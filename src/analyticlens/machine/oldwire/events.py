"""The Socket.IO events of the old wire: `connected`, `status_update`, `test_result`."""

from __future__ import annotations

import threading
from typing import Any

from flask import request
from flask_socketio import SocketIO, emit
from socketio.exceptions import ConnectionRefusedError as Refuse

from analyticlens.machine import clock
from analyticlens.machine.oldwire.guard import Guard, bearer
from analyticlens.machine.oldwire.messages import iso_now, state_message, test_result
from analyticlens.machine.station import ResultEvent, Station

MOST_WAITING = 64


class Audience:
    """Who listens, and when the next test result is due: each one in TESTE, at most one a period in RUN."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._lock = threading.Lock()
        self._clients: set[str] = set()
        self._last = float("-inf")
        self._period = station.status().websocket_update_seconds

    def joined(self, client: str) -> None:
        """A client connected."""
        with self._lock:
            self._clients.add(client)

    def left(self, client: str) -> None:
        """A client is gone."""
        with self._lock:
            self._clients.discard(client)

    @property
    def clients(self) -> list[str]:
        """Return who listens now."""
        with self._lock:
            return list(self._clients)

    def due(self) -> bool:
        """Return whether somebody listens and the next inspection is to be told."""
        with self._lock:
            if not self._clients:
                return False
            last = self._last
        return self._station.kept.pipeline.mode != "PRODUCAO" or clock.mono() - last >= self._period

    def takes(self, event: ResultEvent) -> bool:
        """Return whether this inspection is told now, and remember that it was."""
        if not self.due():
            return False
        # Asked for too late to bring its picture: in RUN the next one will have it.
        bare = event.processed_jpeg is None and event.body.verdict != "error"
        if bare and event.body.mode == "PRODUCAO":
            return False
        with self._lock:
            self._last = clock.mono()
        return True


def attach_socketio(socketio: SocketIO, station: Station) -> None:
    """Serve the old wire's events on the namespace `/`, behind the same guard as its routes."""
    guard = Guard(station.settings)
    audience = Audience(station)
    server: Any = socketio.server  # type: ignore[attr-defined]  # its stubs leave it out
    server.eio.cors_allowed_origins = guard.origin_allowed

    @socketio.on("connect")
    def connect(auth: Any = None) -> None:
        token = auth.get("token") if isinstance(auth, dict) else None
        token = token or bearer(request.headers.get("Authorization", ""))
        if guard.insecure and not guard.host_known(request.host):
            raise Refuse("this machine does not go by that host name")
        if not guard.insecure and not guard.token_fits(token):
            raise Refuse("this machine wants its local token as auth.token")
        audience.joined(_client())
        emit("connected", state_message(station.status()))

    @socketio.on("disconnect")
    def disconnect(*_reason: Any) -> None:
        audience.left(_client())

    @socketio.on("request_status")
    def request_status(*_data: Any) -> None:
        emit("status_update", {**state_message(station.status()), "timestamp": iso_now()})

    def tell(event: ResultEvent) -> None:
        if not audience.takes(event):
            return
        # One by one: who does not read what was sent before gets no more until it does, and costs nobody else anything.
        message = test_result(event)
        for client in audience.clients:
            if _waiting(server, client) < MOST_WAITING:
                socketio.emit("test_result", message, to=client)

    station.subscribe(tell, wants=audience.due)


def _waiting(server: Any, client: str) -> int:
    """Return how many packets wait to be read by a client; none for one that is gone."""
    connection = server.eio.sockets.get(server.manager.eio_sid_from_sid(client, "/"))
    return 0 if connection is None else int(connection.queue.qsize())


def _client() -> str:
    """Return the name Socket.IO gave this connection; Flask-SocketIO puts it on the request."""
    return str(request.sid)  # type: ignore[attr-defined]
