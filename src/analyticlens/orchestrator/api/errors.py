"""What can be wrong with an act, one exception an answer: each wing turns them into its answers at one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext as _

from audit import Actor, acting
from audit.models import record_refusal

if TYPE_CHECKING:
    from django.db.models import Model

    from api.models import DesiredVersion


class Refused(Exception):
    """An act that was not done. `str()` is one sentence for the person; `status` and `code` are for the answer."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"


class BadInput(Refused):
    """What was asked makes no sense."""

    code = "bad_input"


class NotNow(Refused):
    """It makes sense, but not in the state the machine is in."""

    status = 409
    code = "not_now"


class StaleVersion(Refused):
    """Somebody asked for something else meanwhile; `current` is the version in force (None: nothing was asked yet)."""

    status = 412
    code = "stale_version"

    def __init__(self, current: DesiredVersion | None) -> None:
        self.current = current
        self.version = current.version if current else 0
        sentence = _("Somebody changed this machine meanwhile; it is at version %(version)s now.")
        super().__init__(sentence % {"version": self.version})


class StaleGroup(Refused):
    """Somebody changed what a group shares meanwhile; `version` is the newest one."""

    status = 412
    code = "stale_version"

    def __init__(self, version: int) -> None:
        self.version = version
        sentence = _("Somebody changed this group meanwhile; it is at version %(version)s now.")
        super().__init__(sentence % {"version": version})


class StaleTag(Refused):
    """Somebody edited it meanwhile; `tag` stands for what it is now."""

    status = 412
    code = "stale_version"

    def __init__(self, tag: str) -> None:
        self.tag = tag
        super().__init__(_("Somebody changed this meanwhile."))


class Unreachable(Refused):
    """The machine does not answer."""

    status = 502
    code = "unreachable"


@contextmanager
def telling(verb: str, subject: Model, by: Actor) -> Iterator[None]:
    """Leave an entry about what is refused inside. A machine is not told of: it asks again by itself, over and over."""
    try:
        yield
    except Refused as refusal:
        if by.kind in {"user", "system"}:
            with acting(by):
                record_refusal(verb, subject, str(refusal))
        raise
