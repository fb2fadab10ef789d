"""Sending result logs: multipart, deleted on any 2xx, kept otherwise, to an http address only."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyticlens.machine.oldwire.logs import LogBook
from analyticlens.machine.oldwire.upload import Sent, checked_address, send_logs
from analyticlens.protocol.configuration import Logging
from tests.legacy.driver import NOBODY
from tests.legacy.taker import taking


@pytest.fixture
def book(tmp_path: Path) -> LogBook:
    """Three result logs."""
    book = LogBook(tmp_path)
    for letter in "abc":
        book.add(letter, letter.encode(), Logging(batch_size=1))
    return book


def test_each_file_goes_as_a_part_with_the_machine_beside_it(book: LogBook) -> None:
    names = [path.name for path in book.files()]
    with taking() as taker:
        send_logs(book, taker.url, "vm_001")
    assert [path for path, _ in taker.uploads] == ["/api/logs/upload"] * 3
    assert [parts["file"] for _, parts in taker.uploads] == list(zip(names, [b"a", b"b", b"c"], strict=True))
    assert {parts["machine_id"] for _, parts in taker.uploads} == {(None, b"vm_001")}


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_2xx_deletes_the_file(book: LogBook, status: int) -> None:
    with taking(status) as taker:
        assert send_logs(book, taker.url, "vm_001") == Sent(before=3, uploaded=3, failed=0, remaining=0)
    assert book.files() == []


@pytest.mark.parametrize("status", [302, 400, 409, 500])
def test_anything_else_keeps_it_and_goes_on(book: LogBook, status: int) -> None:
    with taking(200, status, 200) as taker:
        assert send_logs(book, taker.url, "vm_001") == Sent(before=3, uploaded=2, failed=1, remaining=1)
    assert [path.read_bytes() for path in book.files()] == [b"b"]


def test_with_nobody_there_all_are_kept(book: LogBook) -> None:
    assert send_logs(book, NOBODY, "vm_001") == Sent(before=3, uploaded=0, failed=3, remaining=3)


def test_what_waits_in_the_buffer_is_sent_too(book: LogBook) -> None:
    book.add("d", b"d", Logging(batch_size=100, batch_ms=60_000))
    with taking() as taker:
        assert send_logs(book, taker.url, "vm_001").uploaded == 4


def test_a_path_of_the_orchestrators_address_is_kept() -> None:
    assert str(checked_address("https://factory/lens/?a=1#b")) == "https://factory/lens/api/logs/upload"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host/",
        "file:///etc/passwd",
        "gopher://host:70/",
        "host:8000",
        "http://",
        "//host",
        "http://a:b@host/",
        "",
        "http://[x",
    ],
)
def test_other_addresses_are_refused(book: LogBook, address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        send_logs(book, address, "vm_001")
    assert book.count == 3
