"""Tables, several words, files and other tools in a tool's form: what is written there is what the tool has."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from analyticlens.protocol.tools import BlobTool, ColourTool, LogicTool, MathTool, MeasureTool
from api.models import VirtualMachine
from tests.dashboard.tool_forms import complaints, page, save
from tests.rows import make_machine, make_tool

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]


def added(client: Client, *kinds: str) -> VirtualMachine:
    """Return vm_a with a tool of each kind, its usual values in it."""
    machine = make_machine("vm_a")
    for kind in kinds:
        client.post("/m/vm_a/tools/add", {"type": kind})
    return machine


def tool_of(machine: VirtualMachine, number: int = 1) -> Any:
    return machine.tools.get(number=number).as_tool()


def test_rows_of_a_table_are_added_changed_and_taken_away(browser: Browser) -> None:
    client = browser()
    machine = added(client, "blob")
    first = {"params.gates.0.feature": "circularity", "params.gates.0.min": "0,8"}
    second = {"params.gates.1.feature": "area", "params.gates.1.min": "10", "params.gates.1.max": "500"}
    assert save(client, **first, **second).status_code == 302
    tool = tool_of(machine)
    assert isinstance(tool, BlobTool)
    assert [(gate.feature, gate.min, gate.max) for gate in tool.params.gates] == [
        ("circularity", 0.8, None),
        ("area", 10, 500),
    ]
    save(client, **{"params.gates.0.feature": "", "params.gates.0.min": ""})
    assert [gate.feature for gate in tool_of(machine).params.gates] == ["area"]


def test_a_table_always_has_an_empty_row_to_write_in(browser: Browser) -> None:
    client = browser()
    added(client, "blob")
    save(client, **{"params.gates.0.feature": "area", "params.gates.0.min": "1"})
    html = page(client, "/m/vm_a/tools/1/")
    assert html.count('name="params.gates.1.feature"') == 1
    assert '<th scope="col">Minimum</th>' in html


def test_a_row_that_cannot_be_is_marked_where_it_stands(browser: Browser) -> None:
    client = browser()
    machine = added(client, "blob")
    # The first row is empty: the contract's first gate is the form's second row.
    answer = save(client, **{"params.gates.1.feature": "box_angle_deg"})
    assert answer.status_code == 400
    assert complaints(answer) == ["the gate on Angle of the turned box needs a minimum or a maximum"]
    marked = re.search(r'<td class="bad">.*?</td>', answer.content.decode(), re.DOTALL)
    assert marked is not None
    assert 'name="params.gates.1.feature"' in marked[0]
    assert tool_of(machine).params.gates == ()


def test_refusals_with_values_in_them_are_said_in_portuguese(browser: Browser) -> None:
    client = browser(language="pt-br")
    added(client, "blob")
    answer = save(
        client, **{"params.gates.0.feature": "hole_area", "params.gates.0.min": "5", "params.gates.0.max": "2"}
    )
    assert complaints(answer) == ["o filtro de Área dos furos tem o mínimo acima do máximo"]


def test_several_words_are_ticked(browser: Browser) -> None:
    client = browser()
    machine = added(client, "blob")
    save(client, **{"params.measure": ["perimeter", "hole_count"]})
    assert tool_of(machine).params.measure == ("perimeter", "hole_count")
    html = page(client, "/m/vm_a/tools/1/")
    assert "<span>Holes</span>" in html
    save(client, **{"params.measure": []})
    assert tool_of(machine).params.measure == ()


def test_taught_colours_have_a_row_each(browser: Browser) -> None:
    client = browser()
    machine = added(client, "colour")
    red = {
        "params.colours.0.name": "red",
        "params.colours.0.l": "42.3",
        "params.colours.0.a": "60",
        "params.colours.0.b": "38",
    }
    save(client, **red, **{"params.expected": "1"})
    tool = tool_of(machine)
    assert isinstance(tool, ColourTool)
    assert [(colour.name, colour.l) for colour in tool.params.colours] == [("red", 42.3)]
    answer = save(client, **{"params.expected": "2"})
    assert "there is no taught colour number 2" in unescape(answer.content.decode())


def test_other_tools_are_chosen_by_their_names(browser: Browser) -> None:
    client = browser()
    machine = added(client, "circle", "circle", "measure")
    html = page(client, "/m/vm_a/tools/3/")
    assert '<option value="2">Circle 2</option>' in html
    save(client, 3, **{"params.kind": "circle_circle", "params.first": "1", "params.second": "2"})
    tool = tool_of(machine, 3)
    assert isinstance(tool, MeasureTool)
    assert (tool.params.first, tool.params.second) == (1, 2)


def test_a_calculation_names_measures_of_any_tools(browser: Browser) -> None:
    client = browser()
    machine = added(client, "circle", "blob", "math")
    rows = {
        "params.measures.0.name": "r", "params.measures.0.tool": "1", "params.measures.0.feature": "radius",
        "params.measures.1.name": "n", "params.measures.1.tool": "2", "params.measures.1.feature": "blob_count",
    }  # fmt: skip
    answer = save(client, 3, **rows, **{"params.operation": "custom_formula", "params.custom_formula": "r * n"})
    assert answer.status_code == 302, complaints(answer)
    tool = tool_of(machine, 3)
    assert isinstance(tool, MathTool)
    assert [(one.name, one.tool, one.feature) for one in tool.params.measures] == [
        ("r", 1, "radius"),
        ("n", 2, "blob_count"),
    ]
    assert '<option value="radius" selected>Radius</option>' in page(client, "/m/vm_a/tools/3/")


def test_a_combination_ticks_the_tools_it_asks(browser: Browser) -> None:
    client = browser()
    machine = added(client, "blob", "intensity", "logic")
    save(client, 3, **{"params.tools": ["1", "2"]})
    tool = tool_of(machine, 3)
    assert isinstance(tool, LogicTool)
    assert tool.params.tools == (1, 2)


@pytest.mark.parametrize("kind", ["measure", "logic", "calibration"])
def test_a_tool_that_looks_nowhere_is_asked_for_no_region(browser: Browser, kind: str) -> None:
    client = browser()
    added(client, kind)
    html = page(client, "/m/vm_a/tools/1/")
    assert 'name="region.shape"' not in html
    assert 'name="follow"' not in html


def test_a_region_that_came_from_an_old_machine_stays(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine, "Count")
    roi = {"x": 1, "y": 2, "w": 3, "h": 4}
    make_tool(machine, "Ratio", tool_type="math", method="luminance", tool_config={}, roi_config=roi)
    before = tool_of(machine, 2)
    assert before.region is not None
    assert save(browser(), 2).status_code == 302
    assert tool_of(machine, 2) == before


def test_a_circle_tool_offers_round_regions_only(browser: Browser) -> None:
    client = browser()
    added(client, "circle")
    choices = re.search(r'<select name="region.shape".*?</select>', page(client, "/m/vm_a/tools/1/"), re.DOTALL)
    assert choices is not None
    assert re.findall(r'value="(\w*)"', choices[0]) == ["ring", "circle"]


def test_a_kind_that_measures_much_folds_what_nobody_uses(browser: Browser) -> None:
    client = browser()
    added(client, "blob")
    save(client, **{"limit.largest_perimeter.max": "90"})
    html = page(client, "/m/vm_a/tools/1/")
    fold = html.index("More measures")
    assert html.index('name="limit.largest_perimeter.max"') < fold < html.index('name="limit.smallest_breadth.max"')


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("match", "no template is taught yet"),
        ("golden", "no good picture is taught yet"),
        ("measure", "it does not say yet what it measures between"),
        ("calibration", "no scale is taught yet"),
        ("datum", "it does not say yet which tool's findings it makes a pose of"),
        ("logic", "it does not say yet which tools it combines"),
        ("plugin", "no plug-in is chosen yet"),
        ("onnx", "no model is chosen yet"),
    ],
)
def test_publishing_says_what_a_tool_still_needs(browser: Browser, kind: str, sentence: str) -> None:
    client = browser()
    machine = added(client, kind)
    answer = client.post("/m/vm_a/publish", {"reason": "first"})
    assert answer.status_code == 400
    assert sentence in unescape(answer.content.decode())
    assert not machine.recipe_versions.exists()
