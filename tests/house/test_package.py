"""What is built holds what is kept: templates, static files, translations and pictures travel with the code."""

from __future__ import annotations

import email
import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import analyticlens
from tests.house.tree import PACKAGE, ROOT, files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build the wheel, without the network, and open it."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    kept = {Path("analyticlens", path.relative_to(PACKAGE)).as_posix() for path in files() if PACKAGE in path.parents}
    assert kept <= set(wheel.namelist())


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    info = f"analyticlens-{analyticlens.__version__}.dist-info"
    assert "analyticlens = analyticlens.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "Apache License" in wheel.read(f"{info}/licenses/LICENSE").decode()


def test_the_wheel_asks_for_little_without_extras(wheel: zipfile.ZipFile) -> None:
    metadata = email.message_from_bytes(wheel.read(f"analyticlens-{analyticlens.__version__}.dist-info/METADATA"))
    base = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [line.partition("<")[0].partition(">")[0] for line in base] == ["cronsim", "pydantic", "tzdata"]
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "machine",
        "orchestrator",
        "all",
        "ocr",
        "ai",
        "gpio",
        "client",
        "postgres",
        "sso",
    }


def test_the_installed_package_is_this_tree() -> None:
    assert Path(analyticlens.__file__).parent == PACKAGE
    assert importlib.metadata.version("analyticlens") == analyticlens.__version__
