"""Serving a station: gunicorn with one worker process, in which everything lives, and threads for the connections.

The station is made in the worker. When the worker is told to end it closes the station at once and beside the open connections, so
that a Socket.IO client that stays does not hold up the goodbye.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from analyticlens.machine import clock, log
from analyticlens.machine.child import PR_SET_PDEATHSIG
from analyticlens.machine.station import Station, StationSettings
from analyticlens.machine.web import create_app

THREADS = 64
GRACEFUL_SECONDS = 3
# A process that was just killed frees its port and its lock within this time.
PATIENCE_SECONDS = 2.0


class PortTaken(Exception):
    """Somebody else serves there, or the address is not this computer's."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises PortTaken with one sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = clock.mono() + PATIENCE_SECONDS
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            if clock.mono() >= deadline:
                raise PortTaken(f"cannot serve at {host}:{port}: {error.strerror or error}") from None
        clock.wait(threading.Event(), 0.1)


class StationWorker(ThreadWorker):
    """The worker process; it ends the station as soon as it is told to end itself."""

    app: StationServer

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: close the station beside the connections that finish."""
        self.app.begin_closing()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT, SIGQUIT: close the station, then leave."""
        self.app.begin_closing().join(GRACEFUL_SECONDS)
        super().handle_quit(sig, frame)


class QuietLogger(Logger):
    """Gunicorn's words as lines of the machine's own log."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger, which writes one JSON line an event."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class StationServer(BaseApplication):
    """Gunicorn for one station."""

    def __init__(self, settings: StationSettings, listener: socket.socket) -> None:
        """Prepare to serve at a socket that listens already."""
        self._settings = settings
        self._listener = listener
        self._station: Station | None = None
        self._closing: threading.Thread | None = None
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn needs to know."""
        wanted = {
            "bind": f"fd://{self._listener.fileno()}",
            "worker_class": StationWorker,
            "workers": 1,
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "timeout": 60,
            "loglevel": "warning",
            "logger_class": QuietLogger,
            "post_fork": _bind_to_arbiter,
            "worker_exit": lambda arbiter, worker: self.begin_closing().join(GRACEFUL_SECONDS),
            "control_socket_disable": True,
        }
        for name, value in wanted.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Make the station and its app, in the worker."""
        station = Station(self._settings)
        self._station = station
        station.open()
        app, _ = create_app(station)
        log.event("serving", machine_id=self._settings.machine_id, host=self._settings.host, port=self._settings.port)
        return app

    def begin_closing(self) -> threading.Thread:
        """Close the station on a thread of its own, once; return the thread."""
        if self._closing is None:
            station = self._station
            self._closing = threading.Thread(target=station.close if station else lambda: None, name="closing")
            self._closing.start()
        return self._closing


def _bind_to_arbiter(arbiter: Any, worker: Any) -> None:
    """Let the worker die with its arbiter, so that a machine that was killed frees its port and its outbox at once."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != arbiter.pid:
        sys.exit(1)


def serve(settings: StationSettings) -> None:
    """Serve until told to end. Raises PortTaken; ends by SystemExit."""
    listener = listen(settings.host, settings.port)
    StationServer(settings, listener).run()
