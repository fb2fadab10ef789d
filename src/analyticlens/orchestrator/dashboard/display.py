"""What a machine's page and tile say it is: the worst of connection, state and what became of the last change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from analyticlens.protocol.heartbeat import STALE_SECONDS
from api import clock
from dashboard import sentences, words

if TYPE_CHECKING:
    from api.models import VirtualMachine

# From worst to normal. Priority 1 to 3 is an alarm's; 0 asks for nobody.
PRIORITY = {
    "offline": 1,
    "error": 1,
    "refused": 2,
    "late": 3,
    "maintenance": 0,
    "new": 0,
    "left": 0,
    "stopped": 0,
    "running": 0,
}
ORDER = {state: place for place, state in enumerate(PRIORITY)}
ICONS = {
    "offline": "wifi-off",
    "error": "triangle-alert",
    "refused": "triangle-alert",
    "late": "clock",
    "maintenance": "wrench",
    "new": "circle-dot",
    "left": "power",
    "stopped": "square",
    "running": "play",
}
NOT_APPLIED = ("rejected", "rolled_back")


@dataclass(frozen=True)
class Display:
    """A machine's display state."""

    state: str
    age: float | None
    why: str

    @property
    def priority(self) -> int:
        """Alarm priority, 0 for none."""
        return PRIORITY[self.state]

    @property
    def priority_sign(self) -> str:
        """The priority's sign."""
        return f"p{self.priority}"

    @property
    def word(self) -> str:
        """The state's word."""
        return words.state(self.state)

    @property
    def icon(self) -> str:
        """The state's icon."""
        return ICONS[self.state]

    @property
    def late(self) -> bool:
        """Whether what is known is old."""
        return self.age is not None and self.age > STALE_SECONDS

    @property
    def rank(self) -> int:
        """Place from worst to normal."""
        return ORDER[self.state]


def display(machine: VirtualMachine) -> Display:
    """Return what machine is to be shown as."""
    age = _age(machine)
    state = _state(machine, age)
    return Display(state, age, _why(machine, state, age))


def _age(machine: VirtualMachine) -> float | None:
    if machine.last_heartbeat is None:
        return None
    return max(0.0, (clock.wall() - machine.last_heartbeat).total_seconds())


def _state(machine: VirtualMachine, age: float | None) -> str:
    if machine.status == "maintenance":
        return "maintenance"
    if age is None:
        return "new"
    if machine.status == "offline":
        return "offline"
    if machine.connection_status != "connected":
        return "left" if machine.left_at else "offline"
    return _connected_state(machine, age)


def _connected_state(machine: VirtualMachine, age: float) -> str:
    if machine.status == "error":
        return "error"
    if machine.apply_state in NOT_APPLIED:
        return "refused"
    if age > STALE_SECONDS:
        return "late"
    return "running" if machine.status == "running" else "stopped"


def _why(machine: VirtualMachine, state: str, age: float | None) -> str:
    """One sentence: why someone is needed, or what a person should know."""
    match state:
        case "offline":
            return gettext("Offline since {when}").format(when=words.moment(machine.last_heartbeat))
        case "left":
            return gettext("Signed off {when}").format(when=words.moment(machine.left_at))
        case "error":
            return sentences.said(machine.error_message) or gettext("The machine reports an error.")
        case "refused":
            return gettext("Refused a change: {words}").format(
                words=sentences.said(machine.apply_error) or gettext("it did not say why")
            )
        case "late":
            return gettext("No news for {age}").format(age=words.span(age or 0))
        case "new":
            return gettext("It has not reported yet.")
    return ""
