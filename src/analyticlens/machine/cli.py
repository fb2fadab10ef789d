"""`analyticlens machine`: run one vision machine. Each option has an environment variable; the option wins."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from analyticlens.machine import clock, log
from analyticlens.machine.ledger import OutboxBusy, lock_folder
from analyticlens.machine.link.trust import is_plain
from analyticlens.machine.serve import PATIENCE_SECONDS, PortTaken, serve
from analyticlens.machine.station import StationSettings
from analyticlens.protocol.strict import MACHINE_ID_PATTERN

PREFIX = "AL_MACHINE_"
TRUE_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a machine until it is told to end; return the exit code: 0 good, 1 it could not begin, 2 it was not understood."""
    settings = read_settings(argv)
    _log_as_lines()
    try:
        _prepare_data(settings.data)
        serve(settings)
    except (PortTaken, OutboxBusy) as refused:
        print(f"analyticlens machine: {refused}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"analyticlens machine: {error.filename or settings.data}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def read_settings(argv: Sequence[str] | None, environ: dict[str, str] | None = None) -> StationSettings:
    """Return what the options and the environment say. Ends with a sentence and code 2 when that cannot be."""
    environ = dict(os.environ) if environ is None else environ
    parser = _parser(environ)
    options = parser.parse_args(argv)
    if not re.fullmatch(MACHINE_ID_PATTERN, options.machine_id or ""):
        parser.error(
            "--machine-id is needed: letters, digits, dot, dash and underscore, at most 50, the first a letter or digit"
        )
    if options.django_url and urlsplit(options.django_url).scheme not in ("http", "https"):
        parser.error("--django-url begins with http:// or https://")
    if options.django_url and is_plain(options.django_url):
        if not options.plain_http:
            parser.error(
                f"{options.django_url} would send tokens and pictures readable over the network; "
                "use https:// (analyticlens up --tls), or say --plain-http"
            )
        print(f"analyticlens machine: WARNING: {options.django_url} is read by whoever listens there", file=sys.stderr)
    data = Path(options.data or Path("data") / "machines" / options.machine_id).absolute()
    for root in options.allow_root:
        if not Path(root).is_absolute():
            parser.error(f"--allow-root {root}: name the folder by its whole path")
    return StationSettings(
        machine_id=options.machine_id,
        data=data,
        config_file=Path(options.config_file).absolute() if options.config_file else data / "vm_config.json",
        django_url=(options.django_url or "").rstrip("/"),
        allowed_roots=tuple(Path(root) for root in options.allow_root),
        insecure_legacy=options.insecure_legacy,
        host=options.host,
        port=options.port,
        token_file=Path(options.token_file).absolute() if options.token_file else None,
        enrol_code=options.enrol or "",
        authority=Path(options.authority).absolute() if options.authority else None,
        allowed_hosts=tuple(options.allow_host),
        camera_list=Path(options.camera_list).absolute() if options.camera_list else None,
    )


def _parser(environ: dict[str, str]) -> argparse.ArgumentParser:
    """Return the parser; an option's default is what its environment variable says."""

    def said(name: str, otherwise: str | None = None) -> str | None:
        return environ.get(PREFIX + name) or otherwise

    def listed(name: str) -> list[str]:
        return [part for part in environ.get(PREFIX + name, "").split(os.pathsep) if part]

    parser = argparse.ArgumentParser(
        prog="analyticlens machine",
        description="Run one vision machine.",
        epilog=f"Each option may come from the environment: --django-url is {PREFIX}DJANGO_URL, and so on; "
        f"lists are separated by {os.pathsep!r}.",
    )
    add = parser.add_argument
    add("--machine-id", default=said("ID"), help=f"its name to the world ({PREFIX}ID)")
    add(
        "--django-url",
        default=said("DJANGO_URL"),
        help="the orchestrator's address; without it the machine stands alone",
    )
    add("--host", default=said("HOST", "127.0.0.1"), help="address of its own page and the old wire (127.0.0.1)")
    add("--port", type=_port, default=said("PORT", "5000"), help="port of its own page and the old wire (5000)")
    add("--data", default=said("DATA"), help="its data folder (data/machines/MACHINE_ID)")
    add("--config-file", default=said("CONFIG_FILE"), help="its configuration (vm_config.json in the data folder)")
    key = parser.add_mutually_exclusive_group()
    key.add_argument(
        "--enrol", metavar="CODE", default=said("ENROL"), help="one-time code that becomes the machine's token"
    )
    key.add_argument("--token-file", default=said("TOKEN_FILE"), help="file with the token of the orchestrator's door")
    add(
        "--authority",
        default=said("AUTHORITY"),
        help="certificate of the orchestrator's authority (learned with the code)",
    )
    add(
        "--plain-http",
        action=argparse.BooleanOptionalAction,
        default=_truth(said("PLAIN_HTTP") or ""),
        help="call an orchestrator without TLS over a network: everything is readable there",
    )
    add(
        "--insecure-legacy",
        action=argparse.BooleanOptionalAction,
        default=_truth(said("INSECURE_LEGACY") or ""),
        help="answer the old wire without a token",
    )
    add(
        "--allow-root",
        action="append",
        default=listed("ALLOW_ROOT"),
        help="another folder pictures may come from; repeatable",
    )
    add(
        "--allow-host",
        action="append",
        default=listed("ALLOW_HOST"),
        help="another name this machine goes by; repeatable",
    )
    add(
        "--camera-list",
        default=said("CAMERA_LIST"),
        help="file with the addresses of cameras it may reach (camera_addresses in the data folder)",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _truth(text: str) -> bool:
    try:
        return TRUE_WORDS[text.lower()]
    except KeyError:
        raise SystemExit(f"analyticlens machine: {PREFIX}INSECURE_LEGACY is 1 or 0, not {text!r}") from None


def _prepare_data(data: Path) -> None:
    """Make the data folder, its owner's alone, and see that no other process uses it. Raises OutboxBusy, OSError."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = clock.mono() + PATIENCE_SECONDS
    while True:
        try:
            os.close(lock_folder(data))
            return
        except OutboxBusy:
            if clock.mono() >= deadline:
                raise
        clock.wait(threading.Event(), 0.1)


class _Lines(logging.Handler):
    """What libraries log, as lines of the machine's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        log.event("log", record.getMessage(), logger=record.name, level=record.levelname)


def _log_as_lines() -> None:
    root = logging.getLogger()
    root.handlers = [_Lines()]
    root.setLevel(logging.WARNING)
