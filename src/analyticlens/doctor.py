"""`analyticlens doctor`: looks whether this computer has what AnalyticLens needs, and says what to do where it has not."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from analyticlens.machine import clock

OLDEST_PYTHON = (3, 11)
OPENCV = ((4, 12), (6, 0))
# Before the first release: a clock that says so was never set.
FIRST_YEAR = 2026
DISK_WARN_MB, DISK_FAIL_MB = 2000, 200


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do about it ("" when nothing)."""

    level: str
    subject: str
    found: str
    advice: str = ""


def main(arguments: Sequence[str]) -> int:
    """Print every finding; return 1 if something is missing that AnalyticLens cannot do without."""
    parser = argparse.ArgumentParser(
        prog="analyticlens doctor", description="Look whether this computer has what AnalyticLens needs."
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("AL_DATA", "data")), help="data folder (./data)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address the pages will be served at (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port the pages will be served at (8000)")
    options = parser.parse_args(arguments)
    findings = list(examine(options.data, options.host, options.port))
    for finding in findings:
        print(f"{finding.level:<5} {finding.subject:<13} {finding.found}")
        if finding.advice:
            print(f"{'':<19} -> {finding.advice}")
    return int(any(finding.level == "FAIL" for finding in findings))


def examine(data: Path, host: str, port: int) -> Iterator[Finding]:
    """Give one finding a subject."""
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _extra("machine"),
        lambda: _extra("orchestrator"),
        _opencv,
        lambda: _data_folder(data),
        lambda: _disk(data),
        lambda: _port(host, port),
        _clock,
    ]
    for check in checks:
        yield check()


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("FAIL", "Python", found, "AnalyticLens needs Python 3.11 or newer")
    return Finding("ok", "Python", found)


def _extra(extra: str) -> Finding:
    """Look for every package of an extra, by what this installation says of itself."""
    wanted = [
        re.split(r"[ <>=!~;\[]", line, maxsplit=1)[0]
        for line in requires("analyticlens") or []
        if re.search(rf"extra == ['\"]{extra}['\"]", line)
    ]
    missing = [name for name in wanted if _version(name) is None]
    if missing:
        advice = f"pip install 'analyticlens[{extra}]' (without it `analyticlens {_words(extra)}` does not run)"
        return Finding("WARN", extra, f"missing: {', '.join(missing)}", advice)
    return Finding("ok", extra, f"all {len(wanted)} packages are there")


def _words(extra: str) -> str:
    return {"machine": "machine", "orchestrator": "manage"}[extra]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _opencv() -> Finding:
    try:
        import cv2
    except ImportError as problem:
        return Finding("WARN", "OpenCV", f"cannot be imported: {problem}", "pip install 'analyticlens[machine]'")
    found = tuple(map(int, re.findall(r"\d+", cv2.__version__)[:2]))
    others = [name for name in ("opencv-python", "opencv-contrib-python") if _version(name)]
    if others:
        advice = (
            f"pip uninstall {' '.join(others)}, then install opencv-python-headless again: they overwrite one another"
        )
        return Finding("WARN", "OpenCV", f"{cv2.__version__}, and {', '.join(others)} beside it", advice)
    if not OPENCV[0] <= found < OPENCV[1]:
        return Finding("FAIL", "OpenCV", cv2.__version__, "AnalyticLens is tested with OpenCV 4.12 to 5.x")
    return Finding("ok", "OpenCV", cv2.__version__)


def _nearest(folder: Path) -> Path:
    folder = folder.absolute()
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _data_folder(data: Path) -> Finding:
    place = _nearest(data)
    if not place.is_dir():
        return Finding("FAIL", "data folder", f"{place} is a file", "choose another folder with --data")
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding(
            "FAIL",
            "data folder",
            f"{place} cannot be written",
            "choose another folder with --data, or change its owner",
        )
    if place != data.absolute():
        return Finding("ok", "data folder", f"{data} will be made")
    if place.stat().st_mode & 0o077:
        return Finding("WARN", "data folder", f"{data} can be read by others", f"chmod 700 {data}")
    return Finding("ok", "data folder", str(data))


def _disk(data: Path) -> Finding:
    free_mb = shutil.disk_usage(_nearest(data)).free // 2**20
    advice = "make room, or choose a data folder on another disk with --data"
    if free_mb < DISK_FAIL_MB:
        return Finding("FAIL", "disk", f"{free_mb} MB free", advice)
    if free_mb < DISK_WARN_MB:
        return Finding("WARN", "disk", f"{free_mb} MB free", advice)
    return Finding("ok", "disk", f"{free_mb} MB free")


def _port(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as problem:
        advice = "stop the program that has it (an `analyticlens up` that runs already is one), or choose another with --port"
        return Finding("WARN", "port", f"{port} on {host} cannot be used: {problem.strerror or problem}", advice)
    return Finding("ok", "port", f"{port} on {host} is free")


def _clock() -> Finding:
    now = clock.wall()
    found = f"{now:%Y-%m-%d %H:%M} UTC"
    if now.year < FIRST_YEAR:
        return Finding("WARN", "clock", found, "set the clock (timedatectl set-ntp true): results carry its time")
    return Finding("ok", "clock", found)
