"""The machine's HTTP face: its own small page, a health route, and the old wire beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, jsonify, render_template, request
from flask_socketio import SocketIO

from analyticlens.machine.oldwire import attach_socketio, create_blueprint
from analyticlens.machine.oldwire.guard import Guard
from analyticlens.machine.page import LANGUAGES, words_in
from analyticlens.machine.station import Station
from analyticlens.machine.triggers.web import add_trigger_route

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Each Socket.IO connection holds a thread of the server's 64 whether it ever says who it is or not: the rest stays for stop and status.
MOST_SOCKETS = 40

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(station: Station) -> tuple[Flask, SocketIO]:
    """Return the WSGI app over an opened station and its Socket.IO server."""
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="threading")
    app.wsgi_app = BoundedSockets(app.wsgi_app)  # type: ignore[method-assign]  # as Flask says middleware is put around it
    guard = Guard(station.settings)
    app.register_blueprint(create_blueprint(station))
    attach_socketio(socketio, station)
    _add_own_routes(app, station)
    add_trigger_route(app, station)

    @app.before_request
    def known_host() -> None:
        """Answer to this machine's own names only: a foreign name that points here is somebody's page asking through a browser."""
        if not guard.host_known(request.host):
            abort(403, "this machine does not go by that host name")

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app, socketio


class BoundedSockets:
    """Lets so many Socket.IO requests wait at once and answers 503 to more, so that a crowd of listeners cannot keep out a stop."""

    def __init__(self, app: WSGIApplication, most: int = MOST_SOCKETS) -> None:
        """Bound app."""
        self._app = app
        self._free = threading.BoundedSemaphore(most)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not str(environ.get("PATH_INFO", "")).startswith("/socket.io"):
            return self._app(environ, start_response)
        if not self._free.acquire(blocking=False):
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "5")])
            return [b"too many listeners"]
        try:
            return self._app(environ, start_response)
        finally:
            self._free.release()


def _add_own_routes(app: Flask, station: Station) -> None:
    @app.get("/")
    def page() -> str:
        """Show state, last verdict and warnings. Reading needs no token, so it is for this computer unless anyone is let in anyway."""
        if not station.settings.insecure_legacy and not _is_loopback(request.environ):
            abort(403, "the machine's own page is for the computer it runs on")
        language = request.accept_languages.best_match(LANGUAGES) or "pt-BR"
        return render_template("page.html", status=station.status(), words=words_in(language), language=language)

    @app.get("/healthz")
    def healthz() -> Response:
        """Say that the process serves. How the machine is, its status says."""
        return jsonify(status="ok", machine_id=station.settings.machine_id)


def _is_loopback(environ: Mapping[str, object]) -> bool:
    address = str(environ.get("REMOTE_ADDR", ""))
    return address == "::1" or address.removeprefix("::ffff:").startswith("127.")
