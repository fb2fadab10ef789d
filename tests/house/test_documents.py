"""Documents stay true: every word a person may type or set is explained somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from analyticlens.cli import COMMANDS
from analyticlens.protocol.tools import TOOL_CLASSES
from tests.house.tree import APPS, ROOT, documents, modules

VARIABLE = re.compile(r"(AL_[A-Z][A-Z_]*[A-Z]|[A-Z]+_URL|REQUIRE_PEERS)")
# Read by programs of the project, set by no person.
INTERNAL = {"DJANGO_SETTINGS_MODULE"}


def literals(node: ast.AST) -> Iterator[str]:
    """Give every string below a node."""
    return (child.value for child in ast.walk(node) if isinstance(child, ast.Constant) and isinstance(child.value, str))


def calls(name: str) -> Iterator[ast.Call]:
    """Give every call of a method of that name in the package, the orchestrator's migrations aside."""
    for path, tree in modules():
        if "/migrations/" not in path:
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                    yield node


def first_words(name: str) -> set[str]:
    """Return the leading string arguments of every call of a method: the words it makes known."""
    found = set()
    for call in calls(name):
        found |= {arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return found


def settings() -> set[str]:
    """Return every environment variable the code reads: strings that look like one, wherever they stand."""
    found = set()
    for _, tree in modules():
        found |= {text for text in literals(tree) if VARIABLE.fullmatch(text)}
    return found - INTERNAL


def subcommands() -> set[str]:
    """Return the words of `analyticlens`, and those below them."""
    return set(COMMANDS) | first_words("add_parser")


def missing(words: set[str], pattern: str) -> list[str]:
    """Return the words that no document holds in the given surroundings."""
    text = documents()
    return sorted(word for word in words if not re.search(pattern.format(re.escape(word)), text))


def test_every_make_target_is_explained() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"up", "setup", "check", "test", "bench", "clean"} <= targets
    assert missing(targets - {"help"}, r"\bmake {}\b") == []


def test_every_command_line_word_is_explained() -> None:
    assert {"up", "machine", "manage"} <= subcommands()
    assert missing(subcommands(), r"\banalyticlens {}\b") == []


def test_every_option_is_explained() -> None:
    options = {word for word in first_words("add_argument") if word.startswith("--")}
    assert missing(options, r"(?<![\w-]){}(?![\w-])") == []


def test_every_word_of_the_command_line_leads_somewhere() -> None:
    roots = (ROOT / "src", APPS)
    for word, command in COMMANDS.items():
        path = Path(*command.module.split("."))
        assert any((root / path).is_dir() or (root / path).with_suffix(".py").is_file() for root in roots), word


def test_every_tool_is_explained() -> None:
    assert missing(set(TOOL_CLASSES), r"(?m)^#+ `?{}\b") == []


def test_every_call_of_the_machines_door_is_explained() -> None:
    tree = ast.parse((APPS / "edge" / "urls.py").read_text())
    routes = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "path" and isinstance(node.args[0], ast.Constant)
    }
    words = {word for route in routes for word in re.findall(r"(?<![<:\w])[a-z]{3,}(?![\w>:])", str(route))}
    assert missing(words, r"\b{}\b") == []


def test_every_management_command_is_explained() -> None:
    commands = {path.stem for path in APPS.glob("*/management/commands/*.py")} - {"__init__"}
    assert missing(commands, r"\b{}\b") == []


def test_every_setting_is_explained() -> None:
    assert missing(settings(), r"\b{}\b") == []


def test_every_make_target_named_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", documents()))
    assert named <= targets


def test_every_file_a_document_links_to_exists() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [
        (page, link) for page in pages if page.exists() for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
    ]
    local = [(page, link) for page, link in links if "://" not in link and not link.startswith("mailto:")]
    assert [f"{page.name}: {link}" for page, link in local if not (page.parent / link).exists()] == []
