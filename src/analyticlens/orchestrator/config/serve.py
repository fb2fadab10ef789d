"""How the service is started: one process, one port, every signal ends it quickly and cleanly."""

from __future__ import annotations

import errno
import socket
import sys
from types import FrameType

import uvicorn

GRACE_SECONDS = 5


class CannotListen(Exception):
    """The address cannot be used; the message is one sentence for the person who started the service."""


class Server(uvicorn.Server):
    """uvicorn's server, whose first signal also ends the streams and polls that would otherwise never end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a second signal does not wait for requests that are being answered."""
        from config.hub import hub

        self.force_exit = self.should_exit
        self.should_exit = True
        hub.stop()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises CannotListen: the port is in use, is not allowed, or the host is not this computer's."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: f"port {port} on {host} is in use by another program; choose another port or stop that program",
            errno.EACCES: f"port {port} needs more rights than this account has; choose one above 1023",
            errno.EADDRNOTAVAIL: f"{host} is no address of this computer",
        }
        raise CannotListen(
            reasons.get(error.errno or 0, f"cannot listen on {host} port {port}: {error.strerror}")
        ) from error


def serve(host: str, port: int) -> None:
    """Serve until a signal. Django must be set up. Raises CannotListen."""
    from django.conf import settings

    from api.models import Instance
    from config.heads import Hurried

    listener = listen(host, port)
    Instance.renew()
    config = uvicorn.Config(
        "config.asgi:application",
        lifespan="off",
        http=Hurried,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=512,
        ssl_certfile=settings.TLS_CERT or None,
        ssl_keyfile=settings.TLS_KEY or None,
    )
    with listener:
        Server(config).run(sockets=[listener])


def main(host: str, port: int) -> int:
    """Serve, or say in one sentence why not; return the exit code."""
    try:
        serve(host, port)
    except CannotListen as problem:
        print(f"analyticlens: {problem}", file=sys.stderr)
        return 1
    return 0
