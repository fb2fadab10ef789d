"""The engine under another major version of OpenCV finds the same, within stated tolerances; under one version, to the bit.

`make setup` puts the other version into a folder of its own beside the environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from analyticlens.protocol.tools import TOOL_CLASSES

ROOT = Path(__file__).parents[2]
OTHER = Path(sys.prefix) / "other-opencv"

# How far a feature may differ between the versions, by its unit; everything else, counts above all, by one part in ten thousand.
TOLERANCES = {"px": 0.002, "deg": 0.01, "mm": 0.001}
# The old locate tool samples through OpenCV, whose older versions know only thirty-seconds of a pixel.
COARSE = {"locate": 10.0}
SHARE = 1e-4
# A score is a share of what was looked at: one ray or one point more or less.
SCORE = 0.005


def digest(*before: Path) -> dict[str, Any]:
    """Return what every tool finds, in a process that looks for its packages in these folders first."""
    path = os.pathsep.join([*map(str, before), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-m", "tests.engine.digest"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    return digest()


def test_another_process_finds_the_same_to_the_bit(here: dict[str, Any]) -> None:
    assert digest() == here


def test_the_other_opencv_finds_the_same_within_the_tolerances(here: dict[str, Any]) -> None:
    if not (OTHER / "cv2").is_dir():
        message = "the other OpenCV is not installed (make setup)"
        pytest.fail(message, pytrace=False) if os.environ.get("REQUIRE_PEERS") == "1" else pytest.skip(message)
    there = digest(OTHER)
    assert there.pop("opencv").split(".")[0] != cv2.__version__.split(".")[0]
    wrong = [line for name in there for line in differences(name, here[name], there[name])]
    assert not wrong, "\n".join(wrong)
    assert there.keys() == here.keys() - {"opencv"}


def differences(name: str, one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return what two versions say differently of one picture."""
    if (one["status"], one["texts"], one["features"].keys()) != (
        other["status"],
        other["texts"],
        other["features"].keys(),
    ):
        return [f"{name}: {one} and {other}"]
    units = {feature.name: feature.unit for feature in TOOL_CLASSES[one["type"]].features}
    return [
        f"{name}: {feature} {value} and {other['features'][feature]}"
        for feature, value in one["features"].items()
        if abs(value - other["features"][feature]) > allowed(one["type"], feature, units.get(feature, ""), value)
    ]


def allowed(kind: str, feature: str, unit: str, value: float) -> float:
    """Return how far a value may differ."""
    if feature == "score":
        return SCORE
    return COARSE.get(kind, 1.0) * max(TOLERANCES.get(unit, 0.0), SHARE * abs(value))
