"""Files of others that travel with the pages: each is named in the VENDOR.toml beside it, and is what that says.

A VENDOR.toml holds one `[[file]]` a file: `name`, `version`, `file`, `licence`, `licence_file`, `sha256`.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import APPS, files

FOLDERS = sorted(
    {folder for path in files() for folder in path.parents if folder.name == "vendor" and APPS in folder.parents}
)
LICENCES = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "OFL-1.1", "Unlicense"}

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)


def manifest(folder: Path) -> list[dict[str, str]]:
    """Return what a folder's manifest says of each file."""
    entries: list[dict[str, str]] = tomllib.loads((folder / "VENDOR.toml").read_text())["file"]
    return entries


def test_every_file_is_in_the_manifest_and_the_other_way_round(folder: Path) -> None:
    there = {path.relative_to(folder).as_posix() for path in files() if folder in path.parents}
    told = {entry[key] for entry in manifest(folder) for key in ("file", "licence_file")}
    assert there - {"VENDOR.toml"} == told


def test_every_file_is_what_the_manifest_says(folder: Path) -> None:
    for entry in manifest(folder):
        assert entry["name"], entry
        assert entry["version"], entry
        assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]


def test_every_licence_allows_shipping(folder: Path) -> None:
    assert [entry for entry in manifest(folder) if entry["licence"] not in LICENCES] == []
