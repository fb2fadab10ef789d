"""Signals as messages on a topic of an MQTT broker.

The session is a clean one and retained messages are ignored: what was published while this machine was away asks for no inspection of a
part that is gone. Messages are bounded; a broker that speaks MQTT 5 is asked to keep larger ones to itself.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.listening import Ear, ListenerBroke, Post
from analyticlens.machine.triggers.secret import read_secret
from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.external import MqttSignal, part_of

MOST_BYTES = 4096
# With its head a message of the longest topic and payload fits in here.
LARGEST_PACKET = MOST_BYTES + 2048
CONNECT_SECONDS = 3.0
# The thread looks this often whether it shall end.
LOOK_SECONDS = 0.2
KEEP_ALIVE = 15
OLD_PROTOCOL = "Unsupported protocol version"


class MqttListener:
    """One connection to the broker."""

    def __init__(self, signal: MqttSignal, ear: Ear, post: Post) -> None:
        """Listen for ear."""
        self._signal, self._ear, self._post = signal, ear, post
        self._closing = threading.Event()
        self._problem = ""
        self._heard: deque[int] = deque(maxlen=64)

    def close(self) -> None:
        """Have `serve` end."""
        self._closing.set()

    def serve(self) -> None:
        """Take messages until closed. Raises ListenerBroke."""
        password = read_secret(self._post.data, self._signal.password_secret) if self._signal.password_secret else None
        for version in (MQTTv5, MQTTv311):
            self._problem = ""
            self._converse(self._client(version, password), version)
            if self._closing.is_set():
                return
            if OLD_PROTOCOL not in self._problem:
                break
        raise ListenerBroke(self._problem or f"the MQTT broker {self._where} ended the connection")

    @property
    def _where(self) -> str:
        return f"{self._signal.host}:{self._signal.port}"

    def _client(self, version: int, password: str | None) -> Client:
        fresh = {} if version == MQTTv5 else {"clean_session": True}
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"analyticlens-{self._post.machine_id}-trigger",
            protocol=version,  # type: ignore[arg-type]  # an enumeration there, a number in its constants
            **fresh,  # type: ignore[arg-type]  # only one of the protocols takes it
        )
        client.connect_timeout = CONNECT_SECONDS
        if self._signal.user:
            client.username_pw_set(self._signal.user, password)
        if self._signal.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        return client

    def _converse(self, client: Client, version: int) -> None:
        properties = None
        if version == MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho gives it no types
            properties.MaximumPacketSize = LARGEST_PACKET
        try:
            client.connect(self._signal.host, self._signal.port, KEEP_ALIVE, properties=properties)
        except (OSError, ValueError) as error:
            raise ListenerBroke(
                f"the MQTT broker {self._where} cannot be reached: {getattr(error, 'strerror', None) or error}"
            ) from None
        try:
            while not self._closing.is_set() and not self._problem:
                if client.loop(LOOK_SECONDS) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
        finally:
            client.disconnect()
            client.loop(0.01)

    def _connected(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._problem = f"the MQTT broker {self._where} refuses: {reason}"
        else:
            client.subscribe(self._signal.topic, self._signal.qos)

    def _subscribed(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._problem = f"the MQTT broker {self._where} refuses the topic {self._signal.topic}"
        else:
            self._ear.opened()

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.retain:
            self._ear.ignore("a retained message is no trigger")
        elif message.dup and message.mid in self._heard:
            self._ear.ignore("a message came twice (QoS 1)")
        else:
            if message.qos:
                self._heard.append(message.mid)
            self._take(bytes(message.payload))

    def _take(self, payload: bytes) -> None:
        try:
            part = self._part(payload)
        except ValueError as problem:
            self._ear.refuse(f"a message was refused: {problem}")
            return
        # A refusal is counted there; a message has nobody to answer.
        with suppress(NotNow):
            self._ear.signal(part)

    def _part(self, payload: bytes) -> str | None:
        """Return the part a message names. Raises ValueError with one sentence."""
        if len(payload) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES} bytes")
        if not self._signal.part_field:
            return part_of(payload)
        body = strict_loads(payload)
        if not isinstance(body, dict):
            raise ValueError("it is no JSON object")
        part = body.get(self._signal.part_field)
        if part is None:
            return None
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise ValueError("a part is printable text")
        return part_of(str(part))
