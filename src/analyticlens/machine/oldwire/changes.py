"""What the old wire changes at the station: source, trigger, logging, tools. Patches are merged into what is there."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from analyticlens.machine.oldwire.logs import LogBook
from analyticlens.machine.oldwire.messages import current_tools
from analyticlens.machine.oldwire.refusal import Refused, refusing
from analyticlens.machine.station import SourceRefused, Station
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.oldwire import logging_from_wire, recipe_from_wire, source_from_wire, trigger_from_wire


class OldWire:
    """One machine's old wire: its station, its result logs, and one change at a time."""

    def __init__(self, station: Station, book: LogBook) -> None:
        self.station = station
        self.book = book
        # Each change reads what is there, merges and writes it back: two at once would lose one.
        self.changing = threading.Lock()
        # Two uploads at once would send the same files twice.
        self.sending = threading.Lock()

    def change_source(self, patch: Any, by: str) -> None:
        """Merge a source object. A kind that nobody knows is an error of the machine, as is a source that does not open."""
        with self.changing, refusing(500):
            current = self.station.status().configuration
            try:
                source = source_from_wire(patch, current.source)
            except ValueError as error:
                if isinstance(patch, Mapping) and "unknown source" in str(error):
                    self.station.set_error(str(error), by)
                raise
            self.station.set_configuration(_with(current, source=source), by)
            self.station.clear_error(by)

    def change_trigger(self, patch: Any, by: str) -> None:
        """Merge a trigger object."""
        with self.changing, refusing(500):
            current = self.station.status().configuration
            self._keep(_with(current, trigger=trigger_from_wire(patch, current.trigger)), by)

    def change_logging(self, patch: Any, by: str) -> None:
        """Merge a logging object."""
        with self.changing, refusing(500):
            current = self.station.status().configuration
            self._keep(_with(current, logging=logging_from_wire(patch, current.logging)), by)

    def change_inspection(self, patch: Any, by: str) -> None:
        """Merge an inspection object by key; `tools` is the one key there is."""
        with self.changing, refusing(500):
            if not isinstance(patch, Mapping):
                raise ValueError("an inspection configuration is an object")
            for key in patch:
                if key != "tools":
                    raise ValueError(f"unknown key {key!r}")
            if "tools" in patch:
                self._set_tools(patch["tools"], by)

    def put_tool(self, tool: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Replace the tool of the same id and name in place, or append it, with a fresh id where its own was taken."""
        with self.changing, refusing(500):
            if _number(tool) is None or "id" not in tool or not tool.get("name"):
                raise ValueError("Tool precisa de 'id' (inteiro) e 'name'")
            tools = current_tools(self.station.status()) or []
            numbers = [_number(other) for other in tools]
            for place, other in enumerate(tools):
                if (_number(other), other.get("name")) == (tool["id"], tool["name"]):
                    tools[place] = dict(tool)
                    self._set_tools(tools, by)
                    return _told(tool, "updated", tools)
            taken = tool["id"] in numbers
            added = {**tool, "id": max(number for number in numbers if number is not None) + 1 if taken else tool["id"]}
            tools.append(added)
            self._set_tools(tools, by)
            return _told(added, "added", tools)

    def delete_tool(self, number: int, by: str) -> dict[str, Any]:
        """Remove the tool of this id."""
        with self.changing, refusing(500):
            tools = current_tools(self.station.status()) or []
            for place, tool in enumerate(tools):
                if _number(tool) == number:
                    del tools[place]
                    self._set_tools(tools, by)
                    return _told({**tool, "id": number}, "deleted", tools)
            raise Refused(500, f"Tool com ID {number} não encontrada")

    def _keep(self, configuration: Configuration, by: str) -> None:
        """Set a configuration whose source is what it was; that this one does not open is the machine's error, not the client's."""
        with suppress(SourceRefused):
            self.station.set_configuration(configuration, by)

    def _set_tools(self, tools: Any, by: str) -> None:
        recipe = recipe_from_wire(tools)
        self.station.set_recipe(recipe, by, [dict(tool) for tool in tools])


def _with(configuration: Configuration, **parts: Any) -> Configuration:
    return configuration.model_copy(update=parts)


def _number(tool: Mapping[str, Any]) -> int | None:
    number = tool.get("id", tool.get("order_index"))
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _told(tool: Mapping[str, Any], action: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"tool_id": tool["id"], "tool_name": tool.get("name"), "action": action, "total_tools": len(tools)}
