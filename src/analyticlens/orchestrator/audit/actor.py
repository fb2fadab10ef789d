"""Who acts. Set once a request, command or machine's call; every entry written meanwhile carries it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["user", "machine", "system", "local"]


@dataclass(frozen=True)
class Actor:
    """Text about who acted: it outlives the account. `name` is a user name, a machine_id, a process or `local:<address>`.

    `through` names the session or token a person acts with, told from every other one and no secret; `fence` is the taking of control
    they say they act under, where they say one.
    """

    kind: ActorKind
    name: str
    address: str | None = None
    user_id: int | None = None
    through: str = ""
    fence: int | None = None

    def __str__(self) -> str:
        return self.name


# A request's user is looked up only when something is written, so a page that writes nothing asks nothing.
_actor: ContextVar[Actor | Callable[[], Actor] | None] = ContextVar("actor", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


def current_actor() -> Actor:
    """Return who acts now; outside of a request or command, the process' own account."""
    found = _actor.get()
    if found is None:
        return Actor("system", f"process:{_account()}")
    return found if isinstance(found, Actor) else found()


def current_reason() -> str:
    """Return why, as far as somebody said."""
    return _reason.get()


@contextmanager
def acting(actor: Actor | Callable[[], Actor] | None, reason: str = "") -> Iterator[None]:
    """Make actor (None: whoever acts already) and reason those of every entry written inside."""
    actor_token = _actor.set(actor) if actor is not None else None
    reason_token = _reason.set(reason) if reason else None
    try:
        yield
    finally:
        if actor_token:
            _actor.reset(actor_token)
        if reason_token:
            _reason.reset(reason_token)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
