"""What the machines found: results, events, what could not be read, pictures, and the counters pages read.

Rows are facts: written once, never changed. A machine that has results cannot be deleted, only retired.
"""

from __future__ import annotations

from datetime import date, datetime

from django.core.files.storage import default_storage
from django.db import models
from django.utils.translation import gettext_lazy as _

from api import clock
from recipes.content import spread
from results import marks

RAW_KEPT = 64 * 1024


def this_month() -> date:
    """Return the first day of the month it is by the orchestrator's clock, in UTC."""
    return clock.wall().date().replace(day=1)


class MachineEpoch(models.Model):
    """One opening of a machine's outbox, and which of its numbers arrived. Its month is set once: the partition of its records."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="epochs")
    epoch = models.CharField(max_length=32)
    epoch_no = models.BigIntegerField()
    month = models.DateField(default=this_month)
    opened_at = models.DateTimeField(default=clock.wall)
    received = models.JSONField(default=list, help_text=_("Inclusive ranges of the numbers that arrived."))
    mark = models.BigIntegerField(default=0, help_text=_("Contiguous high-water mark: all up to it is committed."))

    class Meta:
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")
        constraints = [models.UniqueConstraint(fields=["machine", "epoch"], name="one_row_an_epoch")]
        indexes = [models.Index(fields=["machine", "-epoch_no"], name="epoch_by_number")]

    def __str__(self) -> str:
        return f"{self.machine_id} #{self.epoch_no} ({self.mark})"

    @property
    def ranges(self) -> marks.Ranges:
        """The numbers that arrived."""
        return tuple((first, last) for first, last in self.received)

    def receive(self, more: list[marks.Range]) -> None:
        """Add numbers that arrived, and save the mark they give."""
        ranges = marks.union(self.ranges, more)
        self.received = [list(pair) for pair in ranges]
        self.mark = marks.mark(ranges)
        self.save(update_fields=["received", "mark"])


class FromOutbox(models.Model):
    """What every record of a machine's outbox has: its key, its content's hash, two clocks."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="+")
    epoch = models.ForeignKey(MachineEpoch, models.PROTECT, related_name="+")
    epoch_no = models.BigIntegerField()
    seq = models.BigIntegerField()
    month = models.DateField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=clock.wall)
    wall = models.CharField(_("machine's clock"), max_length=200)
    mono_ns = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class InspectionResult(FromOutbox):
    """One inspection, with everything that cannot be computed again later."""

    class Verdict(models.TextChoices):
        """What a machine can say of a part."""

        OK = "ok", _("OK")
        NOK = "nok", _("NOK")
        UNDECIDED = "undecided", _("Undecided")
        ERROR = "error", _("Error")

    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    message = models.TextField(_("message"), blank=True)
    cycle = models.BigIntegerField(_("cycle"))
    generation = models.BigIntegerField()
    trigger_count = models.BigIntegerField()
    part_id = models.CharField(max_length=200, null=True, blank=True)
    mode = models.CharField(_("mode"), max_length=20)
    simulated = models.BooleanField(_("simulated"))
    recipe_sha256 = models.CharField(max_length=64, null=True, blank=True)
    config_version = models.BigIntegerField(default=0)
    engine_version = models.CharField(max_length=200, blank=True)
    frame_number = models.BigIntegerField(default=0)
    frame_name = models.CharField(max_length=200, blank=True)
    frame_width = models.IntegerField(default=0)
    frame_height = models.IntegerField(default=0)
    captured_at = models.CharField(max_length=200, blank=True)
    capture_ms = models.FloatField(default=0)
    inspect_ms = models.FloatField(default=0)
    total_ms = models.FloatField(default=0)
    tools = models.JSONField(default=list)
    overlay = models.JSONField(default=list)
    picture_sha256 = models.CharField(max_length=64, null=True, blank=True)
    picture_mime = models.CharField(max_length=20, blank=True)
    picture_size = models.BigIntegerField(null=True, blank=True)
    picture_weight = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("inspection result")
        verbose_name_plural = _("inspection results")
        constraints = [
            models.UniqueConstraint(fields=["machine", "epoch", "seq", "month"], name="one_result_a_number"),
        ]
        indexes = [
            models.Index(fields=["machine", "-epoch_no", "-seq"], name="result_newest"),
            models.Index(fields=["machine", "received_at"], name="result_by_day"),
            models.Index(fields=["picture_sha256"], name="result_by_picture"),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.cycle}: {self.verdict}"


class MachineEvent(FromOutbox):
    """What else a machine's outbox tells: an event, a change of its state, or a gap of records that are no more."""

    class Kind(models.TextChoices):
        """Kinds of record beside results."""

        EVENT = "event", _("event")
        GAP = "gap", _("gap")
        STATE = "state", _("state")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    code = models.CharField(_("code"), max_length=64)
    message = models.TextField(_("message"), blank=True)
    body = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("machine event")
        verbose_name_plural = _("machine events")
        constraints = [
            models.UniqueConstraint(fields=["machine", "epoch", "seq", "month"], name="one_event_a_number"),
        ]
        indexes = [models.Index(fields=["machine", "-epoch_no", "-seq"], name="event_newest")]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.kind} {self.code}"


class Quarantined(models.Model):
    """A record that could not be read, as it came: the first 64 KiB of it. It fills its number, so it does not block the line."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="+")
    epoch = models.ForeignKey(MachineEpoch, models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(_("reason"), max_length=2000)
    raw = models.BinaryField()
    size = models.BigIntegerField(_("size"), help_text=_("Of the whole record."))
    received_at = models.DateTimeField(default=clock.wall)

    class Meta:
        verbose_name = _("quarantined record")
        verbose_name_plural = _("quarantined records")
        constraints = [models.UniqueConstraint(fields=["epoch", "seq"], name="one_quarantined_a_number")]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.seq}: {self.reason}"

    @property
    def cut(self) -> bool:
        """Whether only the beginning was kept."""
        return self.size > len(self.raw)


class IngestConflict(models.Model):
    """A second, different record for a number that was taken. The first one stays; this is what the second one said."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="+")
    epoch = models.ForeignKey(MachineEpoch, models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    kept_sha256 = models.CharField(max_length=64)
    refused_sha256 = models.CharField(max_length=64)
    raw = models.BinaryField()
    received_at = models.DateTimeField(default=clock.wall)

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        constraints = [
            models.UniqueConstraint(fields=["epoch", "seq", "refused_sha256"], name="one_row_a_conflict"),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.seq}"


class StoredPicture(models.Model):
    """A picture by its content. The row is written after the file is complete and on the disk."""

    sha256 = models.CharField(max_length=64, unique=True)
    mime = models.CharField(max_length=20)
    size = models.BigIntegerField()
    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="+")
    received_at = models.DateTimeField(default=clock.wall)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")

    def __str__(self) -> str:
        return self.sha256

    @property
    def name(self) -> str:
        """Its name in the storage."""
        return picture_name(self.sha256)

    def is_there(self) -> bool:
        """Return whether the storage still has the file, whole."""
        return default_storage.exists(self.name) and default_storage.size(self.name) == self.size


def picture_name(sha256: str) -> str:
    """Return a picture's name in the storage."""
    return spread("pictures", sha256)


class ResultCount(models.Model):
    """How many results of a machine arrived in a quarter of an hour, by verdict: what counters add up instead of counting rows."""

    machine = models.ForeignKey("api.VirtualMachine", models.PROTECT, related_name="+")
    quarter = models.DateTimeField()
    simulated = models.BooleanField()
    ok = models.BigIntegerField(default=0)
    nok = models.BigIntegerField(default=0)
    undecided = models.BigIntegerField(default=0)
    error = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "quarter", "simulated"], name="one_row_a_quarter")]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.quarter:%F %R}"


class RecentResults(models.Model):
    """The newest results of a machine, by (epoch_no, seq): the strip of the last 60, and the newest one itself."""

    machine = models.OneToOneField(
        "api.VirtualMachine", models.PROTECT, primary_key=True, related_name="recent_results"
    )
    strip = models.JSONField(default=list, help_text=_("[[epoch_no, seq, verdict, id], …], oldest first."))
    newest = models.ForeignKey(InspectionResult, models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.machine_id}: {len(self.strip)}"


def quarter_of(moment: datetime) -> datetime:
    """Return the beginning of the quarter of an hour that moment lies in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
