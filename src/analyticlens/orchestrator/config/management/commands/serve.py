"""`analyticlens manage serve`: the pages, the door for machines and the event stream, at one port."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import serve


class Command(BaseCommand):
    """Serve until Ctrl-C or SIGTERM."""

    help = "Serve pages, machines and live events at one port, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address."""
        parser.add_argument("--host", default=settings.HOST, help="address to listen on (AL_HOST, 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on (AL_PORT, 8000)")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Serve, or leave with exit code 1 and one sentence."""
        if host != settings.HOST:
            # What is a danger or none depends on who can reach it.
            settings.HOST = host
            self.check()
        sys.exit(serve.main(host, port))
