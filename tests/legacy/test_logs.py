"""The folder of result logs: batches, what is kept when full, which results are wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyticlens.machine.oldwire.logs import LogBook, wanted
from analyticlens.protocol.configuration import Logging


def settings(**changes: object) -> Logging:
    """Return logging settings that write each result at once, with changes."""
    return Logging.model_validate({"enabled": True, "batch_size": 1, "batch_ms": 60_000, **changes})


def names(book: LogBook) -> list[str]:
    """Return the ids in the files' names, oldest first."""
    return [path.stem.partition("-")[2] for path in book.files()]


def fill(book: LogBook, count: int, how: Logging) -> None:
    """Add results a, b, c, …"""
    for letter in "abcdefgh"[:count]:
        book.add(letter, letter.encode(), how)


def test_keep_last_drops_the_oldest(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 5, settings(max_logs=3))
    assert names(book) == ["c", "d", "e"]
    assert len(list(tmp_path.iterdir())) == 3


def test_keep_first_refuses_new_ones(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 5, settings(max_logs=3, mode="keep_first"))
    assert names(book) == ["a", "b", "c"]


def test_keep_first_counts_what_waits(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 5, settings(max_logs=3, mode="keep_first", batch_size=100))
    assert book.buffered == 3


@pytest.mark.parametrize("mode", ["keep_last", "keep_first"])
def test_at_most_none_keeps_none(tmp_path: Path, mode: str) -> None:
    book = LogBook(tmp_path)
    fill(book, 3, settings(max_logs=0, mode=mode))
    assert (book.count, list(tmp_path.iterdir())) == (0, [])


def test_a_batch_is_written_when_it_is_full(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 2, settings(batch_size=3))
    assert (book.buffered, book.count) == (2, 0)
    fill(book, 1, settings(batch_size=3))
    assert (book.buffered, book.count) == (0, 3)


def test_a_batch_is_written_when_its_time_has_come(tmp_path: Path, until: Callable[..., object]) -> None:
    book = LogBook(tmp_path)
    fill(book, 2, settings(batch_size=100, batch_ms=50))
    until(lambda: book.count == 2)
    fill(book, 1, settings(batch_size=100, batch_ms=50))
    until(lambda: book.count == 3)
    book.close()


def test_clear_removes_what_is_written_and_what_waits(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 2, settings())
    fill(book, 2, settings(batch_size=100))
    cleared = book.clear()
    assert (cleared.removed, cleared.errors, cleared.remaining) == (4, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_new_book_goes_on_where_the_old_one_ended(tmp_path: Path) -> None:
    fill(LogBook(tmp_path), 2, settings())
    book = LogBook(tmp_path)
    book.add("z", b"z", settings())
    assert names(book) == ["a", "b", "z"]


def test_a_file_that_somebody_took_away_is_no_log_any_more(tmp_path: Path) -> None:
    book = LogBook(tmp_path)
    fill(book, 2, settings())
    book.files()[0].unlink()
    assert names(book) == ["b"]
    assert book.clear().removed == 1


def test_a_folder_that_cannot_be_written_loses_logs_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "logs"
    place.write_text("a file where the folder should be")
    book = LogBook(place)
    fill(book, 2, settings())
    assert (book.count, book.buffered) == (0, 0)
    place.unlink()
    fill(book, 1, settings())
    assert names(book) == ["a"]


@pytest.mark.parametrize(
    ("policy", "approved", "kept"),
    [
        ("ALL", True, True),
        ("ALL", False, True),
        ("APPROVED", True, True),
        ("APPROVED", False, False),
        ("REJECTED", True, False),
        ("REJECTED", False, True),
    ],
)
def test_the_policy_says_which_are_kept(policy: str, approved: bool, kept: bool) -> None:
    assert wanted(policy, approved) is kept
