"""Cameras found and asked for "add a machine": on the networks this machine is in, since the orchestrator opens no camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from analyticlens.machine.discovery import discover
from analyticlens.machine.discovery.onvif import look_up
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.link.door import Door
from analyticlens.machine.link.logins import CAME, fetched
from analyticlens.machine.login import Login
from analyticlens.protocol.desired import CommandReport
from analyticlens.protocol.discovery import DiscoverArgs, LookupArgs
from analyticlens.protocol.strict import first_error, plain

if TYPE_CHECKING:
    from analyticlens.machine.station import Station


def find_cameras(args: dict[str, object]) -> CommandReport:
    """Look for cameras, at this machine and in its networks, and report those that show themselves."""
    try:
        asked = DiscoverArgs.model_validate(args)
    except ValidationError as error:
        return CommandReport(state="refused", message=first_error(error)[:2000])
    return _done(discover(asked.seconds))


def ask_camera(station: Station, args: dict[str, object], door: Door) -> CommandReport:
    """Ask one camera what it offers, as the user in the machine's secrets, whom nothing reported tells of. Raises DoorDown, DoorRefused."""
    try:
        asked = LookupArgs.model_validate(args)
    except ValidationError as error:
        return CommandReport(state="refused", message=first_error(error)[:2000])
    try:
        return _done(look_up(asked.address, _login(station, door), station.cradle.nest.network()["cameras"]))
    except LookupFailed as failed:
        return CommandReport(state="failed", message=failed.sentence[:2000])


def _login(station: Station, door: Door) -> Login:
    """Return who the machine's camera is asked as at this moment. Raises DoorDown, DoorRefused.

    What an administrator set just now counts, though the machine keeps it only at its next look. Nothing is kept here.
    """
    told = fetched(door)
    if told != Login() or station.outbox.word(CAME):
        return told
    return Login(*station.cradle.nest.network()["login"])


def _done(result: BaseModel) -> CommandReport:
    return CommandReport(state="done", result=plain(result))
