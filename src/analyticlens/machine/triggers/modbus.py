"""Signals as a coil of Modbus TCP: the controller's, read over and over, or this machine's own, which the controller writes."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from analyticlens.machine import clock
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.listening import Bounced, Ear, Listener, ListenerBroke, Post
from analyticlens.machine.triggers.tcp import listen_at
from analyticlens.protocol.external import ModbusSignal

ANSWER_SECONDS = 2.0
WRITE_COIL, WRITE_COILS = 5, 15


def modbus_listener(signal: ModbusSignal, ear: Ear, post: Post) -> Listener:
    """Return what listens in the role the signal says."""
    return ModbusClient(signal, ear) if signal.role == "client" else ModbusServer(signal, ear)


class Coil:
    """A coil's level and which of its changes count."""

    def __init__(self, signal: ModbusSignal, ear: Ear) -> None:
        """Begin without a level."""
        self._signal, self._ear = signal, ear
        self._level: bool | None = None

    @property
    def resting(self) -> bool:
        """The level before the change that counts."""
        return self._signal.edge == "falling"

    def counts(self, level: bool) -> bool:
        """Return whether going to this level counts. The first level seen does only where the coil is reset once taken: it waits there."""
        before = self._level
        if before is None and self._signal.acknowledge:
            before = self.resting
        if before is None or before == level:
            return False
        return self._signal.edge == "both" or level != self.resting

    def see(self, level: bool) -> None:
        """Note the level."""
        self._level = level

    def take(self) -> bool:
        """Hand on a signal; return whether it was dealt with: taken, or ignored as a bounce. False when it was refused."""
        try:
            self._ear.signal(None)
        except Bounced:
            return True
        except NotNow:
            return False
        return True


class ModbusClient:
    """Reads the controller's coil."""

    def __init__(self, signal: ModbusSignal, ear: Ear) -> None:
        """Listen for ear."""
        self._signal, self._ear = signal, ear
        self._coil = Coil(signal, ear)
        self._closing = threading.Event()

    def close(self) -> None:
        """Have `serve` end."""
        self._closing.set()

    def serve(self) -> None:
        """Read until closed. Raises ListenerBroke."""
        signal = self._signal
        client: Any = ModbusTcpClient(signal.host, port=signal.port, timeout=ANSWER_SECONDS, retries=0)
        where = f"the Modbus controller {signal.host}:{signal.port}"
        try:
            if not client.connect():
                raise ListenerBroke(f"{where} cannot be reached")
            self._read_on(client, where)
        except (ModbusException, OSError) as error:
            raise ListenerBroke(f"{where} does not answer: {error}") from None
        finally:
            client.close()

    def _read_on(self, client: Any, where: str) -> None:
        due = clock.mono()
        opened = False
        while not self._closing.is_set():
            level = self._read(client, where)
            if not opened:
                opened = True
                self._ear.opened()
            counts = self._coil.counts(level)
            self._coil.see(level)
            if counts and self._coil.take() and self._signal.acknowledge:
                self._reset(client, where)
            due = max(due + self._signal.poll_ms / 1000, clock.mono())
            clock.wait(self._closing, due - clock.mono())

    def _read(self, client: Any, where: str) -> bool:
        answer = client.read_coils(self._signal.coil, count=1, device_id=self._signal.unit)
        if answer.isError():
            raise ListenerBroke(f"{where} refuses to have coil {self._signal.coil} read")
        return bool(answer.bits[0])

    def _reset(self, client: Any, where: str) -> None:
        answer = client.write_coil(self._signal.coil, self._coil.resting, device_id=self._signal.unit)
        if answer.isError():
            raise ListenerBroke(f"{where} refuses to have coil {self._signal.coil} reset")
        self._coil.see(self._coil.resting)


class ModbusServer:
    """Has one coil that the controller writes. A trigger that is refused is answered with the exception `device busy`, and not written."""

    def __init__(self, signal: ModbusSignal, ear: Ear) -> None:
        """Listen for ear."""
        self._signal, self._ear = signal, ear
        self._coil = Coil(signal, ear)
        self._coil.see(self._coil.resting)
        self._mutex = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    def close(self) -> None:
        """Have `serve` end; it frees the port within the moment."""
        with self._mutex:
            self._closed = True
            if self._loop is not None and self._end is not None:
                self._loop.call_soon_threadsafe(self._end.set)

    def serve(self) -> None:
        """Serve until closed. Raises ListenerBroke."""
        # The library does not say why it cannot listen; this does.
        listen_at(self._signal.host, self._signal.port).close()
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        with self._mutex:
            if self._closed:
                return
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ModbusTcpServer(self._device(), address=(self._signal.host, self._signal.port))
        try:
            await server.serve_forever(background=True)
            self._ear.opened()
            await self._end.wait()
        except RuntimeError as error:
            raise ListenerBroke(
                f"port {self._signal.port} of {self._signal.host} cannot be listened at: {error}"
            ) from None
        finally:
            with self._mutex:
                self._loop = None
            await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus gives it no types

    def _device(self) -> SimDevice:
        resting = self._coil.resting
        first = self._signal.coil - self._signal.coil % 16
        coils = [SimData(first, values=[resting] * 16, datatype=DataType.BITS)]
        bits, words = (
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, datatype=DataType.REGISTERS)],
        )
        return SimDevice(self._signal.unit, simdata=(coils, bits, words, words), action=self._written)

    async def _written(
        self, function: int, _start: int, address: int, count: int, _registers: list[int], values: Any
    ) -> ExcCodes | None:
        """Look at what the controller writes, before it is."""
        place = self._signal.coil - address
        if values is None or function not in (WRITE_COIL, WRITE_COILS) or not 0 <= place < len(values):
            return None
        level = bool(values[place])
        counts = self._coil.counts(level)
        if counts and not self._coil.take():
            return ExcCodes.DEVICE_BUSY
        if counts and self._signal.acknowledge:
            values[place] = level = self._coil.resting
        self._coil.see(level)
        return None
