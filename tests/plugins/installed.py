"""The plug-ins of this folder, built and installed into a folder of their own, as a person would install them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("example_plugin", "strange_plugin")


def install(folder: Path) -> Path:
    """Install the plug-ins into a folder and return it: put on the path, it makes them known."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--no-compile", "--target", str(folder)]
    run = subprocess.run([*command, *(str(HERE / package) for package in PACKAGES)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder
