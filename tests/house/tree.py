"""The project's own files, as the house tests read them."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "analyticlens"
APPS = PACKAGE / "orchestrator"


@cache
def files() -> tuple[Path, ...]:
    """Return every file the project keeps or is about to keep; what .gitignore names is not among them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def texts() -> Iterator[tuple[Path, str]]:
    """Give every text file with its text; pictures, fonts and the like are left out."""
    for path in files():
        raw = path.read_bytes()
        if b"\0" not in raw:
            yield path, raw.decode("utf-8", errors="replace")


def modules(folder: Path = PACKAGE) -> Iterator[tuple[str, ast.Module]]:
    """Give every Python file below a folder, as its path from the root and its syntax tree."""
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(folder):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def documents() -> str:
    """Return what a person reads about the project, as one text."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text() for page in pages if page.exists())
