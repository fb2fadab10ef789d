"""A whole session with our machine, answered as an installed machine answers it: 56 exchanges and 3 kinds of event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.legacy.driver import Machine, listening, new_machine
from tests.legacy.exchanges import EVENTS, EXCHANGES, Exchange, differences


def answer_of(machine: Machine, exchange: Exchange) -> tuple[int, Any]:
    """Send an exchange's request; bytes go as they are, without saying what they are."""
    if isinstance(exchange.send, bytes):
        answer = machine.client.request(exchange.method, exchange.path, content=exchange.send)
        return answer.status_code, answer.json()
    return machine.ask(exchange.method, exchange.path, exchange.send)


def problems(machine: Machine, exchange: Exchange) -> list[str]:
    """Return how an answer differs from what an installed machine says."""
    status, body = answer_of(machine, exchange)
    allowed = exchange.status if isinstance(exchange.status, tuple) else (exchange.status,)
    wrong = [] if status in allowed else [f"status {status}, not {exchange.status}: {body}"]
    return [f"{exchange.what}: {line}" for line in wrong + differences(body, exchange.answer)]


def test_every_exchange_and_every_kind_of_event(tmp_path: Path, until: Callable[..., object]) -> None:
    machine = new_machine(tmp_path, "--insecure-legacy", until=until)
    compared, wrong = 0, []
    try:
        machine.start()
        until(lambda: machine.get("/api/status")["source_available"], 30)
        with listening(machine) as listener:
            listener.wait("connected")
            listener.client.emit("request_status")
            listener.wait("status_update")
            for exchange in EXCHANGES:
                listener.wait("test_result", exchange.results)
                wrong += problems(machine, exchange)
                compared += 1
            for name, expected in EVENTS.items():
                wrong += [f"{name}: {line}" for line in differences(listener.named(name)[0], expected)]
            kinds = {name for name, _ in listener.heard}
    finally:
        machine.close()
    assert wrong == []
    assert compared == len(EXCHANGES) == 56
    assert kinds == set(EVENTS)
    assert len(EVENTS) == 3


def test_the_comparison_sees_what_differs() -> None:
    expected = EVENTS["status_update"]
    good = {"machine_id": "vm_001", "status": "idle", "mode": "TESTE", "timestamp": "2026-01-01"}
    assert differences(good, expected) == []
    assert len(differences({**good, "mode": "RUN"}, expected)) == 1
    assert len(differences({**good, "timestamp": 5}, expected)) == 1
    assert len(differences({**good, "more": 1}, expected)) == 1
    assert len(differences({}, expected)) == 4
