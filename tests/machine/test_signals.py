"""Signals from outside, from the peers that send them: sockets, mosquitto, pymodbus and mbpoll, a pin."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from analyticlens.machine import clock
from analyticlens.machine.triggers.queue import MOST_WAITING
from tests.journeys.line import free_port
from tests.machine.bench import Bench

Until = Callable[..., object]
Peer = Callable[[str], Path]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def say(port: int, raw: bytes, answers: int = 1) -> list[str]:
    """Send bytes to a port; return so many answered lines, fewer when the other side ends it."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(raw)
        with connection.makefile() as file:
            return [line.strip() for line in (file.readline() for _ in range(answers)) if line]


# --- lines over TCP ----------------------------------------------------------------------------------------------------


@pytest.fixture
def line(bench: Bench, until: Until) -> int:
    """Return the port where the bench listens for lines."""
    port = free_port()
    session = bench.hear(type="tcp", port=port)
    until(lambda: session.listening)
    return port


def test_a_line_is_a_trigger_with_its_part(bench: Bench, line: int) -> None:
    assert say(line, b"TRIGGER A 17\nTRIGGER\r\n", 2) == ["OK 1", "OK 2"]
    assert bench.parts() == ["A 17", None]


def test_more_than_may_wait_are_busy_and_counted(bench: Bench, line: int) -> None:
    answers = say(line, b"TRIGGER\n" * (MOST_WAITING + 3), MOST_WAITING + 3)
    assert answers[MOST_WAITING:] == ["BUSY"] * 3
    counters = bench.outbox.counters()
    assert (counters.triggered, counters.refused, counters.unsettled) == (MOST_WAITING + 3, 3, MOST_WAITING)


def test_hostile_lines_are_refused_and_harm_nobody(bench: Bench, line: int) -> None:
    assert say(line, b"GET / HTTP/1.1\n") == ["NO say TRIGGER, and the part behind a space"]
    assert say(line, b"TRIGGER \x1b[2Jx\n") == ["NO a part is printable text"]
    assert say(line, b"TRIGGER " + b"x" * 201 + b"\n") == ["NO a part has at most 200 characters"]
    assert say(line, b"TRIGGER \xff\xfe\n") == ["NO a part is printable text"]
    assert say(line, b"x" * 5000) in ([], ["NO a line has at most 512 bytes"])
    assert say(line, b"TRIGGER good\n") == ["OK 4"]
    assert bench.outbox.counters().refused == 3
    assert bench.parts() == ["good"]


def test_silent_clients_keep_nobody_out(bench: Bench, line: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", line)) for _ in range(40)]
    try:
        assert say(line, b"TRIGGER\n") == ["OK 1"]
    finally:
        for connection in silent:
            connection.close()


def test_its_port_is_free_when_another_trigger_is_wanted(bench: Bench, line: int) -> None:
    with socket.create_connection(("127.0.0.1", line)):
        bench.deaf()
        socket.create_server(("127.0.0.1", line)).close()


def test_a_taken_port_is_told_and_tried_until_it_is_free(bench: Bench, until: Until) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        session = bench.hear(type="tcp", port=port)
        until(lambda: session.error)
        assert session.error == f"port {port} of 127.0.0.1 cannot be listened at: Address already in use"
    until(lambda: session.listening)
    assert session.error == ""
    assert [code for code, _ in bench.told] == ["signal_lost", "signal_back"]


def test_a_bounce_is_no_trigger(bench: Bench, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="tcp", port=port, debounce_ms=60_000)
    until(lambda: session.listening)
    assert say(port, b"TRIGGER a\nTRIGGER b\n", 2) == ["OK 1", "NO ignored: it came within the debounce time"]
    assert (bench.outbox.counters().triggered, session.ignored, bench.parts()) == (1, 1, ["a"])


def test_after_the_debounce_time_a_signal_counts_again(bench: Bench, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="tcp", port=port, debounce_ms=300)
    until(lambda: session.listening)
    begun = clock.mono()
    assert say(port, b"TRIGGER\n") == ["OK 1"]
    until(lambda: say(port, b"TRIGGER\n") == ["OK 2"])
    assert clock.mono() - begun >= 0.3


def test_a_trigger_waits_for_its_delay_and_one_by_hand_does_not(bench: Bench, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="tcp", port=port, delay_ms=700)
    until(lambda: session.listening)
    begun = clock.mono()
    say(port, b"TRIGGER late\n")
    bench.queue.put("by hand", by_hand=True)
    assert bench.parts()[0] == "by hand"
    found: Any = until(bench.take)
    assert (found[0].part_id, clock.mono() - begun >= 0.7) == ("late", True)


# --- MQTT --------------------------------------------------------------------------------------------------------------


class Broker:
    """A mosquitto with one user, `plc`."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.port = free_port()
        self._folder, self._peer = folder, peer
        words = folder / "passwords"
        words.touch(0o600)
        subprocess.run([str(peer("mosquitto_passwd")), "-b", str(words), "plc", "good word"], check=True)
        conf = [f"listener {self.port} 127.0.0.1", "allow_anonymous false", f"password_file {words}", "user root"]
        (folder / "mosquitto.conf").write_text("\n".join(conf) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run."""
        with (self._folder / "log").open("ab") as log:
            command = [str(self._peer("mosquitto")), "-c", str(self._folder / "mosquitto.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        """End."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def publish(self, topic: str, *more: str, payload: bytes = b"") -> None:
        """Publish with another program."""
        command = [str(self._peer("mosquitto_pub")), "-p", str(self.port), "-u", "plc", "-P", "good word", "-q", "1"]
        subprocess.run([*command, "-t", topic, "-s", *more], input=payload, check=True, timeout=30)


@pytest.fixture
def broker(tmp_path: Path, peer: Peer) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Broker(folder, peer)
    made.start()
    yield made
    made.stop()


def secret(folder: Path, text: str, mode: int = 0o600) -> None:
    """Put the broker's password where the machine looks for it."""
    (folder / "secrets").mkdir(exist_ok=True)
    path = folder / "secrets" / "broker"
    path.write_text(text)
    path.chmod(mode)


def test_a_message_is_a_trigger_and_hostile_ones_are_refused(
    bench: Bench, broker: Broker, tmp_path: Path, until: Until
) -> None:
    secret(tmp_path, "good word\n")
    broker_says = {"port": broker.port, "user": "plc", "password_secret": "broker"}
    session = bench.hear(type="mqtt", topic="line/+/part", part_field="serial", **broker_says)
    until(lambda: session.listening)
    hostile = [b"[" * 3000, b"x", b'{"serial": ["a"]}', b'{"serial": "' + b"\xff" + b'"}', b"[1]"]
    hostile += [b'{"serial": "a\\u0000"}', b'{"serial": true}', b'{"serial": "' + b"y" * 3000 + b'"}']
    for payload in hostile:
        broker.publish("line/1/part", payload=payload)
    # Larger than the packets this machine takes: the broker keeps it to itself.
    broker.publish("line/1/part", payload=b"z" * 100_000)
    broker.publish("line/1/part", payload=json.dumps({"serial": 4711, "more": {}}).encode())
    until(lambda: bench.outbox.counters().triggered == len(hostile) + 1)
    assert bench.outbox.counters().refused == len(hostile)
    assert (bench.parts(), session.error) == (["4711"], "")
    assert [code for code, _ in bench.told].count("signal_refused") == 1


def test_a_broker_that_goes_and_comes_back_is_heard_again(
    bench: Bench, broker: Broker, tmp_path: Path, until: Until
) -> None:
    secret(tmp_path, "good word")
    session = bench.hear(type="mqtt", topic="t", port=broker.port, user="plc", password_secret="broker")
    until(lambda: session.listening)
    broker.publish("t", "-r", payload=b"stored before")
    until(lambda: bench.parts() == ["stored before"])
    broker.stop()
    until(lambda: session.error)
    broker.start()
    until(lambda: session.listening)
    broker.publish("t", "-r", payload=b"fresh")
    until(lambda: bench.parts() == ["fresh"])
    # The broker hands what it stored to whoever subscribes: that part is long gone.
    session = bench.hear(type="mqtt", topic="#", port=broker.port, user="plc", password_secret="broker")
    until(lambda: session.ignored)
    assert (bench.parts(), bench.told[-1][0]) == ([], "signal_ignored")


def test_a_wrong_password_and_an_open_secret_are_told(
    bench: Bench, broker: Broker, tmp_path: Path, until: Until
) -> None:
    secret(tmp_path, "wrong word")
    said = {"type": "mqtt", "port": broker.port, "user": "plc", "password_secret": "broker"}
    session = bench.hear(**said)
    until(lambda: "refuses: Not authorized" in session.error)
    assert "wrong word" not in repr(bench.told)
    bench.deaf()
    secret(tmp_path, "good word", 0o644)
    session = bench.hear(**said)
    until(lambda: session.error == "the secret broker may be read by others: its file needs the mode 0600")


def test_a_message_that_comes_twice_is_one_trigger(bench: Bench, until: Until) -> None:
    """A broker of a few bytes: it accepts, and sends one message of quality 1 again with the mark that says so."""
    message = b"\x00\x01t\x00\x07\x00part"

    def broke(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"\x20\x03\x00\x00\x00")
            subscribed = connection.recv(4096)
            connection.sendall(b"\x90\x04" + subscribed[2:4] + b"\x00\x01")
            for head in (b"\x32", b"\x3a"):
                connection.sendall(head + bytes([len(message)]) + message)
            while connection.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=broke, args=[server], daemon=True).start()
        session = bench.hear(type="mqtt", topic="t", port=server.getsockname()[1])
        until(lambda: session.ignored)
        assert (bench.parts(), bench.told) == (["part"], [("signal_ignored", "a message came twice (QoS 1)")])
        bench.deaf()


# --- Modbus TCP --------------------------------------------------------------------------------------------------------


class Plc:
    """A controller with sixteen coils, served by pymodbus; a test sets and reads them as the controller's own program would."""

    def __init__(self) -> None:
        self.port = free_port()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        coils, words = SimData(0, values=[False] * 16, datatype=DataType.BITS), SimData(0, datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=([coils], [coils], [words], [words]))
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        self._ready.set()
        await self._end.wait()
        await server.shutdown()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)


@pytest.fixture
def plc() -> Iterator[Plc]:
    made = Plc()
    yield made
    made.close()


@pytest.fixture
def master() -> Iterator[Callable[[int], Any]]:
    """Return a maker of pymodbus clients."""
    made: list[Any] = []

    def connect(port: int) -> Any:
        client: Any = ModbusTcpClient("127.0.0.1", port=port, timeout=20)
        assert client.connect()
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


def test_a_controllers_coil_is_read_and_reset_once_taken(
    bench: Bench, plc: Plc, master: Callable[[int], Any], until: Until
) -> None:
    hand = master(plc.port)
    session = bench.hear(type="modbus", port=plc.port, coil=3, poll_ms=5, acknowledge=True)
    until(lambda: session.listening)
    for count in range(1, 4):
        hand.write_coil(3, True)
        until(lambda: not hand.read_coils(3, count=1).bits[0])
        assert bench.outbox.counters().triggered == count
    hand.write_coil(4, True)
    assert bench.parts() == [None] * 3


def test_a_refused_trigger_leaves_the_coil_set(
    bench: Bench, plc: Plc, master: Callable[[int], Any], until: Until
) -> None:
    bench.queue.most = 0
    hand = master(plc.port)
    session = bench.hear(type="modbus", port=plc.port, coil=3, poll_ms=5, acknowledge=True)
    until(lambda: session.listening)
    hand.write_coil(3, True)
    until(lambda: bench.outbox.counters().refused == 1)
    assert hand.read_coils(3, count=1).bits[0]


def test_a_controller_that_is_not_there_is_told_and_looked_for(bench: Bench, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="modbus", port=port)
    until(lambda: session.error == f"the Modbus controller 127.0.0.1:{port} cannot be reached")


def test_the_machines_own_coil_is_written_by_mbpoll(bench: Bench, peer: Peer, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="modbus", role="server", port=port, coil=20)
    until(lambda: session.listening)
    mbpoll = [str(peer("mbpoll")), "-m", "tcp", "-p", str(port), "-0", "-r", "20", "-t", "0", "-1", "127.0.0.1"]
    for level in ("1", "1", "0", "1"):
        subprocess.run([*mbpoll, level], check=True, capture_output=True, timeout=30)
    assert bench.outbox.counters().triggered == 2
    bench.deaf()
    socket.create_server(("127.0.0.1", port)).close()


def test_a_coil_that_chatters_is_one_trigger(bench: Bench, master: Callable[[int], Any], until: Until) -> None:
    port = free_port()
    session = bench.hear(type="modbus", role="server", port=port, coil=1, debounce_ms=60_000)
    until(lambda: session.listening)
    hand = master(port)
    for _ in range(25):
        assert not hand.write_coil(1, True).isError()
        assert not hand.write_coil(1, False).isError()
    assert (bench.outbox.counters().triggered, session.ignored) == (1, 24)


def test_a_coil_written_while_as_many_wait_as_may_is_busy(
    bench: Bench, master: Callable[[int], Any], until: Until
) -> None:
    port = free_port()
    session = bench.hear(type="modbus", role="server", port=port, coil=1, acknowledge=True)
    until(lambda: session.listening)
    hand = master(port)
    for _ in range(MOST_WAITING):
        assert not hand.write_coil(1, True).isError()
        assert not hand.read_coils(1, count=1).bits[0]
    assert hand.write_coil(1, True).exception_code == 6
    counters = bench.outbox.counters()
    assert (counters.triggered, counters.refused) == (MOST_WAITING + 1, 1)


# --- a pin -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pull", "edge", "expected"), [("up", "rising", 2), ("down", "falling", 2), ("up", "both", 4)])
def test_the_edges_of_a_pin_are_triggers(bench: Bench, until: Until, pull: str, edge: str, expected: int) -> None:
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory

    Device.pin_factory = MockFactory()
    try:
        session = bench.hear(type="gpio", pin=4, pull=pull, edge=edge)
        until(lambda: session.listening)
        pin = Device.pin_factory.pin(4)
        first, second = (pin.drive_low, pin.drive_high) if pull == "up" else (pin.drive_high, pin.drive_low)
        for _ in range(2):
            first()
            second()
        until(lambda: bench.outbox.counters().triggered == expected)
        bench.deaf()
    finally:
        Device.pin_factory.reset()
        Device.pin_factory = None


def test_a_pin_without_its_library_is_told(bench: Bench, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gpiozero", None)
    session = bench.hear(type="gpio")
    until(lambda: session.error == "an input pin needs gpiozero: install analyticlens[gpio]")
