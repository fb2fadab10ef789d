"""A machine's configuration: source, trigger, logging, pictures. What makes a station, not what it looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from analyticlens.protocol.external import HttpSignal, Signal, SignalCommon
from analyticlens.protocol.picture_health import PictureHealth
from analyticlens.protocol.schedule import check_cron, zone_of
from analyticlens.protocol.strict import Strict, first_error

ADVANCED: dict[str, Any] = {"x-advanced": True}
Pixels = Annotated[int, Field(ge=1, le=30_000, json_schema_extra={"unit": "px"})]
Milliseconds = Annotated[int, Field(ge=1, le=86_400_000, json_schema_extra={"unit": "ms"})]
PathText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
UrlText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x1f]*$")]


class SourceCommon(Strict):
    """The seed's columns: all are kept whichever kind is chosen, so that changing the kind and back loses nothing."""

    camera_id: Annotated[int, Field(ge=0, le=9999)] = Field(
        0, title="Camera", description="Number of the local camera."
    )
    resolution: tuple[Pixels, Pixels] = Field(
        (752, 480), title="Resolution", description="Width and height asked of the camera."
    )
    fps: Annotated[int, Field(ge=1, le=120)] = Field(30, title="Frames a second", description="Asked of the camera.")
    folder_path: PathText = Field("", title="Folder", description="Picture folder, below the machine's allowed roots.")
    rtsp_url: UrlText = Field(
        "", title="Stream address", description="RTSP or HTTP address, without user and password."
    )


class DeepSource(SourceCommon):
    """A source whose pictures may have more than 8 bits."""

    bits: Annotated[int, Field(ge=8, le=16, json_schema_extra={"unit": "bit"})] | None = Field(
        None,
        title="Bits of a pixel",
        description="Of pictures deeper than 8 bits, how many are used: 12 for most cameras. Empty: all 16.",
        json_schema_extra=ADVANCED,
    )


class LiveSource(SourceCommon):
    """A source that gives frames by itself, whether or not one is looked at."""

    frame_interval_ms: Milliseconds | None = Field(
        None,
        title="Longest time between frames",
        description="For a camera slower than one a second. After three times as long it is restarted. Empty: by frames a second.",
        json_schema_extra=ADVANCED,
    )
    delay_ms: Annotated[int, Field(ge=0, le=10_000, json_schema_extra={"unit": "ms"})] = Field(
        0,
        title="Delay of the picture",
        description="How long a picture takes from the lens to this machine, as measured; so a trigger gets the part before the camera.",
        json_schema_extra=ADVANCED,
    )
    frozen_after: Annotated[int, Field(ge=0, le=1000)] = Field(
        1,
        title="Frozen after",
        description="Judged frames in a row exactly like the one before, until they are undecided as frozen; 0: never.",
        json_schema_extra=ADVANCED,
    )

    @property
    def expected_seconds(self) -> float:
        """How long from one frame to the next."""
        return self.frame_interval_ms / 1000 if self.frame_interval_ms else 1 / self.fps


Setting = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class ExposedSource(LiveSource):
    """A camera whose exposure and gain can be set where its driver has them."""

    exposure: Setting | None = Field(
        None,
        title="Exposure",
        description="In the driver's own steps (100 µs for most USB cameras, µs for a Pi camera). Empty: the camera's own choice.",
        json_schema_extra=ADVANCED,
    )
    gain: Setting | None = Field(
        None, title="Gain", description="In the driver's own steps. Empty: as it is.", json_schema_extra=ADVANCED
    )


class CameraSource(ExposedSource):
    """A camera at the machine."""

    type: Literal["camera"] = "camera"
    device: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")] = Field(
        "",
        title="Stable name",
        description="Name in /dev/v4l/by-id, which stays when cameras are plugged in elsewhere. Empty: by number.",
        json_schema_extra=ADVANCED,
    )


class IpCameraSource(LiveSource):
    """A camera on the network."""

    type: Literal["camera_IP"] = "camera_IP"


class RtspSource(LiveSource):
    """An RTSP stream."""

    type: Literal["rtsp"] = "rtsp"


class FolderSource(DeepSource):
    """A folder of pictures, read in sorted order, over and over."""

    type: Literal["pasta"] = "pasta"


class PiCameraSource(ExposedSource):
    """A Raspberry Pi camera."""

    type: Literal["picamera2"] = "picamera2"


class GenicamSource(DeepSource):
    """An industrial camera."""

    type: Literal["genicam"] = "genicam"


Source = Annotated[
    CameraSource | IpCameraSource | RtspSource | FolderSource | PiCameraSource | GenicamSource,
    Field(discriminator="type"),
]


class TriggerCommon(Strict):
    """The interval is kept whichever kind is chosen."""

    interval_ms: Milliseconds = Field(1000, title="Interval", description="Time from one inspection to the next.")


class ContinuousTrigger(TriggerCommon):
    """One inspection each interval, from 100 ms; or as fast as frames come."""

    type: Literal["continuous"] = "continuous"
    pace: Literal["interval", "frames"] = Field(
        "interval", title="Pace", description="By the interval, or as fast as frames come.", json_schema_extra=ADVANCED
    )

    @model_validator(mode="after")
    def _not_too_fast(self) -> ContinuousTrigger:
        if self.interval_ms < 100:
            raise ValueError("a continuous trigger's interval is at least 100 ms")
        return self


class AskedTrigger(TriggerCommon):
    """A trigger that waits until somebody or something asks."""

    queue: Annotated[int, Field(ge=1, le=1000)] = Field(
        16,
        title="Triggers that may wait",
        description="One that comes while so many wait is refused as busy.",
        json_schema_extra=ADVANCED,
    )


class ManualTrigger(AskedTrigger):
    """A person or program asks for each inspection."""

    type: Literal["manual"] = "manual"


class ExternalTrigger(AskedTrigger):
    """A signal from outside asks for each inspection; a person may too."""

    type: Literal["external"] = "external"
    signal: Signal = Field(HttpSignal(), title="Signal", description="How it reaches the machine.")


class ScheduledTrigger(AskedTrigger):
    """A timetable asks for each inspection; a person may too."""

    type: Literal["scheduled"] = "scheduled"
    cron: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "0 * * * *",
        title="Cron line",
        description="Minute, hour, day, month, weekday: 0 * * * * is each full hour, */5 6-22 * * 1-5 every five minutes of a working day.",
    )
    time_zone: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] = Field(
        "UTC", title="Time zone", description="Whose clock the cron line is read by, such as America/Sao_Paulo."
    )

    @field_validator("cron")
    @classmethod
    def _comes(cls, line: str) -> str:
        line = " ".join(line.split())
        check_cron(line)
        return line

    @field_validator("time_zone")
    @classmethod
    def _is_somewhere(cls, name: str) -> str:
        zone_of(name)
        return name


Trigger = Annotated[ContinuousTrigger | ManualTrigger | ExternalTrigger | ScheduledTrigger, Field(discriminator="type")]


class Logging(Strict):
    """The result logs (.alog) of the old wire."""

    enabled: bool = Field(False, title="Write result logs", description="One .alog file an inspection.")
    mode: Literal["keep_last", "keep_first"] = Field(
        "keep_last", title="When full", description="Drop the oldest, or refuse new ones."
    )
    max_logs: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        1000, title="Most logs", description="How many are kept."
    )
    policy: Literal["ALL", "APPROVED", "REJECTED"] = Field(
        "ALL", title="Which", description="Which results are logged."
    )
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        20, title="Batch", description="Results written at once."
    )
    batch_ms: Annotated[int, Field(ge=0, le=3_600_000, json_schema_extra={"unit": "ms"})] = Field(
        500, title="Batch time", description="Longest wait before a batch is written."
    )


class Pictures(Strict):
    """Which pictures travel to the orchestrator beside their verdicts."""

    keep_not_ok: bool = Field(
        True, title="Keep every picture that is not OK", description="Rejected, undecided and error pictures."
    )
    ok_every: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        10,
        title="Keep one OK picture of",
        description="One in so many; 0 keeps none. It is the sampling weight of the picture kept.",
    )
    jpeg_quality: Annotated[int, Field(ge=30, le=100, json_schema_extra={"unit": "%"})] = Field(
        90, title="JPEG quality", description="Quality of the stored picture.", json_schema_extra=ADVANCED
    )


class Configuration(Strict):
    """Everything that makes a station: the seed's columns and what they cannot say."""

    source: Source = Field(CameraSource(), title="Source", description="Where pictures come from.")
    trigger: Trigger = Field(ContinuousTrigger(), title="Trigger", description="What asks for an inspection.")
    logging: Logging = Field(Logging(), title="Result logs", description="The .alog files of the old wire.")
    pictures: Pictures = Field(Pictures(), title="Pictures", description="Which pictures are kept.")
    health: PictureHealth = Field(
        PictureHealth(), title="Picture health", description="What a picture must be like to be judged at all."
    )
    inspection_timeout_ms: Annotated[int, Field(ge=50, le=60_000, json_schema_extra={"unit": "ms"})] = Field(
        5000,
        title="Deadline",
        description="An inspection that takes longer is killed and is an error.",
        json_schema_extra=ADVANCED,
    )
    tool_timeout_ms: Annotated[int, Field(ge=10, le=60_000, json_schema_extra={"unit": "ms"})] = Field(
        200,
        title="Time a tool may take",
        description="A tool whose parameters could make it take longer is refused; one that hangs is ended.",
        json_schema_extra=ADVANCED,
    )


# What has kinds, each with fields of its own, and what all kinds of it have; the outer ones first.
UNIONS: dict[tuple[str, ...], type[Strict]] = {
    ("source",): SourceCommon,
    ("trigger",): TriggerCommon,
    ("trigger", "signal"): SignalCommon,
}


def inside(tree: Any, path: tuple[str, ...]) -> Any:
    """Return what lies at a path of a JSON object; None where nothing does."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def patched(configuration: Configuration, patch: Mapping[str, Any]) -> Configuration:
    """Return a configuration with a JSON merge patch (RFC 7396) in it: what the patch does not name stays, null means the default.

    A source or trigger of another type keeps what all types have. Raises ValueError with one sentence.
    """
    said = configuration.model_dump(mode="json")
    whole = merged(said, patch)
    for path, shared in UNIONS.items():
        given, before, now = inside(patch, path), inside(said, path), inside(whole, path)
        if isinstance(given, Mapping) and given.get("type") not in (None, (before or {}).get("type")):
            kept = {key: value for key, value in now.items() if key in shared.model_fields or key in given}
            now.clear()
            now.update({**kept, "type": given["type"]})
    try:
        return Configuration.model_validate(whole)
    except ValidationError as error:
        raise ValueError(first_error(error)) from None


def merged(target: Any, patch: Any) -> Any:
    """Return target with a JSON merge patch (RFC 7396) in it."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
