"""Plug-ins: tools that Python packages bring, and whatever such packages do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.plugins import installed, load, plugin_schemas
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.strict import plain as as_json
from analyticlens.protocol.tools import PluginParams
from tests.engine.drawing import boxes, limit, look, plain, recipe, rect
from tests.plugins.installed import install

ROOT = Path(__file__).parents[2]
NAMES = {"darkness", "strange", "not_there", "no_plugin", "breaks_when_loaded", "odd_features"}
BRIGHT = plain(level=255)
# What no engine can survive; the machine does, in tests/machine.
ENDS_THE_PROCESS = {"hangs", "leaves", "ends the process"}
MISBEHAVES = [
    "raises", "raises its own kind", "raises plainly", "raises ours", "returns nothing", "returns a verdict", "measures text",
    "measures what is no number", "measures an object", "measures a list", "measures what it did not declare",
    "measures a number by number", "reads bytes", "reads by no name", "draws nonsense", "draws far away", "draws too much",
    "writes into the picture", "raises what is no exception", "gives up as a generator", "measures bytes",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plugins"))


@pytest.fixture(autouse=True)
def plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(folder))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("example_plugin", "strange_plugin")]:
        del sys.modules[name]


def darkness(**settings: Any) -> dict[str, Any]:
    return {"type": "plugin", "params": {"plugin": "darkness", "settings": settings}}


def strange(how: str) -> dict[str, Any]:
    return {"type": "plugin", "params": {"plugin": "strange", "settings": {"how": how}}, "limits": [limit("value", 1)]}


def test_what_is_installed_is_known() -> None:
    assert set(installed()) >= NAMES


def test_it_measures_judges_and_draws_like_any_tool() -> None:
    picture = boxes((10, 10, 20, 24), low=200, high=30)
    inspection = look(picture, darkness() | {"limits": [limit("dark_area", 480, 480)]})
    outcome = inspection.tools[0]
    assert inspection.verdict == "ok"
    assert outcome.features == {"dark_area": 480, "dark_share": 480 / 19200, "x": 10, "y": 10}
    assert outcome.texts == {"shade": "dark"}
    assert [overlay.shape.shape for overlay in inspection.overlay] == ["cross"]
    assert ToolOutcome.model_validate(as_json(outcome)) == outcome


def test_it_looks_where_its_region_is() -> None:
    picture = boxes((10, 10, 20, 24), low=200, high=30)
    region = {"shape": "circle", "cx": 20, "cy": 20, "r": 4}
    inside = look(picture, darkness() | {"region": region, "limits": [limit("coverage", 1)]}).tools[0]
    assert inside.features["dark_share"] == inside.features["coverage"] == 1
    assert (
        look(picture, darkness(expect_some=False) | {"region": rect(100, 50, 20, 20)}).tools[0].features["dark_area"]
        == 0
    )


def test_nothing_found_is_undecided_and_never_ok() -> None:
    inspection = look(plain(level=200), darkness() | {"limits": [limit("dark_area", 0)]})
    assert (inspection.verdict, inspection.reason) == ("undecided", "not_found")
    assert inspection.tools[0].features == {}


def test_formulas_and_logic_take_what_it_measures() -> None:
    picture = boxes((10, 10, 20, 24), low=200, high=30)
    measures = [{"name": "dark", "tool": 1, "feature": "dark_area"}]
    doubled = {
        "type": "math",
        "params": {"operation": "custom_formula", "custom_formula": "2 * dark", "measures": measures},
    }
    both = {"type": "logic", "params": {"tools": [1]}}
    tools = look(picture, darkness() | {"limits": [limit("dark_area", 1)]}, doubled, both).tools
    assert (tools[1].features["result"], tools[2].features["result"]) == (960, 1)


def test_its_schema_is_there_for_a_form_with_its_features() -> None:
    schema = plugin_schemas()["darkness"]
    assert schema["title"] == "Darkness"
    assert schema["settings"]["properties"]["level"]["maximum"] == 65535
    assert schema["features"][0] == {"name": "dark_area", "unit": "px²", "title": "Dark area"}


@pytest.mark.parametrize("name", ["not_there", "no_plugin", "breaks_when_loaded", "odd_features"])
def test_a_package_that_brings_no_tool_says_so_and_spoils_nothing(name: str) -> None:
    assert plugin_schemas()[name]["problem"]
    with pytest.raises(RecipeRefused, match="plug-in"):
        prepare(recipe({"type": "plugin", "params": {"plugin": name}}))
    assert load("darkness").title == "Darkness"


@pytest.mark.parametrize(
    ("tool", "sentence"),
    [
        ({"params": {"plugin": "nobody"}}, "no plug-in 'nobody'"),
        ({"params": {"plugin": "darkness", "settings": {"level": -1}}}, "refuses its settings: .* level"),
        ({"params": {"plugin": "darkness", "settings": {"lvl": 1}}}, "refuses its settings: .* lvl"),
        ({"params": {"plugin": "darkness"}, "limits": [limit("darkness", 1)]}, "no feature 'darkness'"),
        ({"params": {"plugin": "strange", "settings": {"how": "refuses"}}}, "OwnKind: not with me"),
        ({"params": {"plugin": "strange", "settings": {"how": "gives nothing to call"}}}, "nothing to call"),
    ],
)
def test_what_cannot_be_prepared_is_refused_in_words(tool: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeRefused, match=sentence):
        prepare(recipe({"type": "plugin"} | tool))


def test_every_way_of_misbehaving_is_tried() -> None:
    assert set(MISBEHAVES) | ENDS_THE_PROCESS == set(import_module("strange_plugin").HOW)


@pytest.mark.parametrize("how", MISBEHAVES)
def test_whatever_it_does_is_its_own_error_and_the_next_frame_is_judged(how: str) -> None:
    prepared = prepare(recipe(strange(how)))
    frame = BRIGHT.copy()
    inspection = inspect(frame, prepared)
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error"), inspection
    assert inspection.tools[0].features == {}
    assert "\n" not in inspection.message
    assert ToolOutcome.model_validate(as_json(inspection.tools[0]))
    np.testing.assert_array_equal(frame, BRIGHT)
    assert inspect(plain(), prepared).verdict == "ok"


def test_numbers_of_numpy_are_numbers() -> None:
    features = look(plain(), strange("well")).tools[0].features
    assert features == {"value": 1.5}
    assert type(features["value"]) is float


@pytest.mark.parametrize("settings", [{"a": [[[[[[[[[[1]]]]]]]]]]}, {"a": "b" * 30_000}])
def test_settings_that_are_no_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the settings"):
        PluginParams(plugin="darkness", settings=settings)


def test_the_page_about_plug_ins_shows_the_package_that_is_tested_here() -> None:
    page = (ROOT / "docs" / "plugin.md").read_text("utf-8")
    package = ROOT / "tests" / "plugins" / "example_plugin"
    for language, file in (("toml", "pyproject.toml"), ("python", "src/example_plugin/__init__.py")):
        assert f"```{language}\n{(package / file).read_text('utf-8')}```" in page


def test_the_recipe_of_the_page_judges() -> None:
    page = (ROOT / "docs" / "plugin.md").read_text("utf-8")
    (text,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert inspect(plain(200, 300, level=200), prepare(Recipe.model_validate_json(text))).verdict == "ok"
