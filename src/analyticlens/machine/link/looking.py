"""Pictures that nobody judges: a snapshot of the source in use, and a picture of a source that is only tried."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from analyticlens.engine import RecipeRefused
from analyticlens.machine import clock
from analyticlens.machine.inspector import ChildDied, ChildLate, Inspector, Work
from analyticlens.machine.link.door import Door
from analyticlens.machine.refusals import SourceRefused
from analyticlens.protocol.configuration import Configuration, Source
from analyticlens.protocol.desired import CommandReport
from analyticlens.protocol.strict import first_error

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

SNAPSHOT_SECONDS = 10.0
# A recipe or configuration is swapped in between two frames.
SWAP_SECONDS = 3.0
_SOURCE: TypeAdapter[Any] = TypeAdapter(Source)


def snapshot(station: Station, door: Door) -> CommandReport:
    """Have the child grab one picture between two frames, put it into the live view, and send it.

    Raises NotNow where no source is open, DoorDown, DoorRefused where the picture cannot be sent.
    """
    began = clock.mono()
    report, picture = _grab_here(station)
    if picture is not None:
        station.live.offer(picture, None)
    return _sent(report, picture, door, began)


def try_source(station: Station, asked: object, door: Door) -> CommandReport:
    """Open a source beside whatever runs, take one picture of it, and send that; or say in words why there is none.

    The source in use is not opened twice, since many cameras have room for one: its own next picture is shown.
    Raises DoorDown, DoorRefused where the picture cannot be sent, NotNow.
    """
    try:
        source = _SOURCE.validate_python(asked)
    except ValidationError as error:
        return CommandReport(state="refused", message=first_error(error)[:2000])
    began = clock.mono()
    if source == station.kept.pipeline.configuration.source and _is_open(station):
        report, picture = _grab_here(station)
    else:
        report, picture = _grab_there(station, Configuration(source=source))
    return _sent(report, picture, door, began)


def _sent(report: CommandReport, picture: bytes | None, door: Door, began: float) -> CommandReport:
    """Send the picture, if there is one, and name it in the report. Raises DoorDown, DoorRefused."""
    if picture is None:
        return report
    sha256 = hashlib.sha256(picture).hexdigest()
    door.call("PUT", f"images/{sha256}", content=picture, headers={"Content-Type": "image/jpeg"})
    told = {**report.result, "picture": sha256, "seconds": round(clock.mono() - began, 2)}
    return report.model_copy(update={"result": told})


def _is_open(station: Station) -> bool:
    """Return whether the source in use is open; between two children there is a moment when it is not, which is waited for."""
    never, deadline = threading.Event(), clock.mono() + SWAP_SECONDS
    while not station.loop.ready and clock.mono() < deadline:
        clock.wait(never, 0.05)
    return station.loop.ready


def _grab_here(station: Station) -> tuple[CommandReport, bytes | None]:
    """Return a picture of the source in use, grabbed by the inspecting child. Raises NotNow."""
    taken: Future[tuple[CommandReport, bytes | None]] = Future()
    quality = station.kept.pipeline.configuration.pictures.jpeg_quality
    station.loop.errand(lambda child: taken.set_result(_shoot(child, quality)))
    try:
        return taken.result(SNAPSHOT_SECONDS + 5)
    except TimeoutError:
        return CommandReport(state="failed", message="the picture source did not answer in time"), None


def _grab_there(station: Station, configuration: Configuration) -> tuple[CommandReport, bytes | None]:
    """Return a picture of a source that is not in use, grabbed by a child of its own."""
    try:
        child = station.cradle.build(Work(configuration, None), abortable=True)
    except (SourceRefused, RecipeRefused) as refused:
        return CommandReport(state="failed", message=str(refused)[:2000]), None
    except (ChildDied, ChildLate) as problem:
        return CommandReport(state="failed", message=f"the picture source did not open: {problem}"), None
    try:
        return _shoot(child, configuration.pictures.jpeg_quality)
    except (ChildDied, ChildLate) as problem:
        return CommandReport(state="failed", message=f"the picture source gave no picture: {problem}"), None
    finally:
        station.cradle.end(child)


def _shoot(child: Inspector, quality: int) -> tuple[CommandReport, bytes | None]:
    """Have a child grab one picture. Raises ChildDied, ChildLate."""
    child.send({"do": "snapshot", "quality": quality})
    answer, blobs = child.receive(SNAPSHOT_SECONDS)
    if "picture" not in blobs:
        sentence = str(answer.get("sentence") or answer.get("message") or "no picture could be had")
        return CommandReport(state="failed", message=sentence[:2000]), None
    result = {"name": answer["name"], "resolution": answer["resolution"]}
    return CommandReport(state="done", result=result), blobs["picture"]
