"""The fleet: every machine a person may see as a tile, those that need someone first, and five figures over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import count
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from api.models import VirtualMachine
from api.scope import machines_for
from dashboard import words
from dashboard.display import Display, display
from dashboard.shell import may
from dashboard.strip import Strip
from results.tally import Counts, Mark, last60, today

CHIPS = ("all", "attention", "stopped", "test")
AT_REST = {"stopped", "left", "maintenance"}
MOST_ASKED = 1000


class Tile:
    """One machine as the fleet shows it."""

    def __init__(self, machine: VirtualMachine, marks: Sequence[Mark], counts: Counts, asked: bool = True) -> None:
        self.machine = machine
        self.machine_id = machine.machine_id
        self.name = machine.name
        self.display: Display = display(machine)
        self.strip = Strip(marks)
        self.verdict = marks[-1].verdict if marks else None
        self.counts = counts
        self.asked = asked

    @property
    def address(self) -> str:
        """Where its page is."""
        return _address_of(self.machine_id)

    @property
    def look(self) -> str:
        """The tile's classes: its state, its priority where it has one, and whether what it says is old."""
        classes = ["tile", self.state, f"p{self.priority}" if self.priority else "", "late" if self.late else ""]
        return " ".join(filter(None, classes))

    @property
    def verdict_look(self) -> str:
        """The verdict's classes: only one of a machine that needs someone stands out."""
        calm = self.verdict == "ok" or not self.alarming
        return f"verdict calm {self.verdict}" if calm else f"verdict {self.verdict}"

    @property
    def verdict_word(self) -> str:
        """The last verdict's word."""
        return words.verdict(self.verdict)

    @property
    def state(self) -> str:
        """The display state."""
        return self.display.state

    @property
    def state_word(self) -> str:
        """The display state's word."""
        return self.display.word

    @property
    def state_icon(self) -> str:
        """The display state's icon."""
        return self.display.icon

    @cached_property
    def priority(self) -> int:
        """Alarm priority, 0 for none."""
        return self.display.priority

    @property
    def priority_sign(self) -> str:
        """The priority's sign."""
        return self.display.priority_sign

    @property
    def alarming(self) -> bool:
        """Whether someone is needed."""
        return self.priority > 0

    @property
    def why(self) -> str:
        """Why someone is needed, or what a person should know."""
        return self.display.why

    @property
    def note(self) -> str:
        """What a tile that needs nobody says beside its state."""
        return "" if self.alarming else self.why

    @property
    def late(self) -> bool:
        """Whether what the tile says is old."""
        return self.display.late and self.state not in {"left", "new"}

    @property
    def heard(self) -> bool:
        """Whether the age of the news counts on."""
        return self.age is not None and self.state != "left"

    @property
    def age(self) -> float | None:
        """Seconds since the newest heartbeat."""
        return self.display.age

    @property
    def age_data(self) -> str:
        """The same for the page's script: a number in no language."""
        return f"{self.age or 0:.1f}"

    @property
    def short_mode(self) -> str:
        """TEST or DEV; production is the unmarked normal."""
        return words.short_mode(self.machine.reported_mode or self.machine.mode)

    @property
    def insecure(self) -> bool:
        """Whether the machine answers the old protocol without a token."""
        return bool(self.machine.reported.get("insecure_legacy"))

    @property
    def parts(self) -> int:
        """Parts counted today."""
        return self.counts.inspected

    @property
    def yield_percent(self) -> float | None:
        """Yield of today in percent."""
        share = self.counts.share_ok
        return None if share is None else 100 * share

    @property
    def rate(self) -> float | None:
        """Inspections a minute as the machine reports them, while it runs."""
        if self.state != "running":
            return None
        return 60 * float(self.machine.reported.get("fps") or 0)

    def matches(self, query: str) -> bool:
        """Whether query is part of its name or id."""
        wanted = query.casefold()
        return wanted in self.machine_id.casefold() or wanted in self.name.casefold()

    def is_in(self, chip: str) -> bool:
        """Whether the tile belongs to a chip's choice."""
        match chip:
            case "attention":
                return self.alarming
            case "stopped":
                return self.state in AT_REST
            case "test":
                return bool(self.short_mode)
        return True


# Looking an address up takes as long as drawing half a tile.
@lru_cache(maxsize=4096)
def _address_of(machine_id: str) -> str:
    return reverse("machine", args=[machine_id])


class Chip(NamedTuple):
    """A choice of states."""

    label: str
    machines: int
    href: str
    current: bool


@dataclass(frozen=True)
class Figures:
    """The five figures, over all machines whatever the filter says."""

    all: int
    fine: int
    attention: int
    worst: str
    stopped: int
    parts: int
    yield_percent: float | None


class Fleet:
    """What the page shows, asked for by its address."""

    def __init__(self, request: HttpRequest) -> None:
        query = request.GET.dict()
        self._seen = machines_for(request.user)
        self.query = query.get("q", "").strip()[:100]
        chip = query.get("state", "all")
        self.chip = chip if chip in CHIPS else "all"
        ids = query.get("ids", "")
        self.only = set(ids.split(",")[:MOST_ASKED]) if ids else None

    @cached_property
    def machines(self) -> list[Tile]:
        """Every machine of whoever asks that is not retired, by its id."""
        # What a machine is to be, and its recipe, are long texts of which a tile shows nothing.
        known = self._seen.defer("configuration", "inspection_config", "description")
        rows = list(known.filter(is_active=True).order_by("machine_id"))
        strips, counts = last60(rows), today(rows)
        return [
            Tile(row, strips[row.pk], counts[row.pk], self.only is None or row.machine_id in self.only) for row in rows
        ]

    @cached_property
    def found(self) -> list[Tile]:
        """Those the typed filter leaves."""
        return [tile for tile in self.machines if not self.query or tile.matches(self.query)]

    @cached_property
    def shown(self) -> list[Tile]:
        """Those in the grid, in their fixed order."""
        return [tile for tile in self.found if tile.is_in(self.chip)]

    @cached_property
    def attention(self) -> list[Tile]:
        """Those that need someone, worst first."""
        return sorted((tile for tile in self.shown if tile.alarming), key=lambda tile: tile.display.rank)

    @property
    def attention_ids(self) -> str:
        """Their order, for the page's script."""
        return " ".join(tile.machine_id for tile in self.attention)

    @property
    def shown_ids(self) -> str:
        """The grid's order, for the page's script."""
        return " ".join(tile.machine_id for tile in self.shown)

    @cached_property
    def figures(self) -> Figures:
        """The five figures."""
        alarming = [tile for tile in self.machines if tile.alarming]
        parts = sum(tile.parts for tile in self.machines)
        good = sum(tile.counts.ok for tile in self.machines)
        return Figures(
            all=len(self.machines),
            fine=sum(tile.state == "running" for tile in self.machines),
            attention=len(alarming),
            worst=min((tile.priority_sign for tile in alarming), default=""),
            stopped=sum(tile.state in AT_REST for tile in self.machines),
            parts=parts,
            yield_percent=100 * good / parts if parts else None,
        )

    @property
    def chips(self) -> list[Chip]:
        """The choices of states with how many there are of each."""
        labels = {
            "all": pgettext("machines", "All"),
            "attention": pgettext("machines", "Abnormal"),
            "stopped": pgettext("machines", "Stopped"),
            "test": pgettext("machines", "In test"),
        }
        return [
            Chip(label, sum(tile.is_in(chip) for tile in self.found), self._address(chip), chip == self.chip)
            for chip, label in labels.items()
        ]

    def _address(self, chip: str) -> str:
        kept = {"q": self.query, "state": "" if chip == "all" else chip}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{reverse('fleet')}?{query}" if query else reverse("fleet")

    @property
    def live_url(self) -> str:
        """Where the page's script asks for fresh tiles, under the same filter."""
        query = urlencode({"q": self.query, "state": self.chip})
        return f"{reverse('fleet_tiles')}?{query}"

    @property
    def free_id(self) -> str:
        """An id no machine has, for the words that say how to add one."""
        taken = set(VirtualMachine.objects.values_list("machine_id", flat=True))
        return next(name for number in count(1) if (name := f"vm_{number:03}") not in taken)

    @property
    def title(self) -> str:
        """The page's title."""
        return gettext("Fleet")


@require_safe
def fleet(request: HttpRequest) -> HttpResponse:
    """The first page: how is everything?"""
    here = request.build_absolute_uri("/").rstrip("/")
    may_add = may(request, "engineer")
    return render(request, "dashboard/fleet.html", {"fleet": Fleet(request), "here": here, "may_add": may_add})


@require_safe
def tiles(request: HttpRequest) -> HttpResponse:
    """The parts of the first page that may have changed: figures, order, and the tiles of `?ids=` (all when it is absent)."""
    return render(request, "dashboard/_fleet_parts.html", {"fleet": Fleet(request)})
