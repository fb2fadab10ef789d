"""Draws the demonstration line: a folder a station with its pictures and, written before them, their truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analyticlens.demo import coins, discs, plates
from analyticlens.demo.station import DemoStation

STATIONS: tuple[DemoStation, ...] = (coins.STATION, plates.STATION, discs.STATION)
TRUTH = "truth.json"


def draw_station(station: DemoStation, folder: Path, seed: int, n: int = 24) -> Path:
    """Draw n pictures of one station into folder, and their truth beside them; return the truth's path.

    The same seed draws the same pictures. A folder that has its truth already is left as it is.
    """
    truth_path = folder / TRUTH
    folder.mkdir(parents=True, exist_ok=True)
    if truth_path.exists():
        return truth_path
    rng = np.random.default_rng([seed, STATIONS.index(station)])
    drawn = list(station.draw(rng, n))
    names = [f"{station.machine_id}_{number:03d}.jpg" for number in range(n)]
    frames = {name: asdict(item.truth) for name, item in zip(names, drawn, strict=True)}
    truth = {"machine_id": station.machine_id, "seed": seed, "frames": frames}
    # The truth is on the disk before the first picture; it gets its name after the last, so that a folder that has it is whole.
    written = folder / f"{TRUTH}.tmp"
    written.write_text(json.dumps(truth, indent=1, ensure_ascii=False), encoding="utf-8")
    for name, item in zip(names, drawn, strict=True):
        (folder / name).write_bytes(item.encoded())
    written.rename(truth_path)
    return truth_path


def draw_line(folder: Path, seed: int, n: int = 24) -> dict[str, Path]:
    """Draw n pictures of every station below folder; return machine id -> path of its truth."""
    return {station.machine_id: draw_station(station, folder / station.machine_id, seed, n) for station in STATIONS}


def read_truth(path: Path) -> dict[str, dict[str, Any]]:
    """Return file name -> {kind, verdict, reason, parameters, features} from a truth file."""
    frames: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["frames"]
    return frames
