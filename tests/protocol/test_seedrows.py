"""What the seed's tool rows become in a recipe, and the rows that mean a tool."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.seedrows import METHODS, SEED_TYPES, recipe_from_rows, row_from_tool, tool_from_row
from analyticlens.protocol.tools import TOOL_CLASSES, BlobTool, GrayscaleTool, LocateTool, PluginTool
from tests.protocol.drawn import recipes

ROI = {"x": 0, "y": 0, "w": 640, "h": 480}
ARROW = {"p0": {"x": 10, "y": 20}, "p1": {"x": 90, "y": 20}}


def row(tool_type: str, method: str, config: Any = None, **more: Any) -> dict[str, Any]:
    """Return the fields of a tool row."""
    fields = {
        "name": "ferramenta",
        "roi_config": ROI,
        "inspec_pass_fail": True,
        "normalize": False,
        "order": 1,
        "id": 1,
    }
    return {**fields, "tool_type": tool_type, "method": method, "tool_config": {} if config is None else config, **more}


@pytest.mark.parametrize(
    ("tool_type", "method", "kind"),
    [
        ("grayscale", "luminance", "grayscale"),
        ("grayscale", "threshold", "threshold"),
        ("blob", "threshold", "blob"),
        ("blob", "luminance", "blob"),
        ("blob", "edge_detection", "blob"),
        ("math", "luminance", "math"),
        ("math", "pattern_matching", "math"),
        ("math", "", "math"),
        ("custom", "luminance", "intensity"),
        ("custom", "threshold", "threshold"),
        ("custom", "edge_detection", "edge"),
        ("blur", "", "blur"),
        ("threshold", "", "threshold"),
        ("morphology", "", "morphology"),
        ("intensity", "", "intensity"),
        ("normalize", "", "normalize"),
        ("background", "", "background"),
        ("flat_field", "", "flat_field"),
        ("histogram", "", "histogram"),
        ("focus", "", "focus"),
        ("edge", "", "edge"),
        ("colour", "", "colour"),
    ],
)
def test_each_row_of_the_table(tool_type: str, method: str, kind: str) -> None:
    assert tool_from_row(**row(tool_type, method)).type == kind


# The table of the seed's types and methods: what each pair becomes, or a word of why it is refused.
SEED_TABLE = {
    "grayscale": ("grayscale", "threshold", "finds no edges", "matches no patterns"),
    "blob": ("blob", "blob", "blob", "matches no patterns"),
    "math": ("math", "math", "math", "math"),
    "custom": ("intensity", "threshold", "edge", "match"),
}


@pytest.mark.parametrize("tool_type", SEED_TYPES)
@pytest.mark.parametrize("method", METHODS)
def test_every_pair_of_the_seed_is_a_tool_or_refused_with_its_reason(tool_type: str, method: str) -> None:
    expected = SEED_TABLE[tool_type][METHODS.index(method)]
    if expected in TOOL_CLASSES:
        assert tool_from_row(**row(tool_type, method)).type == expected
        return
    with pytest.raises(ValueError, match=expected):
        tool_from_row(**row(tool_type, method))


def test_blob_with_edge_detection_searches_the_edges() -> None:
    tool = tool_from_row(**row("blob", "edge_detection"))
    assert isinstance(tool, BlobTool)
    assert tool.params.picture == "edge"


@pytest.mark.parametrize("place", ["tool_config", "roi_config"])
@pytest.mark.parametrize(("tool_type", "method"), [("locate", ""), ("custom", "edge_detection")])
def test_a_row_with_an_arrow_locates(place: str, tool_type: str, method: str) -> None:
    given = {"tool_config": {"arrow": ARROW}} if place == "tool_config" else {"roi_config": {"shape": "arrow", **ARROW}}
    assert isinstance(tool_from_row(**{**row(tool_type, method), **given}), LocateTool)


def test_the_seeds_own_example_measures_and_does_not_judge() -> None:
    tool = tool_from_row(**row("grayscale", "luminance", {"threshold": 128, "normalize": False}, normalize=True))
    assert isinstance(tool, GrayscaleTool)
    assert tool.params.threshold == 128
    assert tool.params.normalize is False
    assert tool.limits == ()


def test_the_normalize_column_holds_where_tool_config_says_nothing() -> None:
    tool = tool_from_row(**row("grayscale", "luminance", {"method": "average"}, normalize=True))
    assert isinstance(tool, GrayscaleTool)
    assert tool.params.normalize is True
    assert tool.params.method == "average"


def test_old_words_and_recipe_words_mean_the_same() -> None:
    old = row("blob", "threshold", {"blob_count_test": True, "test_blob_count_min": 24, "test_blob_count_max": 24})
    new = row("blob", "threshold", {"limits": [{"feature": "blob_count", "min": 24, "max": 24}]})
    assert tool_from_row(**old) == tool_from_row(**new)


def test_what_tool_config_says_of_normalize_wins_for_every_tool() -> None:
    given = row("blob", "threshold", {"normalize": False}, normalize=True)
    assert tool_from_row(**given) == tool_from_row(**row("blob", "threshold"))


@pytest.mark.parametrize("method", ["", *METHODS])
def test_a_custom_row_with_a_plug_in_is_the_plug_in_of_that_name(method: str) -> None:
    config = {"plugin": "darkness", "settings": {"level": 70, "marks": [1, {"a": None}]}}
    tool = tool_from_row(**row("custom", method, config | {"limits": [{"feature": "dark_share", "max": 0.1}]}))
    assert isinstance(tool, PluginTool)
    assert (tool.params.plugin, tool.params.settings) == ("darkness", config["settings"])
    written = row_from_tool(tool)
    assert (written["tool_type"], written["tool_config"]["plugin"]) == ("custom", "darkness")
    assert tool_from_row(**written, id=1, order=1) == tool


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (row("grayscale", "edge_detection"), "finds no edges"),
        (row("grayscale", "pattern_matching"), "matches no patterns"),
        (row("blob", "pattern_matching"), "matches no patterns"),
        (row("custom", "luminance", {"plugin": "../ocr"}), "plugin"),
        (row("custom", "luminance", {"plugin": "darkness", "level": 3}), "unknown key 'level'"),
        (row("circle", ""), "a circle tool needs a ring or a circle as its region"),
        (row("grayscale", ""), "cannot have the method ''"),
        (row("blur", "luminance"), "blur tools take no method"),
        (row("intensity", "", {"limits": [{"feature": "hue", "max": 1}]}), "intensity tools have no feature 'hue'"),
        (row("foo", ""), "there is no tool of type 'foo'"),
        (row("foo", "luminance"), "there is no tool of type 'foo'"),
        (row("blob", "threshold", normalize=True), "only a grayscale tool can normalize"),
        (row("blob", "threshold", {"picture": "edge"}), "searches the grey picture"),
        (row("blob", "threshold", {"normalize": True}), "only a grayscale tool can normalize"),
        (row("blob", "threshold", {"th_mim": 1}), "unknown key 'th_mim'"),
        (row("blob", "threshold", []), "tool_config is an object"),
        (row("blob", "threshold", roi_config={"shape": "star"}), "unknown ROI shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_mean_nothing_are_refused_with_the_reason(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^tool 'ferramenta': .*{reason}"):
        tool_from_row(**fields)


@given(recipes())
@settings(deadline=None)
def test_the_rows_of_a_recipe_mean_that_recipe(recipe: Recipe) -> None:
    rows = [{**row_from_tool(tool), "order": place, "id": tool.id} for place, tool in enumerate(recipe.tools)]
    assert recipe_from_rows(reversed(rows)) == recipe


def test_rows_are_ordered_by_order_then_name() -> None:
    rows = [
        row("blur", "", name="c", order=2, id=1),
        row("blur", "", name="b", order=1, id=2),
        row("blur", "", name="a", order=1, id=3),
    ]
    assert [tool.name for tool in recipe_from_rows(rows).tools] == ["a", "b", "c"]
