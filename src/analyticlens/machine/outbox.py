"""The outbox: what the machine found, committed here before anything is shown, kept until the orchestrator has it.

Numbers are 1, 2, 3… within an epoch, and an epoch is made each time the outbox is opened, so that no number is ever used for two
things, whatever a power cut took away. A record is acknowledged when its number is at most its epoch's mark.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analyticlens.machine import clock
from analyticlens.machine.ledger import SEQ_SPAN, boot_id, lock_folder, open_ledger, open_reader
from analyticlens.machine.pictures import PictureFiles
from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.heartbeat import Counters, EpochMark
from analyticlens.protocol.records import EventBody, GapBody, RecordKind, StateBody, VerdictBody

COUNTERS = tuple(Counters.model_fields)
Body = VerdictBody | EventBody | StateBody


@dataclass(frozen=True, slots=True)
class Epoch:
    """One opening of the outbox."""

    n: int
    epoch: str
    epoch_no: int
    month: str
    born: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one epoch to send, as (seq, kind, raw body)."""

    epoch: str
    epoch_no: int
    records: tuple[tuple[int, str, bytes], ...]

    def to_json(self) -> bytes:
        """Return the envelope's bytes; bodies go out as they were committed, unread."""
        rows = b",".join(
            b'{"seq":%d,"kind":"%s","body":%s}' % (seq, kind.encode(), body) for seq, kind, body in self.records
        )
        return b'{"epoch":"%s","epoch_no":%d,"records":[%s]}' % (self.epoch.encode(), self.epoch_no, rows)


class Outbox:
    """One writer, guarded by a file lock between processes and by a mutex between threads."""

    def __init__(self, folder: Path) -> None:
        """Open the outbox in folder and begin an epoch. Raises OutboxBusy, OSError, sqlite3.Error."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "outbox.db"
        self.files = PictureFiles(folder / "pictures")
        self.appended = threading.Event()
        self._flock = lock_folder(folder)
        self._mutex = threading.RLock()
        try:
            self._db, self.was_broken = open_ledger(self.path)
            self._reader = open_reader(self.path)
        except (sqlite3.Error, OSError):
            os.close(self._flock)
            raise
        self._read_mutex = threading.Lock()
        self._numbers: dict[str, int] = dict(self._db.execute("SELECT name, value FROM numbers"))
        self._settle_triggers()
        # How often each epoch's mark was heard of since this opening: an answer asked for before the newest one may be old.
        self.heard: Counter[str] = Counter()
        self.epoch = self._begin_epoch(clock.month())

    def _settle_triggers(self) -> None:
        """Count as missed the triggers that a crash cut off, so that triggered is inspected, refused and missed, always."""
        lost = self.counters().unsettled
        if lost > 0:
            self.grow("missed", lost)

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._mutex, self._read_mutex:
            self._reader.close()
            self._db.close()
            if self._flock >= 0:
                os.close(self._flock)
            self._flock = -1

    # --- numbers that only grow ------------------------------------------------------------------------------------

    def counters(self) -> Counters:
        """Return the counters since the machine was made."""
        with self._mutex:
            return Counters(**{name: self._numbers.get(name, 0) for name in COUNTERS})

    def number(self, name: str) -> int:
        """Return a kept number; 0 before it was ever set."""
        with self._mutex:
            return self._numbers.get(name, 0)

    def grow(self, name: str, by: int = 1, *, durable: bool = False) -> int:
        """Add to a kept number and return it; written with the next commit, or at once when durable."""
        with self._mutex:
            self.count({name: by}, durable=durable)
            return self._numbers[name]

    def count(self, by: Mapping[str, int], *, durable: bool = False, words: Mapping[str, str] | None = None) -> None:
        """Add to several kept numbers, and keep words beside them: nobody sees, and no crash leaves, the one without the other.

        Written with the next commit, or at once when durable or when there are words. Raises sqlite3.Error when that could not be: then
        the numbers have grown all the same, and are written with the next commit.
        """
        with self._mutex:
            for name, more in by.items():
                self._numbers[name] = self._numbers.get(name, 0) + more
            if durable or words:
                with self.transaction() as db:
                    self._save_numbers()
                    db.executemany("INSERT OR REPLACE INTO words VALUES (?, ?)", (words or {}).items())

    def word(self, name: str) -> str:
        """Return a kept word; "" before it was ever set."""
        with self._mutex:
            row = self._db.execute("SELECT value FROM words WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else ""

    def keep_word(self, name: str, value: str) -> None:
        """Keep a word."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO words VALUES (?, ?)", (name, value))

    # --- writing ---------------------------------------------------------------------------------------------------

    def append(self, kind: RecordKind, body: Body, picture: bytes | None = None) -> int:
        """Commit one record and, for a verdict, count it; return its number. It is on the disk when this returns.

        `picture` is the file that `body.picture` names. Raises sqlite3.Error or OSError when it could not be kept: then nothing was.
        """
        raw = canonical_json(body).encode()
        if picture is not None and isinstance(body, VerdictBody) and body.picture is not None:
            self.files.write(body.picture.sha256, picture)
        with self._mutex:
            numbers = dict(self._numbers)
            if isinstance(body, VerdictBody):
                self._count(body)
            try:
                with self.transaction():
                    number = self._insert(kind, raw, body)
            except sqlite3.Error:
                self._numbers = numbers
                raise
        self.appended.set()
        return number

    def _count(self, body: VerdictBody) -> None:
        for name in ("inspected", body.verdict):
            self._numbers[name] = self._numbers.get(name, 0) + 1

    def _insert(self, kind: RecordKind, raw: bytes, body: Body) -> int:
        now = clock.wall().timestamp()
        (last,) = self._db.execute("SELECT last FROM epochs WHERE n = ?", (self.epoch.n,)).fetchone()
        key = self.epoch.n * SEQ_SPAN + last + 1
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (key, kind, raw, now, clock.mono()))
        self._db.execute("UPDATE epochs SET last = last + 1 WHERE n = ?", (self.epoch.n,))
        if isinstance(body, VerdictBody) and body.picture is not None:
            row = (body.picture.sha256, key, int(body.verdict == "ok"), body.picture.size, now)
            self._db.execute("INSERT OR IGNORE INTO pictures (sha256, key, ok, size, wall) VALUES (?, ?, ?, ?, ?)", row)
        self._save_numbers()
        return int(last) + 1

    def _save_numbers(self) -> None:
        self._db.executemany("INSERT OR REPLACE INTO numbers VALUES (?, ?)", self._numbers.items())

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the writer: what happens inside is on the disk together or not at all."""
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    # --- epochs ----------------------------------------------------------------------------------------------------

    def turn_month(self, month: str) -> bool:
        """Begin a new epoch when the month is another than the current epoch's; return whether it did."""
        with self._mutex:
            if self.epoch.month == month:
                return False
            self.epoch = self._begin_epoch(month)
            return True

    def open_above(self, highest: int) -> None:
        """Give every epoch the orchestrator never took a new id and a number above highest, which it knows of this machine.

        Nothing of an epoch is sent before a birth was accepted, so their records keep their numbers under the new ids.
        """
        with self.transaction() as db:
            number = max(self._numbers.get("epoch_no", 0), highest)
            for (n,) in db.execute(
                "SELECT n FROM epochs WHERE born = 0 OR n = ? ORDER BY n", (self.epoch.n,)
            ).fetchall():
                number += 1
                changed = replace(self.epoch, n=n, epoch=secrets.token_hex(16), epoch_no=number, born=False)
                db.execute(
                    "UPDATE epochs SET epoch = ?, epoch_no = ?, born = 0, mark = 0 WHERE n = ?",
                    (changed.epoch, changed.epoch_no, n),
                )
            self._numbers["epoch_no"] = number
            self._save_numbers()
            self.epoch = changed

    def born(self, epoch: Epoch) -> None:
        """Note that the orchestrator accepted this epoch's birth, and with its marks the older ones: their records may go."""
        with self.transaction() as db:
            db.execute("UPDATE epochs SET born = 1 WHERE n <= ?", (epoch.n,))
            if self.epoch.n == epoch.n:
                self.epoch = replace(self.epoch, born=True)

    def _begin_epoch(self, month: str) -> Epoch:
        with self.transaction():
            self._numbers["epoch_no"] = self._numbers.get("epoch_no", 0) + 1
            made = (secrets.token_hex(16), self._numbers["epoch_no"], month, boot_id(), clock.wall().timestamp())
            cursor = self._db.execute(
                "INSERT INTO epochs (epoch, epoch_no, month, boot_id, opened_wall) VALUES (?, ?, ?, ?, ?)", made
            )
            self._save_numbers()
        return Epoch(int(cursor.lastrowid or 0), made[0], made[1], month, born=False)

    def marks(self) -> list[EpochMark]:
        """Return the marks of the epochs still kept, oldest first: those with records, and the current one."""
        rows = self._read(
            "SELECT epoch, epoch_no, mark, last FROM epochs WHERE last > 0 OR n = ? ORDER BY n", self.epoch.n
        )
        return [EpochMark(epoch=e, epoch_no=no, mark=mark, last=last) for e, no, mark, last in rows][-1000:]

    def acknowledge(self, epoch: str, mark: int, heard: int | None = None) -> int:
        """Believe the orchestrator's mark, a lower one too; return by how many numbers it went down (0: it did not).

        `heard` is how often this epoch's mark was heard of when the orchestrator was asked: a lower mark is not believed when another
        answer came meanwhile, for this one may have been on its way for longer.
        What retention already removed above a mark that went down is told by a gap record. A mark beyond the last number is cut to it.
        """
        with self.transaction():
            row = self._db.execute("SELECT n, mark, last FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
            if row is None:
                return 0
            n, before, last = row
            if heard is not None and mark < before and self.heard[epoch] != heard:
                return 0
            self.heard[epoch] += 1
            self._db.execute("UPDATE epochs SET mark = ? WHERE n = ?", (min(mark, last), n))
            if mark >= before:
                return 0
            first = n * SEQ_SPAN + mark + 1
            (kept,) = self._db.execute(
                "SELECT min(key) FROM records WHERE key BETWEEN ? AND ?", (first, n * SEQ_SPAN + last)
            ).fetchone()
            end = n * SEQ_SPAN + last if kept is None else kept - 1
            if end >= first:
                self.fill_gap(first, end, "retention")
            self._db.execute("UPDATE pictures SET sent = 0 WHERE key >= ? AND key <= ?", (first, n * SEQ_SPAN + last))
            return int(before - mark)

    def fill_gap(self, first_key: int, last_key: int, reason: str) -> None:
        """Put one gap record in place of the records from first_key to last_key. Inside the caller's transaction."""
        gap = GapBody(
            first=first_key % SEQ_SPAN,
            last=last_key % SEQ_SPAN,
            reason=reason,
            wall=clock.wall_text(),
            mono_ns=clock.mono_ns(),
        )
        self._db.execute("DELETE FROM records WHERE key BETWEEN ? AND ?", (first_key, last_key))
        row = (first_key, "gap", canonical_json(gap).encode(), clock.wall().timestamp(), clock.mono())
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", row)

    # --- reading, beside the writer --------------------------------------------------------------------------------

    def depth(self) -> int:
        """Return how many numbers are not acknowledged."""
        ((count,),) = self._read("SELECT coalesce(sum(last - mark), 0) FROM epochs")
        return int(count)

    def oldest_seconds(self) -> float:
        """Return the age of the oldest record not acknowledged; 0 when all are.

        By the monotonic clock when the record is of this boot, else by the wall clock, never below 0.
        """
        rows = self._read(
            "SELECT e.boot_id, r.wall, r.mono FROM epochs e JOIN records r ON r.key = e.n * ? + e.mark + 1 "
            "WHERE e.mark < e.last ORDER BY e.n LIMIT 1",
            SEQ_SPAN,
        )
        if not rows:
            return 0.0
        boot, wall, mono = rows[0]
        same_boot = boot == boot_id() != ""
        return max(0.0, clock.mono() - float(mono) if same_boot else clock.wall().timestamp() - float(wall))

    def next_batch(self, most: int, most_bytes: int) -> Batch | None:
        """Return the oldest records to send, one at least and at most `most` in at most `most_bytes`; None when none wait."""
        epochs = self._read(
            "SELECT n, epoch, epoch_no, mark FROM epochs WHERE mark < last AND born = 1 ORDER BY n LIMIT 1"
        )
        if not epochs:
            return None
        n, epoch, epoch_no, mark = epochs[0]
        rows = self._read(
            "SELECT key, kind, body FROM records WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
            n * SEQ_SPAN + mark,
            (n + 1) * SEQ_SPAN,
            most,
        )
        chosen: list[tuple[int, str, bytes]] = []
        size = 0
        for key, kind, body in rows:
            size += len(body) + 64
            if chosen and size > most_bytes:
                break
            chosen.append((key % SEQ_SPAN, kind, bytes(body)))
        return Batch(epoch, epoch_no, tuple(chosen)) if chosen else None

    def pictures_waiting(self) -> int:
        """Return how many pictures were not sent yet."""
        ((count,),) = self._read("SELECT count(*) FROM pictures WHERE sent = 0")
        return int(count)

    def next_picture(self) -> str | None:
        """Return the SHA-256 of the next picture to send: its verdict is acknowledged; not-OK first, then the oldest."""
        rows = self._read(
            "SELECT p.sha256 FROM pictures p JOIN epochs e ON e.n = p.key / ? WHERE p.sent = 0 AND p.key % ? <= e.mark "
            "ORDER BY p.ok, p.key LIMIT 1",
            SEQ_SPAN,
            SEQ_SPAN,
        )
        return str(rows[0][0]) if rows else None

    def picture_sent(self, sha256: str) -> None:
        """Note that the orchestrator has a picture, or that it is no longer to be had here."""
        with self.transaction() as db:
            db.execute("UPDATE pictures SET sent = 1 WHERE sha256 = ?", (sha256,))

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._read_mutex:
            return self._reader.execute(sql, values).fetchall()

    # --- commands: at most once ------------------------------------------------------------------------------------

    def command_state(self, command: str) -> str | None:
        """Return what became of a command, None when it was never begun here."""
        with self._mutex:
            row = self._db.execute("SELECT state FROM commands WHERE id = ?", (command,)).fetchone()
            return str(row[0]) if row else None

    def set_command(self, command: str, state: str) -> None:
        """Keep what became of a command; `started` is on the disk before it acts."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO commands VALUES (?, ?, ?)", (command, state, clock.wall().timestamp()))

    def command_reports(self) -> list[tuple[str, str]]:
        """Return (id, report) of commands whose end the orchestrator was not told yet."""
        with self._mutex:
            return list(self._db.execute("SELECT id, state FROM commands WHERE state NOT IN ('started', 'reported')"))

    def commands_in(self, state: str) -> list[str]:
        """Return the ids of commands in this state."""
        with self._mutex:
            return [row[0] for row in self._db.execute("SELECT id FROM commands WHERE state = ?", (state,))]
