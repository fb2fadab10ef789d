"""A typed client of the orchestrator's REST: what a program needs to see machines and to steer them.

with Client("https://lens.plant.local", token) as lens:
    for machine in lens.machines(status="error"):
        lens.restart(machine.machine_id, reason="nightly")
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from analyticlens.protocol.errors import ErrorAnswer

A = TypeVar("A", bound="Answer")
ROOT = "/api/v1/"
SECONDS = 15.0


class Refused(Exception):
    """What was asked was not done. `str()` is one sentence; `status` and `code` are for programs, `details` what they need to go on."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details


class Unreachable(Exception):
    """The orchestrator does not answer, or something else does."""


class Answer(BaseModel):
    """What REST says; a newer orchestrator may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Machine(Answer):
    """A machine: who it is, what was asked of it, what it says of itself. `docs/rest.md` tells the fields."""

    machine_id: str
    name: str
    description: str
    owner: str
    is_active: bool
    link_kind: str
    status: str
    connection_status: str
    error_message: str
    last_heartbeat: datetime | None
    mode: str
    reported_mode: str
    desired_version: int
    reported_version: int
    apply_state: str
    apply_error: str
    published_recipe: str
    reported_recipe: str
    source: dict[str, Any]
    trigger: dict[str, Any]

    @property
    def settled(self) -> bool:
        """Whether it has what was asked last, as it says."""
        return self.reported_version >= self.desired_version


class Asked(Answer):
    """The version that asks something of a machine."""

    version: int
    sha256: str
    body: dict[str, Any]
    author: str
    reason: str
    created_at: datetime


class Command(Answer):
    """A one-shot act, and what became of it."""

    id: uuid.UUID
    kind: str
    state: str
    message: str
    expires_at: datetime


class Client:
    """Talks to one orchestrator with one token. Not for several threads at once."""

    def __init__(self, server: str, token: str, *, seconds: float = SECONDS, verify: bool | str = True) -> None:
        """Talk to `server`, such as https://lens.plant.local; `verify` may be the file of an authority of your own."""
        self._http = httpx2.Client(
            base_url=server.rstrip("/"),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=seconds,
            verify=verify,
            # The token is for this server: not for one an answer points to, and not for a proxy.
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    # Machines

    def machines(self, **chosen: str) -> Iterator[Machine]:
        """Yield the machines by machine_id. Raises Refused, Unreachable.

        chosen: status, connection_status, mode, link_kind, is_active, search.
        """
        yield from map(self._machine, self._rows("machines/", chosen))

    def machine(self, machine_id: str) -> Machine:
        """Return one machine. Raises Refused (404 where there is none), Unreachable."""
        return self._machine(self._call("GET", _of(machine_id)))

    def start(self, machine_id: str, *, reason: str = "", if_version: int | None = None) -> Asked:
        """Ask a machine to run. Raises Refused, with 409 where that is not possible now and 412 where `if_version` is not the newest."""
        return self._ask(machine_id, "start", reason, if_version)

    def stop(self, machine_id: str, *, reason: str = "", if_version: int | None = None) -> Asked:
        """Ask a machine to stop. Raises Refused, Unreachable."""
        return self._ask(machine_id, "stop", reason, if_version)

    def restart(self, machine_id: str, *, reason: str = "", if_version: int | None = None) -> Asked:
        """Ask a machine to rebuild source and engine, and run. Raises Refused, Unreachable."""
        return self._ask(machine_id, "restart", reason, if_version)

    def ask(self, machine_id: str, *, reason: str, if_version: int | None = None, **wish: Any) -> Asked:
        """Ask a machine to be something; what is not named stays. Raises Refused, Unreachable.

        wish: mode, run_state, recipe_sha256, configuration (a dict of what shall change).
        """
        headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
        return _read(Asked, self._call("PATCH", f"{_of(machine_id)}desired/", {"reason": reason, **wish}, headers))

    def trigger(self, machine_id: str, *, ttl: float = 10.0, key: uuid.UUID | str | None = None) -> Command:
        """Ask for one inspection within `ttl` seconds; with the same `key` it is the same one. Raises Refused, Unreachable."""
        headers = {"Idempotency-Key": str(key or uuid.uuid4())}
        return _read(Command, self._call("POST", f"{_of(machine_id)}trigger/", {"ttl": ttl}, headers))

    # Results

    def results(self, **chosen: str) -> Iterator[dict[str, Any]]:
        """Yield results, newest first; chosen: machine, verdict, simulated, part_id, since, until. Raises Refused, Unreachable."""
        yield from self._rows("results/", chosen)

    def _ask(self, machine_id: str, act: str, reason: str, if_version: int | None) -> Asked:
        headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
        return _read(Asked, self._call("POST", f"{_of(machine_id)}{act}/", {"reason": reason}, headers))

    @staticmethod
    def _machine(row: dict[str, Any]) -> Machine:
        return _read(Machine, row)

    def _rows(self, address: str, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of all pages."""
        page = self._call("GET", address, params={**chosen, "limit": "500"})
        while True:
            yield from page["results"]
            if not page.get("next"):
                return
            cursor = httpx2.URL(page["next"]).params["cursor"]
            page = self._call("GET", address, params={**chosen, "limit": "500", "cursor": cursor})

    def _call(
        self,
        method: str,
        address: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            answer = self._http.request(method, ROOT + address, json=body, headers=headers, params=params)
        except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
            raise Unreachable(f"the orchestrator does not answer: {problem}") from None
        try:
            said = answer.json()
        except ValueError:
            said = None
        if answer.is_success and isinstance(said, dict):
            return said
        try:
            error = ErrorAnswer.model_validate(said).error
        except ValidationError:
            raise Unreachable(f"what answers there is no orchestrator (status {answer.status_code})") from None
        raise Refused(answer.status_code, error.code, error.message, error.details)


def _of(machine_id: str) -> str:
    return f"machines/{quote(machine_id, safe='')}/"


def _read(kind: type[A], said: dict[str, Any]) -> A:
    try:
        return kind.model_validate(said)
    except ValidationError:
        raise Unreachable("what answers there speaks another language than this client") from None
