"""The outbox's file: its tables, opening it safely, and the lock that keeps a second process out."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from analyticlens.machine import clock

# A record's key is epoch row * 2**40 + seq, so that the table is one tree that only grows at its end.
SEQ_SPAN = 2**40

SCHEMA = """
CREATE TABLE IF NOT EXISTS epochs (
    n INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL UNIQUE, epoch_no INTEGER NOT NULL UNIQUE, month TEXT NOT NULL,
    boot_id TEXT NOT NULL, opened_wall REAL NOT NULL, last INTEGER NOT NULL DEFAULT 0, mark INTEGER NOT NULL DEFAULT 0,
    born INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL, wall REAL NOT NULL, mono REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pictures (
    sha256 TEXT PRIMARY KEY, key INTEGER NOT NULL, ok INTEGER NOT NULL, size INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0,
    wall REAL NOT NULL);
CREATE INDEX IF NOT EXISTS pictures_to_send ON pictures (sent, ok, key);
CREATE TABLE IF NOT EXISTS commands (id TEXT PRIMARY KEY, state TEXT NOT NULL, wall REAL NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS words (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class OutboxBusy(Exception):
    """Another process has this data folder's outbox."""


def lock_folder(folder: Path) -> int:
    """Take the folder's lock for as long as the returned descriptor is open. Raises OutboxBusy."""
    descriptor = os.open(folder / "outbox.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise OutboxBusy(f"the data folder {folder} is in use by another machine process") from None
    return descriptor


def open_ledger(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open the outbox's database for writing, and say whether a broken one had to be set aside.

    A file SQLite cannot read is renamed, never deleted: what it held may be asked for, and the machine must inspect all the same.
    """
    try:
        return _connect(path), False
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    aside = path.with_name(f"{path.name}.broken-{clock.wall():%Y%m%dT%H%M%S}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _connect(path), True


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a second connection for reading beside the writer."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def boot_id() -> str:
    """Return the kernel's id of this boot, "" where it has none: monotonic times compare within one boot only."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(SCHEMA)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            broken = sqlite3.DatabaseError(verdict)
            broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise broken
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
