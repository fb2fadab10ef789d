"""Tool rows: their order, their regions for people, what they refuse, and the recipe they make."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.tools import BlobTool, LocateTool
from api.errors import BadInput
from api.models import VMInspectionTool
from audit.models import AuditEntry
from tests.rows import SYSTEM, make_machine, make_tool

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("roi", "shown"),
    [
        ({"x": 0, "y": 0, "w": 752, "h": 480}, "(0, 0) - 752x480"),
        ({"shape": "rect", "rect": {"x": 1, "y": 2, "w": 3, "h": 4}}, "(1, 2) - 3x4"),
        ({"shape": "rect", "x": 1.5, "y": 2, "w": 3, "h": 4}, "(1.5, 2) - 3x4"),
        ({"shape": "circle", "circle": {"cx": 100, "cy": 80, "r": 40}}, "circle (100, 80) r 40"),
        ({"shape": "circle", "cx": 100, "cy": 80, "r": 40}, "circle (100, 80) r 40"),
        ({"shape": "ellipse", "ellipse": {"cx": 1, "cy": 2, "rx": 3, "ry": 4, "angle": 5}}, "ellipse (1, 2) 3x4 5°"),
        ({"shape": "arrow", "p0": {"x": 0, "y": 1}, "p1": {"x": 2, "y": 3}}, "arrow (0, 1) to (2, 3)"),
        ({}, "-"),
        (None, "-"),
        ({"shape": "star"}, "-"),
        ({"x": "a", "y": 0, "w": 1, "h": 1}, "-"),
        ([1, 2], "-"),
    ],
)
def test_a_region_for_people(roi: Any, shown: str) -> None:
    assert VMInspectionTool(roi_config=roi).get_roi_display() == shown


def test_an_arrow_among_the_parameters_is_the_region_people_see() -> None:
    config = {"arrow": {"p0": {"x": 0, "y": 1}, "p1": {"x": 2, "y": 3}}}
    tool = VMInspectionTool(tool_type="locate", tool_config=config, roi_config={"x": 5, "y": 5, "w": 5, "h": 5})
    assert tool.get_roi_display() == "arrow (0, 1) to (2, 3)"


def test_defaults() -> None:
    tool = make_tool(make_machine(), tool_type="grayscale", method="luminance", tool_config={})
    assert (tool.inspec_pass_fail, tool.normalize, tool.is_active) == (True, False, True)
    assert (tool.roi_config, tool.order_index, tool.number) == ({}, 0, 1)


def test_new_tools_come_last() -> None:
    machine = make_machine()
    tools = [make_tool(machine, name) for name in ("b", "a", "c")]
    assert [tool.order_index for tool in tools] == [0, 1, 2]
    assert [tool.name for tool in machine.tools.all()] == ["b", "a", "c"]
    assert [tool.name for tool in machine.draft_recipe().tools] == ["b", "a", "c"]


def test_at_one_place_the_name_decides() -> None:
    machine = make_machine()
    for name in ("b", "a"):
        make_tool(machine, name, order_index=5)
    assert [tool.name for tool in machine.draft_recipe().tools] == ["a", "b"]


def test_a_number_is_not_given_twice_while_it_is_used() -> None:
    machine = make_machine()
    first, second = make_tool(machine, "a"), make_tool(machine, "b")
    first.delete()
    assert make_tool(machine, "c").number == second.number + 1


def test_a_name_is_one_tools_of_a_machine() -> None:
    machine = make_machine()
    make_tool(machine, "a")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_tool(machine, "a")
    assert make_tool(make_machine(), "a").pk


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tool_type": "ruler", "method": ""}, "no tool of type 'ruler'"),
        ({"tool_type": "circle", "method": "", "tool_config": {}}, "needs a ring or a circle"),
        ({"tool_type": "grayscale", "method": "edge_detection"}, "no edges"),
        ({"tool_type": "blob", "method": "pattern_matching"}, "no patterns"),
        ({"tool_config": {"th_mim": 3}}, "th_mim"),
        ({"tool_config": {"limits": [{"feature": "blob_count", "min": 3, "max": 1}]}}, "minimum above its maximum"),
        ({"tool_config": {"limits": [{"feature": "weight", "min": 3}]}}, "no feature"),
        ({"roi_config": {"x": 0, "y": 0, "w": 0, "h": 5}}, "greater than 0"),
        ({"roi_config": {"shape": "star"}}, "star"),
        ({"tool_config": [1]}, "object"),
    ],
)
def test_a_row_that_means_no_tool_is_refused_with_the_reason(values: dict[str, Any], words: str) -> None:
    machine = make_machine()
    with pytest.raises(ValidationError, match=words):
        make_tool(machine, **values)
    assert not machine.tools.exists()


def test_the_recipe_leaves_out_what_is_off() -> None:
    machine = make_machine()
    make_tool(machine, "on")
    make_tool(machine, "off", is_active=False)
    assert [tool.name for tool in machine.draft_recipe().tools] == ["on"]


def test_rows_that_make_no_recipe_are_told_in_words() -> None:
    machine = make_machine()
    tool = make_tool(machine, "follows", tool_config={"follow": [77]})
    assert tool.pk
    with pytest.raises(BadInput, match="follows 77"):
        machine.draft_recipe()


RECIPE = Recipe.model_validate(
    {
        "tools": [
            {
                "type": "locate",
                "id": 5,
                "name": "Edge",
                "region": {"shape": "arrow", "p0": {"x": 10, "y": 10}, "p1": {"x": 10, "y": 90}},
                "params": {"apply_transform": True, "reference": {"x": 10, "y": 40}},
            },
            {"type": "blob", "id": 2, "name": "Holes", "follow": [5], "limits": [{"feature": "blob_count", "max": 0}]},
            {"type": "math", "id": 9, "name": "Share", "params": {"reference_tool_id": 2}},
        ]
    }
)


def test_rows_made_of_a_recipe_make_that_recipe() -> None:
    machine = make_machine()
    make_tool(machine, "goes")
    machine.set_tools(RECIPE, by=SYSTEM, reason="read in")
    assert machine.draft_recipe() == RECIPE


def test_parked_rows_stay_beside_the_recipe() -> None:
    machine = make_machine()
    for name in ("one", "two", "Holes"):
        make_tool(machine, name, is_active=False)
    machine.set_tools(RECIPE, by=SYSTEM, reason="read in")
    assert machine.draft_recipe() == RECIPE
    rows = {
        name: number for name, number, active in machine.tools.values_list("name", "number", "is_active") if not active
    }
    assert (set(rows), len({*rows.values(), 5, 2, 9})) == ({"one", "two"}, 5)


def test_rows_that_say_it_already_stay() -> None:
    machine = make_machine()
    machine.set_tools(RECIPE, by=SYSTEM, reason="read in")
    kept = machine.tools.get(number=5).pk
    blob = machine.tools.get(number=2)
    machine.set_tools(Recipe(tools=(RECIPE.tools[0],)), by=SYSTEM, reason="less")
    assert machine.tools.get().pk == kept
    assert not VMInspectionTool.objects.filter(pk=blob.pk).exists()


def test_reading_in_a_machines_configuration_makes_rows_and_asks_for_its_source() -> None:
    machine = make_machine(source_type="rtsp")
    config = {
        "source_config": {"type": "pasta", "folder_path": "parts"},
        "trigger_config": {"type": "trigger"},
        "inspection_config": {
            "tools": [
                {
                    "id": 1,
                    "name": "Y",
                    "type": "locate",
                    "arrow": {"p0": {"x": 0, "y": 0}, "p1": {"x": 0, "y": 50}},
                    "apply_transform": True,
                },
                {"id": 2, "name": "Count", "type": "blob", "blob_count_test": True, "test_blob_count_min": 2},
            ]
        },
    }
    version = machine.take_full_config(config, by=SYSTEM, reason="read in")
    assert (machine.source_type, machine.folder_path, machine.trigger_type) == ("pasta", "parts", "manual")
    assert version.asked.configuration.source.type == "pasta"
    locate, count = machine.draft_recipe().tools
    assert isinstance(locate, LocateTool)
    assert isinstance(count, BlobTool)
    assert count.limits[0].min == 2


@pytest.mark.parametrize("config", [{"inspection_config": {"tools": [{"type": "?"}]}}, {"inspection_config": 5}])
def test_a_configuration_that_cannot_be_read_changes_nothing(config: dict[str, Any]) -> None:
    machine = make_machine()
    tool = make_tool(machine)
    with pytest.raises(BadInput):
        machine.take_full_config(config, by=SYSTEM, reason="read in")
    assert machine.tools.get().pk == tool.pk
    assert machine.desired() is None
    assert AuditEntry.objects.get(refused=True).verb == "read in"
