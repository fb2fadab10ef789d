"""Who may know whom: the import contracts, and what each room may take from outside."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.tree import APPS, PACKAGE, ROOT, modules, project

OWN = {"analyticlens", "config", "audit", "user", "api", "recipes", "results", "edge", "dashboard", "proof", "alerts"}
# Beside its extra's packages and the standard library; a room not named here takes no standard module amiss.
ROOMS = {
    "protocol": (
        PACKAGE / "protocol",
        {"cronsim", "pydantic", "pydantic_core", "annotated_types", "typing_extensions"},
    ),
    "engine": (PACKAGE / "engine", {"numpy", "cv2", "simpleeval", "pydantic", "zxingcpp", "tesserocr", "onnxruntime"}),
}
# Taken where a tool that needs it is prepared: where it is missing the recipe is refused, and everything else works.
OPTIONAL = {"zxingcpp", "tesserocr", "onnxruntime"}
FORBIDDEN_TO_ENGINE = {
    "threading",
    "multiprocessing",
    "socket",
    "http",
    "urllib",
    "subprocess",
    "asyncio",
    "sqlite3",
    "shutil",
}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give line and top-level name of everything imported below a node, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def foreign(folder: Path) -> Iterator[tuple[str, str]]:
    """Give place and name of each import below a folder that is neither standard nor ours."""
    for name, tree in modules(folder):
        yield from ((f"{name}:{line}", top) for line, top in imports(tree) if top not in sys.stdlib_module_names | OWN)


@cache
def allowed(*extras: str, dev: bool = False) -> frozenset[str]:
    """Return the importable names that the base dependencies and the named extras bring by themselves, and the tests' own."""
    table = project()["project"]
    asked = [*table["dependencies"], *(line for extra in extras for line in table["optional-dependencies"][extra])]
    if dev:
        asked += [line for line in project()["dependency-groups"]["dev"] if isinstance(line, str)]
    names = {re.split(r"[\[><=~! ;]", line, maxsplit=1)[0].lower().replace("_", "-") for line in asked}
    providers = importlib.metadata.packages_distributions()
    return frozenset(
        module for module, dists in providers.items() if names & {dist.lower().replace("_", "-") for dist in dists}
    )


def test_the_import_contracts_are_kept() -> None:
    paths = os.pathsep.join([str(ROOT / "src"), str(APPS)])
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    run = subprocess.run(linter, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_the_inner_rooms_take_little_from_outside(room: str) -> None:
    folder, may = ROOMS[room]
    assert [place for place in foreign(folder) if place[1] not in may] == []


def test_the_engine_takes_what_may_be_missing_inside_functions_only() -> None:
    for name, tree in modules(PACKAGE / "engine"):
        at_once = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        assert not {top for _, top in imports(at_once)} & OPTIONAL, name


def test_the_engine_has_no_threads_files_or_network() -> None:
    found = [(name, top) for name, tree in modules(PACKAGE / "engine") for _, top in imports(tree)]
    assert [place for place in found if place[1] in FORBIDDEN_TO_ENGINE] == []


def test_a_machine_installs_without_django() -> None:
    assert [place for place in foreign(PACKAGE / "machine") if place[1] not in allowed("machine", "gpio")] == []


def test_an_orchestrator_installs_without_opencv() -> None:
    assert [place for place in foreign(APPS) if place[1] not in allowed("orchestrator", "sso")] == []


def test_everything_imported_is_asked_for() -> None:
    extras = ("machine", "gpio", "orchestrator", "ocr", "ai", "sso")
    bench = str((PACKAGE / "bench").relative_to(ROOT))
    # The benchmarks draw with what the tests draw with, and measure every database.
    drawn = allowed(*extras, "postgres", dev=True)
    taken = foreign(PACKAGE)
    assert [
        place for place in taken if place[1] not in (drawn if place[0].startswith(bench) else allowed(*extras))
    ] == []


def test_everything_the_tests_import_is_asked_for() -> None:
    brought = allowed("machine", "orchestrator", "postgres", "sso", dev=True) | {
        "tests",
        "gi",
    }  # gi: of the system's own Python, which runs that peer
    assert [place for place in foreign(ROOT / "tests") if place[1] not in brought] == []


def test_the_command_line_starts_with_any_extra_missing() -> None:
    for name in ("__init__.py", "__main__.py", "cli.py"):
        tree = ast.parse((PACKAGE / name).read_text())
        at_once = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        taken = {top for _, top in imports(at_once)} - sys.stdlib_module_names - {"analyticlens"}
        assert taken <= allowed(), f"{name}: {taken}"


def test_the_orchestrator_takes_the_engine_inside_functions_only() -> None:
    for name, tree in modules(APPS):
        at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not [node for node in at_once if "analyticlens.engine" in ast.unparse(node)], name
