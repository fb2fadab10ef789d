"""Desired state: what people asked the machine to be, as numbered versions; one-shot commands beside it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from analyticlens.protocol.canonical import sha256_of
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import Count, LongText, MachineId, Number, Sha256, ShortText, Strict
from analyticlens.protocol.words import Mode, RunState

RecipeOrigin = Literal["published", "local", "draft"]


class DesiredBody(Strict):
    """What a desired version carries."""

    configuration: Configuration = Configuration()
    """What makes the station."""
    run_state: RunState = "stopped"
    """Whether it shall inspect."""
    run_generation: Count = 0
    """A restart is a new version with this one higher."""
    mode: Mode = "TESTE"
    """Whether its results count."""
    recipe_sha256: Sha256 | None = None
    """What it shall look for."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the body's canonical JSON."""
        return sha256_of(self)


class Command(Strict):
    """A one-shot act; it runs at most once."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f-]{32,36}$")]
    """Chosen by the client: the same id is the same command."""
    kind: Literal["trigger", "snapshot", "clear_error", "test_source"]
    """What to do."""
    args: dict[str, Any] = {}
    """What it needs."""
    ttl_ms_left: Annotated[int, Field(ge=0, le=86_400_000, json_schema_extra={"unit": "ms"})] = 10_000
    """Life left at its receipt, by the machine's monotonic clock."""
    fence: Count = 0
    """The taking of control it was asked under: after a newer one it is not carried out."""


CommandState = Literal["queued", "started", "done", "failed", "refused", "expired", "unknown"]


class CommandReport(Strict):
    """POST commands/{id}: what became of it."""

    state: Literal["started", "done", "failed", "refused", "expired", "unknown"]
    """unknown: a crash came in between; it is not repeated."""
    message: LongText = ""
    """The machine's words."""
    result: dict[str, Any] = {}
    """What it brought."""


class DesiredDocument(Strict):
    """GET desired: the newest version with its recipe, and the commands that wait."""

    version: Count = 0
    """0: nothing was asked yet."""
    sha256: Sha256 | None = None
    """Of the body's canonical JSON."""
    body: DesiredBody | None = None
    """What the machine shall be."""
    recipe: Recipe | None = None
    """The recipe the body names."""
    recipe_number: Number | None = None
    """Its number at the orchestrator."""
    recipe_origin: RecipeOrigin = "published"
    """Where it came from. A draft is an edit in development: it never runs in production."""
    author: ShortText = ""
    """Who asked."""
    reason: LongText = ""
    """Why."""
    commands: list[Command] = []
    """One-shot acts that wait."""
    watched: bool = False
    """Someone looks at this machine's live picture."""
    fence: Count = 0
    """The newest taking of control of this machine; 0: nobody ever took it."""


class LocalChange(Strict):
    """PUT desired, with If-Match: a change made at the machine becomes the next version."""

    body: DesiredBody
    """What the machine has made of itself."""
    recipe: Recipe | None = None
    """The recipe the body names, when the orchestrator may not know it."""
    recipe_origin: RecipeOrigin = "local"
    """local: it was set at the machine. Else it is what the orchestrator gave it as."""
    author: Annotated[str, Field(pattern=r"^local:.{0,100}$")]
    """local: and the address it came from."""
    reason: LongText = "changed at the machine"
    """Why."""


class EnrolRequest(Strict):
    """POST enrol, without a token."""

    machine_id: MachineId
    """Who asks."""
    code: ShortText
    """The one-time code."""
    app_version: ShortText = ""
    """Version of the machine's software."""


class TokenAnswer(Strict):
    """A machine token, shown this once."""

    machine_id: MachineId
    """Whose it is."""
    token: ShortText
    """Bearer of the machine door."""
    instance_id: ShortText
    """The orchestrator's instance."""
