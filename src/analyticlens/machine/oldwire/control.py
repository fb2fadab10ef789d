"""The commands of /api/control: one function a command, each returning what it answers besides `success`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analyticlens.machine.oldwire.changes import OldWire
from analyticlens.machine.oldwire.refusal import Refused, refusing
from analyticlens.protocol.words import incoming_mode

Params = Mapping[str, Any]


def _start(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    with refusing(400):
        # Old clients compare this sentence to learn that it was running.
        return {} if wire.station.start(by) else {"message": "Inspeção já está rodando"}


def _stop(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    wire.station.stop(by)
    return {}


def _trigger(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    with refusing(400):
        wire.station.trigger(by)
    return {"message": "Trigger pedido"}


def _change_mode(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    word = params.get("mode")
    try:
        mode = incoming_mode(str(word), wire.station.status().mode)
    except ValueError:
        raise Refused(400, f"Modo inválido: {word!r}; os modos são TESTE e RUN") from None
    with refusing(500):
        wire.station.set_mode(mode, by)
    return {"new_mode": word}


def _update_inspection(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    wire.change_inspection(params.get("config", {}), by)
    return {}


def _config_tool(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    if not params:
        raise Refused(400, "Faltam os parâmetros da tool")
    return wire.put_tool(params, by)


def _delete_tool(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    number = params.get("id")
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise Refused(400, "O parâmetro 'id' da tool é um número inteiro")
    return wire.delete_tool(number, by)


def _clear_logs(wire: OldWire, params: Params, by: str) -> dict[str, Any]:
    cleared = wire.book.clear()
    return {"removed": cleared.removed, "errors": cleared.errors, "remaining": cleared.remaining}


COMMANDS: dict[str, Callable[[OldWire, Params, str], dict[str, Any]]] = {
    "start_inspection": _start,
    "stop_inspection": _stop,
    "trigger": _trigger,
    "change_mode": _change_mode,
    "update_inspection_config": _update_inspection,
    "config_tool": _config_tool,
    "delete_tool": _delete_tool,
    "clear_logs": _clear_logs,
}


def carry_out(wire: OldWire, body: Mapping[str, Any], by: str) -> dict[str, Any]:
    """Carry out `{"command": …, "params": {…}}`; return the answer. Raises Refused."""
    name, params = body.get("command"), body.get("params") or {}
    command = COMMANDS.get(name) if isinstance(name, str) else None
    if command is None:
        raise Refused(400, "Comando desconhecido")
    if not isinstance(params, Mapping):
        raise Refused(400, "'params' é um objeto")
    return {"success": True, **command(wire, params, by)}
