"""Bringing the outbox to the orchestrator: records first, oldest epoch first; their pictures after them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from analyticlens.machine.link.door import Door, DoorDown, DoorRefused
from analyticlens.machine.live import LivePicture
from analyticlens.machine.outbox import Batch
from analyticlens.protocol.live import LiveFrame
from analyticlens.protocol.records import MAX_BATCH, BatchAnswer
from analyticlens.protocol.strict import plain

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

# The door takes 1 MiB with the envelope.
MOST_BYTES = 1_000_000
MOST_RAW_BYTES = 16 * 1024 * 1024
IDLE_SECONDS = 1.0
TOO_LARGE = 413
UNREADABLE = frozenset({400, 422})


class Uploader:
    """Sends batches. One at a time; a batch that is refused is halved until the record that cannot be read stands alone."""

    def __init__(self, station: Station) -> None:
        """Send station's outbox."""
        self._station = station
        self._most = MAX_BATCH

    def step(self, door: Door) -> float:
        """Send one batch and believe the mark that is answered; return the seconds until the next."""
        outbox = self._station.outbox
        outbox.appended.clear()
        batch = outbox.next_batch(self._most, MOST_BYTES)
        if batch is None:
            return IDLE_SECONDS
        answer = self._send(door, batch)
        if answer is None:
            return 0.0
        for refusal in answer.refusals:
            self._station.recorder.event(
                f"record_{refusal.code}", refusal.reason, epoch_no=batch.epoch_no, seq=refusal.seq
            )
        first = batch.records[0][0]
        lost = outbox.acknowledge(batch.epoch, answer.high_water_mark)
        if lost:
            sentence = f"the orchestrator knows {lost} records less than it acknowledged; they are sent again"
            self._station.recorder.event("server_rewound", sentence, epoch_no=batch.epoch_no)
        elif answer.high_water_mark < first:
            raise DoorDown(f"the mark stays at {answer.high_water_mark} although {first} was sent")
        self._most = min(MAX_BATCH, self._most * 2)
        return 0.0

    def _send(self, door: Door, batch: Batch) -> BatchAnswer | None:
        """Send a batch; None when it has to be sent in smaller parts."""
        headers = {"Content-Type": "application/json"}
        try:
            return door.ask(BatchAnswer, "POST", "batches", content=batch.to_json(), headers=headers)
        except DoorRefused as refused:
            if refused.status != TOO_LARGE and refused.status not in UNREADABLE:
                raise
            if len(batch.records) > 1:
                self._most = len(batch.records) // 2
                return None
            return self._set_aside(door, batch, refused)

    def _set_aside(self, door: Door, batch: Batch, refused: DoorRefused) -> BatchAnswer:
        """Hand over, as raw bytes, the one record the batch door cannot read: it fills its number and blocks nobody."""
        ((seq, kind, body),) = batch.records
        self._station.recorder.event(
            "record_quarantined", refused.message, epoch_no=batch.epoch_no, seq=seq, kind=kind, bytes=len(body)
        )
        answer = door.ask(
            BatchAnswer,
            "POST",
            "quarantine",
            params={"epoch": batch.epoch, "seq": seq},
            content=body[:MOST_RAW_BYTES],
            headers={"Content-Type": "application/octet-stream"},
        )
        # It was told just now, with the reason; that it is kept aside is no news.
        return answer.model_copy(update={"refusals": [one for one in answer.refusals if one.code != "quarantined"]})


class PictureUploader:
    """Sends pictures whose verdicts are acknowledged; those that are not OK first."""

    def __init__(self, station: Station) -> None:
        """Send station's pictures."""
        self._station = station

    def step(self, door: Door) -> float:
        """Send one picture; return the seconds until the next."""
        outbox = self._station.outbox
        sha256 = outbox.next_picture()
        if sha256 is None:
            return IDLE_SECONDS
        content = outbox.files.read(sha256)
        if content is None:
            self._station.recorder.event("picture_lost", "a stored picture is gone or damaged", sha256=sha256)
        else:
            self._send(door, sha256, content)
        outbox.picture_sent(sha256)
        return 0.0

    def _send(self, door: Door, sha256: str, content: bytes) -> None:
        try:
            door.call("PUT", f"images/{sha256}", content=content, headers={"Content-Type": "image/jpeg"})
        except DoorRefused as refused:
            if refused.credential or refused.status == 409:
                raise
            # It will be refused next time too; its verdict is stored without it.
            self._station.recorder.event("picture_refused", refused.message, sha256=sha256)


class LiveSender:
    """Sends the newest picture while somebody looks."""

    def __init__(self, station: Station) -> None:
        """Send station's live pictures."""
        self._station = station

    def step(self, door: Door) -> float:
        """Send the newest picture, if there is one; return the seconds until the next look."""
        newest = self._station.live.take()
        if newest is None:
            return IDLE_SECONDS
        answer = door.call("PUT", "live", files=_parts(newest), data={"live": json.dumps(plain(_frame(newest)))})
        if answer.get("watched") is False:
            self._station.live.watched = False
        return 0.0


def _parts(newest: LivePicture) -> dict[str, tuple[str, bytes, str]]:
    return {"frame": ("frame.jpg", newest.jpeg, "image/jpeg")}


def _frame(newest: LivePicture) -> LiveFrame:
    body = newest.body
    if body is None:
        return LiveFrame()
    return LiveFrame(
        cycle=body.cycle,
        verdict=body.verdict,
        reason=body.reason,
        width=body.frame.width,
        height=body.frame.height,
        overlay=body.overlay,
        wall=body.wall,
    )
