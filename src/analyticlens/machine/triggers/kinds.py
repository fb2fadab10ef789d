"""The kinds of signals and what listens to each. A new kind is a model in the protocol, a listener, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analyticlens.machine.triggers.gpio import GpioListener
from analyticlens.machine.triggers.listening import Ear, Listener, Post
from analyticlens.machine.triggers.modbus import modbus_listener
from analyticlens.machine.triggers.mqtt import MqttListener
from analyticlens.machine.triggers.passive import PassiveListener
from analyticlens.machine.triggers.tcp import TcpListener
from analyticlens.protocol.external import (
    GpioSignal,
    HardwareSignal,
    HttpSignal,
    ModbusSignal,
    MqttSignal,
    TcpSignal,
)

LISTENERS: dict[type, Callable[[Any, Ear, Post], Listener]] = {
    HttpSignal: PassiveListener,
    TcpSignal: TcpListener,
    MqttSignal: MqttListener,
    ModbusSignal: modbus_listener,
    GpioSignal: GpioListener,
    HardwareSignal: PassiveListener,
}
