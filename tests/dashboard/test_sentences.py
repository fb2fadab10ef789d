"""What machines say is said in the page's language: every sentence machine and engine can make is known, with its names and numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from dashboard import sentences

SOURCES = Path(__file__).parents[2] / "src" / "analyticlens"
# Raised with a sentence for a person, or named as one.
RAISED = {"_nothing", "ToolFailed", "CannotBuild", "SourceRefused", "LookupFailed", "Undecodable", "Rejected"}
NAMED = {"message", "link_warning", "warning", "problem"}
# Told on the old wire only, or to who types at the machine's own page.
ELSEWHERE = {"cli.py", "inspect_cli.py", "commands.py"}


def spoken(node: ast.AST) -> str | None:
    """Return a literal sentence with something in its places; None for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if " " in node.value else None
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "Q7" for part in node.values]
        return "".join(parts) if any(" " in part for part in parts) else None
    return None


def in_file(path: Path) -> Iterator[str]:
    """Yield the sentences a file makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        candidates: list[ast.AST] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
            candidates = list(node.args)
        elif isinstance(node, ast.keyword) and node.arg in NAMED:
            candidates = [node.value]
        elif isinstance(node, ast.Assign):
            names = {getattr(target, "id", getattr(target, "attr", "")) for target in node.targets}
            candidates = [node.value] if names & NAMED else []
        yield from filter(None, map(spoken, candidates))


def made() -> list[str]:
    """Return every sentence machine and engine make for a page."""
    files = [path for room in ("engine", "machine") for path in (SOURCES / room).rglob("*.py")]
    return sorted({text for path in files if path.name not in ELSEWHERE for text in in_file(path)})


@pytest.mark.parametrize("text", made())
def test_each_sentence_of_machine_and_engine_is_known(text: str) -> None:
    with translation.override("pt-br"):
        said = sentences.said(text)
    assert said != text
    assert said.count("Q7") == text.count("Q7")


def test_enough_of_them_are_found() -> None:
    assert len(made()) > 50


def test_a_sentence_within_a_sentence_is_said_too() -> None:
    text = "tool 2 (Barra): the formula names 'x', which is no measure of that tool"
    with translation.override("pt-br"):
        said = sentences.said(text)
    assert said == "ferramenta 2 (Barra): a fórmula cita 'x', que não é medida daquela ferramenta"


@pytest.mark.parametrize("text", ["", "parou: sem luz", "a lente caiu", "{0.__class__} {rest}", "x" * 10_000])
def test_what_nobody_knows_is_shown_as_it_came(text: str) -> None:
    with translation.override("pt-br"):
        assert sentences.said(text) == text


def test_english_is_shown_as_the_machine_said_it() -> None:
    with translation.override("en"):
        assert sentences.said("the folder parts does not exist") == "the folder parts does not exist"
    with translation.override("pt-br"):
        assert sentences.said("the folder parts does not exist") == "a pasta parts não existe"


def test_names_that_look_like_places_are_names() -> None:
    with translation.override("pt-br"):
        assert sentences.said("the folder {name} does not exist") == "a pasta {name} não existe"


def test_refusals_name_kinds_and_measures_as_pages_do() -> None:
    with translation.override("pt-br"):
        told = sentences.said("tool 'Peça': locate tools have no feature 'mean_area'")
        assert told == "ferramenta 'Peça': ferramentas do tipo Localizar não têm a medida Área média"
        other = sentences.said("tool 'Peça': blob tools cannot have the method 'odd'")
        assert other == "ferramenta 'Peça': ferramentas do tipo Blobs não podem ter o método 'odd'"


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        (
            "signals cannot be heard: port 5500 of 10.0.0.1 cannot be listened at: Address already in use",
            "os sinais não podem ser ouvidos: não é possível escutar na porta 5500 de 10.0.0.1: Address already in use",
        ),
        (
            "signals cannot be heard: the MQTT broker b:1883 refuses: Not authorized",
            "os sinais não podem ser ouvidos: o broker MQTT b:1883 recusa: Not authorized",
        ),
        (
            "trigger.scheduled.cron: the cron line 30 2 31 2 * never comes: its months have no such day",
            "disparo, scheduled.cron: a linha cron 30 2 31 2 * nunca ocorre: seus meses não têm esse dia",
        ),
        (
            "trigger.scheduled.time_zone: there is no time zone X",
            "disparo, scheduled.time_zone: não existe o fuso horário X",
        ),
        ("busy: 16 triggers wait already", None),
    ],
)
def test_what_triggers_say_is_said_in_portuguese(english: str, portuguese: str | None) -> None:
    with translation.override("pt-br"):
        said = sentences.said(english)
    assert said == portuguese if portuguese else said != english
