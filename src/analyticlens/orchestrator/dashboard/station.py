"""What a machine's page shows: asked of the rows once, drawn whole or in the parts that change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext

from analyticlens.protocol.strict import plain
from dashboard import health, sentences, values, words
from dashboard.display import Display, display
from dashboard.overlay import Drawing, drawing
from dashboard.strip import Strip
from edge import live, twins
from recipes.models import RecipeVersion
from results.models import InspectionResult, StoredPicture
from results.pictures import stored
from results.tally import Mark, last60, newest, today

if TYPE_CHECKING:
    from api.models import DesiredVersion, Transition, VirtualMachine

SHOWN_VERSIONS = 10


@dataclass(frozen=True)
class Shown:
    """A picture on the page and what is drawn over it."""

    source: str
    drawing: Drawing | None
    cycle: int
    verdict: str | None
    when: str
    live: bool
    width: int
    height: int

    @property
    def ratio(self) -> int:
        """Width to height in tenths, for the style that keeps a picture inside the window."""
        return min(max(round(10 * self.width / self.height), 3), 30) if self.height else 15


@dataclass(frozen=True)
class StripMark:
    """One of the last sixty, with its link."""

    verdict: str
    href: str
    current: bool
    label: str


class Station:
    """A machine and, if one is named, the result a person looks at instead of the newest."""

    def __init__(self, machine: VirtualMachine, result: str | None = None) -> None:
        self.machine = machine
        self.frozen = result is not None
        self._wanted = result

    @cached_property
    def display(self) -> Display:
        """The machine's display state."""
        return display(self.machine)

    @property
    def age_data(self) -> str:
        """Seconds since the newest heartbeat, as a number in no language."""
        return f"{self.display.age or 0:.1f}"

    # The result and its picture

    @cached_property
    def result(self) -> InspectionResult | None:
        """The result that was named, else the newest."""
        if self._wanted is None:
            return newest([self.machine]).get(self.machine.pk)
        found = InspectionResult.objects.filter(machine=self.machine, pk=self._number(self._wanted)).first()
        if found is None:
            raise Http404
        return found

    @staticmethod
    def _number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Http404
        return int(text)

    @cached_property
    def shown(self) -> Shown | None:
        """The picture: live if there is a live one, else the result's own, else the newest one that was kept."""
        if not self.frozen and (frame := live.latest(self.machine)) is not None:
            return self._live(frame)
        if self.result is None:
            return None
        if self.frozen:
            named = self.result.picture_sha256
            return self._kept(self.result) if named and stored(named) else None
        # A verdict names its picture before the picture has come; until then the one before it is the newest.
        arrived = Exists(StoredPicture.objects.filter(sha256=OuterRef("picture_sha256")))
        # A newer result may have come since the verdict was read: a picture never runs ahead of the verdict beside it.
        here = self.result
        so_far = Q(epoch_no__lt=here.epoch_no) | Q(epoch_no=here.epoch_no, seq__lte=here.seq)
        kept = InspectionResult.objects.filter(arrived, so_far, machine=self.machine, picture_sha256__isnull=False)
        last = kept.order_by("-epoch_no", "-seq").first()
        return self._kept(last) if last else None

    @property
    def of_another(self) -> bool:
        """Whether the picture is of an earlier inspection than the verdict beside it."""
        return bool(self.shown and not self.shown.live and self.result and self.shown.cycle != self.result.cycle)

    def _live(self, newest_frame: live.Newest) -> Shown:
        frame = newest_frame.frame
        drawn = drawing(
            frame.width, frame.height, [plain(shape) for shape in frame.overlay], self._tools_of(frame.cycle)
        )
        source = f"{reverse('machine_frame', args=[self.machine.machine_id])}?v={newest_frame.number}"
        return Shown(source, drawn, frame.cycle, frame.verdict, "", True, frame.width, frame.height)

    def _tools_of(self, cycle: int) -> list[Any]:
        """Return the newest result's tools, for the badges' numbers; what they said, only where it was of this very cycle."""
        if self.result is None:
            return []
        if self.result.cycle == cycle:
            return list(self.result.tools)
        return [{"id": tool.get("id"), "status": "ok"} for tool in self.result.tools]

    def _kept(self, result: InspectionResult) -> Shown:
        drawn = drawing(result.frame_width, result.frame_height, result.overlay, result.tools)
        source = reverse("machine_picture", args=[self.machine.machine_id, result.picture_sha256])
        when = words.moment(result.received_at)
        return Shown(source, drawn, result.cycle, result.verdict, when, False, result.frame_width, result.frame_height)

    @property
    def tools(self) -> list[values.ToolRow]:
        """What the result's tools measured."""
        return values.rows(self.result.tools) if self.result else []

    @property
    def judging(self) -> tuple[int, int]:
        """How many of the judging tools are in order, and how many judge."""
        judged = [tool for tool in self.tools if tool.judged]
        return sum(tool.verdict == "ok" for tool in judged), len(judged)

    @property
    def cause(self) -> str:
        """Why the result is not ok: the first tool that says so, with its value; else the reason alone."""
        if self.result is None or self.result.verdict == "ok":
            return ""
        for tool in self.tools:
            if tool.verdict == self.result.verdict:
                return _cause_of(tool)
        return words.reason(self.result.reason) or sentences.said(self.result.message)

    # Counters and the last sixty

    @cached_property
    def marks(self) -> list[Mark]:
        """The newest results, oldest first."""
        return last60([self.machine])[self.machine.pk]

    @property
    def strip(self) -> Strip:
        """The same as a drawing."""
        return Strip(self.marks)

    @property
    def links(self) -> list[StripMark]:
        """The same as links, newest last."""
        here = reverse("machine", args=[self.machine.machine_id])
        current = self.result.pk if self.result else None
        return [
            StripMark(mark.verdict, f"{here}?result={mark.id}", mark.id == current, self._label(place, mark))
            for place, mark in enumerate(reversed(self.marks))
        ][::-1]

    @staticmethod
    def _label(back: int, mark: Mark) -> str:
        word = words.verdict(mark.verdict)
        return (
            gettext("{word}, the newest").format(word=word)
            if back == 0
            else gettext("{word}, {n} before").format(word=word, n=back)
        )

    @cached_property
    def counts(self) -> Any:
        """Today's counters."""
        return today([self.machine])[self.machine.pk]

    @property
    def yield_percent(self) -> float | None:
        """Today's yield in percent."""
        share = self.counts.share_ok
        return None if share is None else 100 * share

    @property
    def not_ok_in_a_row(self) -> int:
        """How many of the newest results were not OK, without an OK between them."""
        count = 0
        for mark in reversed(self.marks):
            if mark.verdict == "ok":
                break
            count += 1
        return count

    # What was asked and what runs

    @cached_property
    def asked(self) -> DesiredVersion | None:
        """The newest version people asked for."""
        return self.machine.desired()

    @property
    def in_step(self) -> bool:
        """Whether the machine runs what was asked."""
        return self.asked is None or self.asked.version == self.machine.reported_version

    @cached_property
    def versions(self) -> list[RecipeVersion]:
        """The newest recipe versions."""
        return list(RecipeVersion.objects.filter(machine=self.machine).order_by("-number")[:SHOWN_VERSIONS])

    @property
    def running_recipe(self) -> RecipeVersion | None:
        """The version of the recipe in force, where it is a known one."""
        sha256 = self.machine.reported_recipe
        if not sha256:
            return None
        return next((version for version in self.versions if version.sha256 == sha256), None)

    @cached_property
    def error_since(self) -> datetime | None:
        """When the machine went into error."""
        if self.machine.status != "error":
            return None
        change: Transition | None = self.machine.transitions.filter(new_status="error").first()
        return change.at if change else None

    @property
    def mode_word(self) -> str:
        """What the pill says; production, the normal, has none."""
        return words.short_mode(self.machine.reported_mode or self.machine.mode)

    @property
    def mode_line(self) -> str:
        """The mode in force, and beside it the one asked for where they differ."""
        asked, reported = self.machine.mode, self.machine.reported_mode
        if not reported or asked == reported:
            return words.mode(asked)
        return gettext("{reported} (asked: {asked})").format(reported=words.mode(reported), asked=words.mode(asked))

    @property
    def source_detail(self) -> str:
        """Which folder, camera or stream."""
        match self.machine.source_type:
            case "pasta":
                return self.machine.folder_path
            case "camera":
                return str(self.machine.camera_id)
            case "rtsp" | "camera_IP":
                return self.machine.rtsp_url
        return ""

    # Its health

    @property
    def report(self) -> Mapping[str, Any]:
        """The newest heartbeat as the machine sent it."""
        return self.machine.reported or {}

    @property
    def health(self) -> list[health.Item]:
        """What it says of itself, as pairs."""
        return health.items(self.report)

    @property
    def warnings(self) -> list[str]:
        """What a person should know, as the machine says it."""
        return [sentences.said(str(warning)) for warning in self.report.get("warnings") or ()]

    @cached_property
    def twin(self) -> str | None:
        """The address of a second computer with this machine's credential, "" where nobody knows it; None where there is none."""
        return twins.seen(self.machine)

    @property
    def insecure(self) -> bool:
        """Whether the machine answers the old protocol without a token."""
        return bool(self.report.get("insecure_legacy"))


def _cause_of(tool: values.ToolRow) -> str:
    for measure in tool.judged:
        if measure.outside:
            value = f"{measure.title} {measure.value} {measure.unit}".strip()
            allowed = gettext("allowed: {limits}").format(limits=measure.limits)
            return f"{tool.name}: {value} ({allowed})"
    return f"{tool.name}: {tool.why or tool.message}".rstrip(": ")
