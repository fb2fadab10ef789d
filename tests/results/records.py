"""Records as a machine's outbox holds them, drawn for tests."""

from __future__ import annotations

import random
from typing import Any

EPOCH = "ab" * 16
WALL = "2026-01-01T00:00:00+00:00"
VERDICTS = ("ok", "nok", "undecided", "error")


def verdict(seq: int, word: str = "ok", **more: Any) -> dict[str, Any]:
    """Return a verdict record."""
    body = {
        "verdict": word,
        "cycle": seq,
        "generation": 1,
        "trigger_count": seq,
        "mode": "PRODUCAO",
        "simulated": False,
        "wall": WALL,
        "tools": [
            {"id": 1, "name": "holes", "type": "blob", "status": "ok", "verdict": "ok", "features": {"blob_count": 3}}
        ],
        **more,
    }
    return {"seq": seq, "kind": "verdict", "body": body}


def event(seq: int, code: str = "source_lost") -> dict[str, Any]:
    """Return an event record."""
    return {"seq": seq, "kind": "event", "body": {"code": code, "wall": WALL}}


def gap(seq: int, first: int, last: int) -> dict[str, Any]:
    """Return a gap record."""
    return {"seq": seq, "kind": "gap", "body": {"first": first, "last": last, "reason": "storage_full", "wall": WALL}}


def run(draw: random.Random, length: int) -> list[dict[str, Any]]:
    """Return length records numbered from 1: mostly verdicts, some events, a gap that fills numbers nothing else has."""
    records = [
        event(seq) if draw.random() < 0.1 else verdict(seq, draw.choice(VERDICTS)) for seq in range(1, length - 4)
    ]
    return [*records, gap(length, length - 4, length - 1)]
