"""Signals from outside that ask for an inspection: how each reaches the machine. Told apart by `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from analyticlens.protocol.strict import Strict

ADVANCED: dict[str, Any] = {"x-advanced": True}
LONGEST_PART = 200
ShortWait = Annotated[int, Field(ge=0, le=60_000, json_schema_extra={"unit": "ms"})]
HostText = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:%-]+$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
SecretName = Annotated[str, StringConstraints(max_length=50, pattern=r"^([a-z][a-z0-9_]*)?$")]
TopicText = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Edge = Literal["rising", "falling", "both"]


class SignalCommon(Strict):
    """What every signal has."""

    debounce_ms: ShortWait = Field(
        0, title="Debounce", description="A signal that comes within this time after one that counted is ignored."
    )
    delay_ms: ShortWait = Field(
        0, title="Delay", description="Time from the signal to the inspection, until the part is in the picture."
    )


class HttpSignal(SignalCommon):
    """A program calls POST /api/trigger on the machine's own address, with a token."""

    type: Literal["http"] = "http"


class TcpSignal(SignalCommon):
    """A program sends lines over TCP: TRIGGER, a space, the part."""

    type: Literal["tcp"] = "tcp"
    host: HostText = Field(
        "127.0.0.1",
        title="Address",
        description="Of the other side, or, where this machine listens, its own: 127.0.0.1 lets in this computer alone.",
    )
    port: Port = Field(5500, title="Port", description="TCP port at that address.")


class MqttSignal(SignalCommon):
    """A message on a topic of an MQTT broker."""

    type: Literal["mqtt"] = "mqtt"
    host: HostText = Field("127.0.0.1", title="Address", description="Of the broker.")
    port: Port = Field(1883, title="Port", description="TCP port at that address.")
    tls: bool = Field(False, title="TLS", description="Encrypt, and check the broker's certificate.")
    topic: TopicText = Field("analyticlens/trigger", title="Topic", description="Each message on it is a trigger.")
    qos: Annotated[int, Field(ge=0, le=2)] = Field(
        1, title="Quality of service", description="0: may get lost; 1: may come twice; 2: comes once."
    )
    part_field: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "",
        title="Part in the message",
        description="Name of the JSON field that holds the part. Empty: the whole message is the part.",
    )
    user: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", title="User", description="Name at the broker. Empty: none."
    )
    password_secret: SecretName = Field(
        "",
        title="Secret with the password",
        description="Name of a file in the folder secrets of the machine's data folder, readable by its owner alone.",
    )

    @field_validator("topic")
    @classmethod
    def _may_be_listened_to(cls, topic: str) -> str:
        parts = topic.split("/")
        if any("#" in part and (part != "#" or place < len(parts) - 1) for place, part in enumerate(parts)):
            raise ValueError("in a topic, # stands alone and at the end")
        if any("+" in part and part != "+" for part in parts):
            raise ValueError("in a topic, + stands alone between slashes")
        return topic


class ModbusSignal(SignalCommon):
    """A coil of Modbus TCP: read from a controller over and over, or written by it at this machine."""

    type: Literal["modbus"] = "modbus"
    role: Literal["client", "server"] = Field(
        "client",
        title="Role",
        description="client: this machine reads the controller's coil; server: the controller writes this machine's coil.",
    )
    host: HostText = Field(
        "127.0.0.1", title="Address", description="Of the controller; as server, the address this machine listens at."
    )
    port: Port = Field(502, title="Port", description="TCP port at that address.")
    unit: Annotated[int, Field(ge=0, le=255)] = Field(1, title="Unit", description="Number of the Modbus device.")
    coil: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, title="Coil", description="Its address, counted from 0: coil 1 of a manual is 0 here."
    )
    edge: Edge = Field("rising", title="Edge", description="Which change counts: to 1, to 0, or both.")
    poll_ms: Annotated[int, Field(ge=5, le=10_000, json_schema_extra={"unit": "ms"})] = Field(
        20, title="Time between readings", description="As client. A pulse shorter than this may be overlooked."
    )
    acknowledge: bool = Field(
        False,
        title="Reset the coil",
        description="Set the coil back once the trigger is taken, so that the controller sees it was.",
    )

    @model_validator(mode="after")
    def _resets_one_edge(self) -> ModbusSignal:
        if self.acknowledge and self.edge == "both":
            raise ValueError("a coil that is reset counts on one edge: rising or falling")
        return self


class GpioSignal(SignalCommon):
    """An input pin of this computer, such as a Raspberry Pi's."""

    type: Literal["gpio"] = "gpio"
    pin: Annotated[int, Field(ge=0, le=255)] = Field(17, title="Pin", description="Its GPIO number.")
    pull: Literal["up", "down", "none"] = Field(
        "up", title="Pull", description="The resistor that holds the open input at a level."
    )
    edge: Edge = Field("rising", title="Edge", description="Which change counts: to 1, to 0, or both.")


class HardwareSignal(SignalCommon):
    """The camera's own input line: the camera takes a picture by itself, and each picture is inspected."""

    type: Literal["hardware"] = "hardware"
    line: Annotated[str, StringConstraints(max_length=50, pattern=r"^[A-Za-z0-9_]+$")] = Field(
        "Line0", title="Line", description="Name of the camera's input."
    )
    edge: Edge = Field("rising", title="Edge", description="Which change counts: to 1, to 0, or both.")


Signal = Annotated[
    HttpSignal | TcpSignal | MqttSignal | ModbusSignal | GpioSignal | HardwareSignal, Field(discriminator="type")
]


def part_of(raw: str | bytes) -> str | None:
    """Return the part's name a signal brought, without blanks around it; None for an empty one.

    Raises ValueError with one sentence for what is no printable text of at most 200 characters.

    >>> part_of(b" A-17 ")
    'A-17'
    """
    if len(raw) > 4 * LONGEST_PART:
        raise ValueError(f"a part has at most {LONGEST_PART} characters")
    try:
        text = (raw if isinstance(raw, str) else raw.decode()).strip()
    except UnicodeDecodeError:
        raise ValueError("a part is printable text") from None
    if not text.isprintable():
        raise ValueError("a part is printable text")
    if len(text) > LONGEST_PART:
        raise ValueError(f"a part has at most {LONGEST_PART} characters")
    return text or None
