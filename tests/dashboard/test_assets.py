"""Templates, styles and scripts: strict policy, known signs, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dashboard
from dashboard.management.commands.icon_sprite import SPRITE, names

ROOM = Path(dashboard.__file__).parent
TEMPLATES = sorted(ROOM.rglob("templates/**/*.html"))
STYLES = sorted(ROOM.glob("static/dashboard/css/*.css"))
SCRIPTS = sorted(ROOM.glob("static/dashboard/js/*.js"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_script_and_no_style(path: Path) -> None:
    html = path.read_text()
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:|\|safe\b|autoescape off", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)


@pytest.mark.parametrize("path", [*TEMPLATES, *STYLES, *SCRIPTS], ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    assert not re.search(r"""(?:src|href|url|import|fetch)\s*[=(]?\s*["'(]?\s*(?:https?:)?//""", path.read_text())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_of_text(path: Path) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
    )


def test_every_icon_asked_for_is_in_the_sprite_and_no_other() -> None:
    source = "".join(path.read_text() for path in [*TEMPLATES, *ROOM.glob("*.py")])
    inside = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text()))
    asked = set(re.findall(r'{% icon "([^"]+)"', source))
    from dashboard.display import ICONS

    asked |= set(ICONS.values()) | {"play", "square", "rotate-cw", "zap"}
    assert inside == set(names())
    assert asked <= inside


def test_every_sign_asked_for_is_drawn() -> None:
    shapes = (ROOM / "static/dashboard/shapes.svg").read_text()
    assert set(re.findall(r'<symbol id="([^"]+)"', shapes)) == {
        "ok",
        "nok",
        "undecided",
        "error",
        "none",
        "p1",
        "p2",
        "p3",
        "p4",
        "mark",
    }


def test_every_colour_is_a_token() -> None:
    for path in STYLES:
        if path.name != "tokens.css":
            colours = set(re.findall(r"#[0-9a-f]{3,8}\b", path.read_text()))
            assert colours <= {"#000", "#fff", "#10222c", "#1c0700"}, path.name
