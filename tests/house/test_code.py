"""Rules of the house that lint and types do not hold."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator

from tests.house.tree import APPS, PACKAGE, files, modules

# The places that may catch everything, once each: an unforeseen fault in one frame, one machine or another's code must not end the rest.
GUARDS = {
    "the inspecting loop's guard": ("src/analyticlens/machine/*.py",),
    "the watcher's guard of one item": ("src/analyticlens/orchestrator/*/watch*.py",),
    "the guard of foreign code": ("src/analyticlens/engine/plugins.py",),
}
CLOCKS = {"src/analyticlens/machine/clock.py", "src/analyticlens/orchestrator/audit/clock.py"}
LAYER_NAMES = {"services.py", "managers.py", "utils.py", "base.py", "helpers.py", "signals.py"}


def broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches everything and keeps it; one that tidies up and raises on does not."""
    if ast.unparse(handler.body[-1]) == "raise":
        return False
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in kinds)


def broad_handlers() -> Iterator[tuple[str, int]]:
    """Give file and line of everything that swallows any exception."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and broad(node):
                yield name, node.lineno
            if isinstance(node, ast.Call) and ast.unparse(node).endswith("suppress(Exception)"):
                yield name, node.lineno


def test_only_the_three_guards_catch_everything() -> None:
    seen: dict[str, list[str]] = {}
    for name, line in broad_handlers():
        guard = next((g for g, where in GUARDS.items() if any(fnmatch.fnmatch(name, w) for w in where)), "none")
        seen.setdefault(guard, []).append(f"{name}:{line}")
    assert "none" not in seen, seen
    assert all(len(places) == 1 for places in seen.values()), seen


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what each name a module imports stands for: `from time import sleep as nap` gives nap -> time.sleep."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


# Durations of what was just done (perf_counter, thread_time) are measurements, not the time, and stay free.
TIMES = {"time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.sleep", "django.utils.timezone.now"}
TIMES |= {f"datetime.{kind}" for kind in ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")}


def times(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give line and full name of each use of a clock."""
    names = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, dot, rest = ast.unparse(node).partition(".")
            full = names.get(first, first) + dot + rest
            if full in TIMES:
                yield node.lineno, full


def test_time_comes_from_the_clock_modules() -> None:
    own = [(name, tree) for name, tree in modules() if name not in CLOCKS and "/migrations/" not in name]
    assert [f"{name}:{line}: {use}" for name, tree in own for line, use in times(tree)] == []


def test_the_clock_rule_sees_every_spelling() -> None:
    spellings = [
        "import time\ntime.sleep(1)",
        "from time import sleep as nap\nnap(1)",
        "import datetime as d\nd.datetime.now()",
    ]
    spellings += ["from datetime import datetime\ndatetime.now()", "from django.utils import timezone as tz\ntz.now()"]
    assert all(list(times(ast.parse(code))) for code in spellings)


def test_no_layers_named_after_nothing() -> None:
    assert [str(path) for path in files() if path.is_relative_to(PACKAGE) and path.name in LAYER_NAMES] == []


def test_no_django_signals_of_our_own() -> None:
    uses = {"django.dispatch.Signal", "django.db.models.signals"}
    found = [
        (name, use)
        for name, tree in modules(APPS)
        for use in imported_names(tree).values()
        if use.startswith(tuple(uses))
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        name for name, tree in modules() if ast.get_docstring(tree) is None and tree.body and "/migrations/" not in name
    ]
    assert silent == []


def test_the_orchestrator_is_a_source_root_and_not_a_package() -> None:
    assert not (APPS / "__init__.py").exists()


def test_pages_and_rest_ask_for_machines_of_who_asks() -> None:
    """A view that takes all machines would show those outside a person's scope."""
    raw = {
        f"{name}:{node.lineno}"
        for name, tree in modules(APPS)
        if "/dashboard/" in name or "/rest" in name
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"VirtualMachine.objects", "InspectionResult.objects"}
    }
    allowed = {
        # What id is free, which must not be one of a machine that is not seen.
        "dashboard/fleet.py": 1,
        "rest/care.py": 1,
        # Results of a machine that was asked for in `active`, and those `seen` bounds.
        "dashboard/pictures.py": 1,
        "dashboard/station.py": 2,
        "results/rest.py": 1,
    }
    found: dict[str, int] = {}
    for place in raw:
        file = "/".join(place.rpartition(":")[0].split("/")[-2:])
        found[file] = found.get(file, 0) + 1
    assert found == allowed
