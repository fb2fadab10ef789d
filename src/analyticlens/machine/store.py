"""The machine's memory of what it is: one JSON file in the layout of the old machines, with ours under one key of its own.

Written whole or not at all: temporary file, fsync, rename, fsync of the folder. A `.last-good` copy stands beside it for the day the
disk tears the file itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from analyticlens.machine import clock
from analyticlens.machine.whole import write_whole
from analyticlens.protocol import oldwire
from analyticlens.protocol.canonical import sha256_of, strict_loads
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.desired import RecipeOrigin
from analyticlens.protocol.heartbeat import Applied
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import Strict, plain
from analyticlens.protocol.words import Mode, RunState, incoming_mode, wire_mode

OURS = "analyticlens"


class PendingChange(Strict):
    """A change made at the machine that the orchestrator did not hear of yet. `base` is the version it was made on."""

    base: int
    author: str
    reason: str
    serial: int = 1


class Pipeline(Strict):
    """What one desired version makes the machine run."""

    configuration: Configuration = Configuration()
    recipe: Recipe | None = None
    wire_tools: tuple[dict[str, Any], ...] | None = Field(
        None, description="The recipe's spelling on the old wire, as it was sent."
    )
    recipe_origin: RecipeOrigin = Field("local", description="A draft of the orchestrator's never runs in production.")
    mode: Mode = "TESTE"
    config_version: int = 0

    def in_mode(self, mode: Mode) -> Pipeline:
        """Return this pipeline in a mode. A draft is left behind by production: it judges nothing until the orchestrator names a recipe."""
        changes: dict[str, Any] = {"mode": mode}
        if mode == "PRODUCAO" and self.recipe_origin == "draft":
            changes |= {"recipe": None, "wire_tools": None, "recipe_origin": "published"}
        return self.model_copy(update=changes)

    def with_recipe(self, recipe: Recipe, wire_tools: tuple[dict[str, Any], ...] | None) -> Pipeline:
        """Return this pipeline with a recipe that was set here. The recipe it has, set again, stays what it is."""
        same = self.recipe is not None and self.recipe.sha256 == recipe.sha256
        origin = self.recipe_origin if same else "local"
        return self.model_copy(update={"recipe": recipe, "wire_tools": wire_tools, "recipe_origin": origin})


class Kept(Strict):
    """Everything that survives a restart beside the outbox."""

    format: Literal[1] = 1
    configured: bool = Field(False, description="Whether anybody ever said what this machine is.")
    pipeline: Pipeline = Pipeline()
    last_good: Pipeline | None = None
    run_state: RunState = "stopped"
    run_generation: int = 0
    error_text: str = Field("", description="An error somebody set, until somebody clears it.")
    applied: Applied = Applied()
    applied_sha256: str = Field(
        "", description="Of the newest version looked at: a restored orchestrator may use its number anew."
    )
    pending: PendingChange | None = None

    @property
    def blobs(self) -> frozenset[str]:
        """What the recipes and configurations it runs, or may go back to, name."""
        pipelines = [pipeline for pipeline in (self.pipeline, self.last_good) if pipeline is not None]
        recipes = [pipeline.recipe for pipeline in pipelines if pipeline.recipe is not None]
        references = [pipeline.configuration.health.reference for pipeline in pipelines]
        return frozenset(filter(None, [*references, *(name for recipe in recipes for name in recipe.blobs)]))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: the state, seconds between old-wire results in RUN, and a sentence when something was wrong with the file."""

    kept: Kept
    websocket_update_seconds: float = 1.0
    complaint: str = ""


class Store:
    """The configuration file of one machine."""

    def __init__(self, path: Path, machine_id: str, django_url: str) -> None:
        """Use the file at path; it is made with the first save."""
        self.path = path
        self.last_good_path = path.with_name(path.name + ".last-good")
        self._machine_id = machine_id
        self._django_url = django_url
        self._websocket_update_seconds = 1.0

    def load(self) -> Loaded:
        """Read the file; one that cannot be read is set aside for its last good copy, and without one the machine begins anew.

        Set aside is kept: it is renamed, so that nothing a person made is overwritten by what the machine saves next.
        """
        complaint = ""
        for path in (self.path, self.last_good_path):
            try:
                loaded = self._read(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                complaint = complaint or f"{path.name} cannot be read ({error}); the last good copy is used"
                continue
            except ValueError as error:
                aside = _set_aside(path)
                complaint = (
                    complaint
                    or f"{path.name} cannot be read ({error}), it is now {aside.name}; the last good copy is used"
                )
                continue
            self._websocket_update_seconds = loaded.websocket_update_seconds
            return Loaded(loaded.kept, loaded.websocket_update_seconds, complaint or loaded.complaint)
        return Loaded(Kept(), complaint=complaint and f"{complaint}; there is none, so the machine begins anew")

    def save(self, kept: Kept, *, status: str, error_message: str, connection_status: str) -> None:
        """Write the whole state. Raises OSError; what was there before then still is."""
        old = self._old_layout(kept)
        data = {
            "machine_id": self._machine_id,
            "django_url": self._django_url,
            "status": status,
            "connection_status": connection_status,
            "error_msg": error_message,
            **old,
            "websocket_update_RUN_mode": self._websocket_update_seconds,
            "last_saved": clock.wall_text(),
            OURS: {"old_sha256": sha256_of(old), **plain(kept)},
        }
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path, text.encode())
        write_whole(self.last_good_path, text.encode())

    def _old_layout(self, kept: Kept) -> dict[str, Any]:
        """Return the part of the file that old programs and people edit."""
        pipeline = kept.pipeline
        tools = pipeline.wire_tools
        if tools is None and pipeline.recipe is not None:
            tools = tuple(oldwire.recipe_to_wire(pipeline.recipe))
        return {
            "mode": wire_mode(pipeline.mode),
            "inspection_config": {} if tools is None else {"tools": list(tools)},
            "source_config": oldwire.source_to_wire(pipeline.configuration.source),
            "trigger_config": oldwire.trigger_to_wire(pipeline.configuration.trigger),
            "logging": oldwire.logging_to_wire(pipeline.configuration.logging),
        }

    def _read(self, path: Path) -> Loaded:
        data = strict_loads(path.read_bytes())
        if not isinstance(data, dict):
            raise ValueError("it holds no object")
        seconds = _seconds(data.get("websocket_update_RUN_mode", 1.0))
        ours = data.get(OURS)
        if ours is None:
            return Loaded(_from_old(data, Kept()), seconds)
        if not isinstance(ours, dict):
            raise ValueError(f"{OURS} is no object")
        known = {key: value for key, value in ours.items() if key != "old_sha256"}
        kept = Kept.model_validate_json(json.dumps(known))
        old = {key: data.get(key) for key in self._old_layout(kept)}
        if sha256_of(old) == ours.get("old_sha256"):
            return Loaded(kept, seconds)
        # Somebody edited the old words by hand: they meant it.
        try:
            return Loaded(_from_old(data, kept), seconds, "the configuration file was edited by hand")
        except ValueError as error:
            return Loaded(kept, seconds, f"an edit of the configuration file was not understood: {error}")


def _set_aside(path: Path) -> Path:
    """Rename a file nobody could read, beside itself and over none that was set aside before; return its new place."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 3600:
        raise ValueError("websocket_update_RUN_mode is no number of seconds from 0 to 3600")
    return float(value)


def _from_old(data: dict[str, Any], base: Kept) -> Kept:
    """Return the state an old machine's file tells, beside what base already knows. Raises ValueError with one sentence."""
    configuration = oldwire.configuration_from_wire(data, base.pipeline.configuration)
    inspection = data.get("inspection_config") or {}
    if not isinstance(inspection, dict):
        raise ValueError("inspection_config is no object")
    tools = inspection.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise ValueError("the tools of inspection_config are no list")
    recipe = None if tools is None else oldwire.recipe_from_wire(tools)
    spelling = None if tools is None else tuple(tools)
    pipeline = base.pipeline.model_copy(update={"configuration": configuration, "recipe": None, "wire_tools": None})
    if recipe is not None:
        pipeline = base.pipeline.model_copy(update={"configuration": configuration}).with_recipe(recipe, spelling)
    pipeline = pipeline.in_mode(incoming_mode(str(data.get("mode", "TESTE")), base.pipeline.mode))
    run_state: RunState = "running" if data.get("status") == "running" else base.run_state
    return base.model_copy(update={"pipeline": pipeline, "run_state": run_state, "configured": True})
