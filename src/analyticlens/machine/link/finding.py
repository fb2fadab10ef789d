"""Cameras found and asked for "add a machine": on the networks this machine is in, since the orchestrator opens no camera."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from analyticlens.machine.discovery import discover
from analyticlens.machine.discovery.onvif import look_up
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.discovery.soap import Asker
from analyticlens.machine.link.door import Door, DoorDown
from analyticlens.protocol.desired import CommandReport
from analyticlens.protocol.discovery import DiscoverArgs, LookupArgs
from analyticlens.protocol.strict import first_error, plain


def find_cameras(args: dict[str, object]) -> CommandReport:
    """Look for cameras, at this machine and in its networks, and report those that show themselves."""
    try:
        asked = DiscoverArgs.model_validate(args)
    except ValidationError as error:
        return CommandReport(state="refused", message=first_error(error)[:2000])
    return _done(discover(asked.seconds))


def ask_camera(args: dict[str, object], door: Door) -> CommandReport:
    """Ask one camera what it offers, as the user in the machine's secrets, who is never told on. Raises DoorDown, DoorRefused."""
    try:
        asked = LookupArgs.model_validate(args)
    except ValidationError as error:
        return CommandReport(state="refused", message=first_error(error)[:2000])
    try:
        return _done(look_up(asked.address, _asker(door)))
    except LookupFailed as failed:
        return CommandReport(state="failed", message=failed.sentence[:2000])


def _asker(door: Door) -> Asker:
    """Fetch who the machine's camera is asked as; nobody where no secret is set. Nothing is kept. Raises DoorDown, DoorRefused."""
    secrets = door.call("GET", "secrets").get("secrets")
    if not isinstance(secrets, dict):
        raise DoorDown("an answer that is not the orchestrator's")
    return Asker(str(secrets.get("source_user", "")), str(secrets.get("source_password", "")))


def _done(result: BaseModel) -> CommandReport:
    return CommandReport(state="done", result=plain(result))
