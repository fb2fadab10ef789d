"""F10: a record that nobody can read does not block the line: it is set aside with a reason, and its neighbours are stored."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from analyticlens.machine.outbox import Outbox
from tests.faults.line import FaultLine
from tests.machine.helpers import verdict

BLOCK = 100
POISON: dict[str, bytes] = {
    "a body that is none": b'{"verdict":"maybe"}',
    "an unknown key": b'{"verdict":"ok","colour":"red"}',
    "5 MB": b'{"verdict":"ok","message":"' + b"x" * 5_000_000 + b'"}',
    "bytes that are not UTF-8": b'{"verdict":"\xff\xfe"}',
    "NaN": b'{"verdict":"ok","cycle":NaN}',
    "JSON ten thousand deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "no JSON": b"\x00\x01\x02",
    "half a record": b'{"verdict":"ok","cyc',
}


def poison(data: Path, draw: random.Random, blocks: int) -> dict[int, str]:
    """Fill an outbox with blocks of a hundred verdicts, spoil one of each block, and return what number has which poison."""
    outbox = Outbox(data)
    for cycle in range(1, blocks * BLOCK + 1):
        outbox.append("verdict", verdict(cycle))
    outbox.close()
    kinds = list(POISON)
    spoiled = {block * BLOCK + draw.randint(1, BLOCK): kinds[block % len(kinds)] for block in range(blocks)}
    with closing(sqlite3.connect(data / "outbox.db", isolation_level=None)) as database:
        for seq, kind in spoiled.items():
            database.execute("UPDATE records SET body = ? WHERE key % (1 << 40) = ?", (POISON[kind], seq))
    return spoiled


@pytest.mark.parametrize("blocks", [30])
def test_f10_thirty_poison_records(fault_line: FaultLine, seed: int, blocks: int) -> None:
    line = fault_line
    line.add_running("stopped")
    spoiled = poison(line.machine_folder("vm_001"), random.Random(seed), blocks)
    line.enrol_machine()
    line.until(lambda: line.count("results_inspectionresult") >= blocks * (BLOCK - 1), "the others arrive", 90)
    line.until(lambda: line.backlog() == 0, "the mark passes", 60)
    stored = {row["seq"] for row in line.rows("SELECT seq FROM results_inspectionresult WHERE epoch_no = 1")}
    aside = line.rows("SELECT q.* FROM results_quarantined q ORDER BY seq")
    print(f"F10 {len(stored)} stored, {len(aside)} set aside of {blocks * BLOCK}")
    assert stored == set(range(1, blocks * BLOCK + 1)) - set(spoiled)
    assert [row["seq"] for row in aside] == sorted(spoiled)
    assert all(row["reason"] for row in aside)
    sizes = {row["seq"]: row["size"] for row in aside if spoiled[row["seq"]] == "5 MB"}
    assert set(sizes.values()) == {len(POISON["5 MB"])}
    events = line.rows("SELECT body FROM results_machineevent WHERE code = 'record_quarantined'")
    assert len(events) == blocks
    assert line.rows("SELECT mark FROM results_machineepoch WHERE epoch_no = 1")[0]["mark"] == blocks * BLOCK
