"""What the outbox lets go of, and in which order: nothing that is not acknowledged goes without a gap record that says so.

What goes for its age goes by the time this machine lived through (`protocol.lived`), not by a wall clock that may have been set.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from analyticlens.machine import clock
from analyticlens.machine.ledger import SEQ_SPAN
from analyticlens.machine.outbox import Outbox
from analyticlens.protocol.lived import Lived

# The kept word that says until when the machine lived.
LIVED = "lived"
KEEP_SECONDS = 7 * 86_400.0
QUOTA_BYTES = 4 * 1024**3
# Pruning begins at this share of the quota, so that there is room while it runs.
FULL_SHARE = 0.7
STEP = 500

_ACKED = "key % {span} <= (SELECT mark FROM epochs WHERE n = {table}.key / {span})"
ACKED_RECORD = _ACKED.format(span=SEQ_SPAN, table="records")
ACKED_PICTURE = _ACKED.format(span=SEQ_SPAN, table="pictures")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning removed; `lost` counts records that were not acknowledged."""

    records: int = 0
    pictures: int = 0
    lost: int = 0


def live_on(outbox: Outbox, ran: float) -> tuple[Lived, bool]:
    """Note that the machine ran for so many seconds of the monotonic clock since this was noted last (0 after a start).

    Return until when it lived, and whether the wall clock is doubted since just now. Raises sqlite3.Error.
    """
    wall = clock.wall().timestamp()
    until, _, doubt = outbox.word(LIVED).partition(" ")
    before = Lived(float(until), float(doubt)) if doubt else Lived(wall)
    now = before.advanced(wall, ran)
    outbox.keep_word(LIVED, f"{now.until} {now.doubt}")
    return now, now.doubt > 0 and before.doubt == 0


def prune(
    outbox: Outbox,
    *,
    now: float | None = None,
    keep_seconds: float = KEEP_SECONDS,
    quota_bytes: int = QUOTA_BYTES,
) -> Pruned:
    """Remove what is acknowledged and old, then, while the quota is nearly used up, ever more precious things.

    `now`, in seconds since 1970, is what ages are counted to; without it the wall clock. Order: acknowledged pictures, acknowledged
    records, waiting OK pictures, other waiting pictures, at last waiting records.
    Raises sqlite3.Error, OSError.
    """
    before = (clock.wall().timestamp() if now is None else now) - keep_seconds
    records = _remove_records(outbox, f"{ACKED_RECORD} AND wall < ?", before, everything=True)
    pictures = _remove_pictures(outbox, f"sent = 1 AND {ACKED_PICTURE} AND wall < ?", before, everything=True)
    lost = 0
    limit = int(quota_bytes * FULL_SHARE)
    picture_steps = (f"sent = 1 AND {ACKED_PICTURE} AND wall < ?", "ok = 1 AND wall < ?", "wall < ?")
    for step in (picture_steps[0], None, *picture_steps[1:]):
        while used_bytes(outbox) > limit:
            if step is None:
                removed = _remove_records(outbox, f"{ACKED_RECORD} AND wall < ?", float("inf"))
                records += removed
            else:
                removed = _remove_pictures(outbox, step, float("inf"))
                pictures += removed
            if not removed:
                break
    while used_bytes(outbox) > limit and (dropped := _drop_oldest_waiting(outbox)):
        lost += dropped
    _forget_epochs(outbox)
    _forget_commands(outbox, before)
    return Pruned(records, pictures, lost)


def used_bytes(outbox: Outbox) -> int:
    """Return the bytes in use: pages of the database that hold something, and the pictures."""
    with outbox.transaction() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (pictures,) = db.execute("SELECT coalesce(sum(size), 0) FROM pictures").fetchone()
    return int((pages - free) * size + pictures)


def _remove_records(outbox: Outbox, where: str, before: float, *, everything: bool = False) -> int:
    removed = 0
    while True:
        with outbox.transaction() as db:
            keys = f"SELECT key FROM records WHERE {where} ORDER BY key LIMIT {STEP}"
            step = db.execute(f"DELETE FROM records WHERE key IN ({keys})", (before,)).rowcount
        removed += step
        if step < STEP or not everything:
            return removed


def _remove_pictures(outbox: Outbox, where: str, before: float, *, everything: bool = False) -> int:
    removed = 0
    while True:
        with outbox.transaction() as db:
            rows = db.execute(
                f"SELECT sha256 FROM pictures WHERE {where} ORDER BY key LIMIT {STEP}", (before,)
            ).fetchall()
            db.executemany("DELETE FROM pictures WHERE sha256 = ?", rows)
        for (sha256,) in rows:
            outbox.files.remove(sha256)
        removed += len(rows)
        if len(rows) < STEP or not everything:
            return removed


def _drop_oldest_waiting(outbox: Outbox) -> int:
    """Put a gap record in place of the oldest records that wait; return how many records went. The newest of all stays."""
    with outbox.transaction() as db:
        oldest = _oldest_waiting(db)
        if oldest is None:
            return 0
        n, first, last = oldest
        rows = db.execute(
            "SELECT key, kind, body FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?", (first, last, STEP)
        ).fetchall()
        if len(rows) < 2:
            return 0
        # A gap that stands there already is widened, so the end is where its neighbour begins.
        following = db.execute(
            "SELECT min(key) FROM records WHERE key > ? AND key <= ?", (rows[-1][0], n * SEQ_SPAN + SEQ_SPAN - 1)
        ).fetchone()[0]
        end = last if following is None else following - 1
        outbox.fill_gap(first, end, "storage_full")
        return sum(kind != "gap" for _, kind, _ in rows)


def _oldest_waiting(db: sqlite3.Connection) -> tuple[int, int, int] | None:
    """Return epoch row, first and last key of the records that wait in the oldest epoch where more than a gap waits."""
    rows = db.execute("SELECT n, mark, last FROM epochs WHERE mark < last ORDER BY n").fetchall()
    for n, mark, last in rows:
        first, end = n * SEQ_SPAN + mark + 1, n * SEQ_SPAN + last
        (count,) = db.execute("SELECT count(*) FROM records WHERE key BETWEEN ? AND ?", (first, end)).fetchone()
        if count > 1:
            return n, first, end
    return None


def _forget_epochs(outbox: Outbox) -> None:
    """Forget epochs of which nothing is kept and nothing waits."""
    with outbox.transaction() as db:
        db.execute(
            "DELETE FROM epochs WHERE n <> ? AND mark = last AND NOT EXISTS "
            "(SELECT 1 FROM records WHERE key BETWEEN epochs.n * ? AND epochs.n * ? + ?)",
            (outbox.epoch.n, SEQ_SPAN, SEQ_SPAN, SEQ_SPAN - 1),
        )


def _forget_commands(outbox: Outbox, before: float) -> None:
    with outbox.transaction() as db:
        db.execute("DELETE FROM commands WHERE wall < ? AND state <> 'started'", (before,))
