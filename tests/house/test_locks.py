"""The lock files: exact versions with hashes, and no word of where they came from."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from tests.house.tree import ROOT, project

LOCKS = {name: (ROOT / "requirements" / f"{name}.txt").read_text() for name in ("runtime", "dev", "other-opencv")}
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?P<marker> ;[^\\]+)? \\$")
# LGPL is none of these: a word boundary stands before the G.
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)


def blocks(lock: str) -> list[list[str]]:
    """Return each requirement with the lines that belong to it."""
    found: list[list[str]] = []
    for line in LOCKS[lock].splitlines():
        if line.startswith("    ") and found:
            found[-1].append(line)
        elif not line.startswith("#"):
            found.append([line])
    return found


def pins(lock: str) -> set[str]:
    """Return the first lines of a lock's requirements: name, version, marker."""
    return {block[0] for block in blocks(lock)}


def names(requirements: list[str]) -> set[str]:
    """Return the plain names of requirements as pyproject.toml writes them."""
    return {re.split(r"[\[><=~! ;]", line, maxsplit=1)[0].lower() for line in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_one_version_with_hashes(lock: str) -> None:
    for first, *rest in blocks(lock):
        assert PIN.match(first), first
        assert rest, f"{first} has no hash"
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest), first


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path(lock: str) -> None:
    assert not re.search(r"://|file:|^-|index|find-links|@|/", LOCKS[lock], re.MULTILINE)


def test_tests_run_on_the_versions_that_run_in_production() -> None:
    assert pins("runtime") <= pins("dev")


@pytest.mark.parametrize(("lock", "group"), [("runtime", "build"), ("dev", "dev")])
def test_what_pyproject_asks_for_is_locked(lock: str, group: str) -> None:
    extras = project()["project"]["optional-dependencies"]
    asked = project()["project"]["dependencies"] + extras["machine"] + extras["orchestrator"] + extras["sso"]
    asked += [line for line in project()["dependency-groups"][group] if isinstance(line, str)]
    locked = {block[0].split("==")[0] for block in blocks(lock)}
    assert names(asked) <= locked


def test_nothing_under_gpl_or_agpl_is_shipped() -> None:
    for block in blocks("runtime"):
        name, _, rest = block[0].partition("==")
        if ";" in rest:
            continue  # for another system or Python: maybe not installed here
        metadata = importlib.metadata.metadata(name)
        words = [text[:100] for key in ("License-Expression", "License") for text in metadata.get_all(key) or []]
        words += [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
        assert not any(COPYLEFT.search(word) for word in words), f"{name}: {words}"


def test_the_locks_say_how_they_are_made() -> None:
    for lock in LOCKS.values():
        assert "make lock" in lock.splitlines()[1]


def test_no_lock_of_another_tool() -> None:
    assert not [name for name in ("uv.lock", "poetry.lock", "package-lock.json") if (ROOT / name).exists()]
