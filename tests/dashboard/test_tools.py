"""Tools as plain pages: every kind has a form made from the contract, and what is saved is what was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from analyticlens.protocol.tools import TOOL_CLASSES, BlobTool, LocateTool
from api.models import VirtualMachine, VMInspectionTool
from dashboard.tool_form import ToolForm, initial_of
from tests.dashboard.tool_forms import page, save, written_form
from tests.rows import make_machine, make_tool

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]


@pytest.mark.parametrize("kind", list(TOOL_CLASSES))
@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_a_form_saved_as_it_stands_changes_nothing(browser: Browser, kind: str, language: str) -> None:
    machine = make_machine("vm_a")
    client = browser(language=language)
    assert client.post("/m/vm_a/tools/add", {"type": kind}).status_code == 302
    row = machine.tools.get()
    before = row.as_tool()
    answer = save(client, row.number)
    assert answer.status_code == 302, re.findall(r'class="wrong">.*?</p>', answer.content.decode())
    assert machine.tools.get().as_tool() == before


@pytest.mark.parametrize("kind", list(TOOL_CLASSES))
def test_every_parameter_of_every_kind_has_a_field(kind: str) -> None:
    form = ToolForm(kind, 1, [])
    named = {name.split(".")[1] for name in form.fields if name.startswith("params.")}
    annotation = TOOL_CLASSES[kind].model_fields["params"].annotation
    assert annotation is not None
    # A plug-in's settings have their fields once it is chosen.
    assert named == set(annotation.model_fields) - ({"settings"} if kind == "plugin" else set())
    assert all(field.label for field in form.fields.values())


def test_comma_and_point_store_the_same_number(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine)
    client = browser(language="pt-br")
    for written in ("1,5", "1.5"):
        assert save(client, **{"limit.mean_area.max": written, "limit.mean_area.min": ""}).status_code == 302
        limits = {limit.feature: limit for limit in machine.tools.get().as_tool().limits}
        assert limits["mean_area"].max == 1.5
    assert 'value="1,5"' in page(client, "/m/vm_a/tools/1/")


def test_what_cannot_be_saved_comes_back_as_it_was_typed(browser: Browser) -> None:
    machine = make_machine("vm_a")
    before = make_tool(machine).as_tool()
    answer = save(
        browser(), name="<new>", **{"params.th_min": "abc", "limit.blob_count.min": "9", "limit.blob_count.max": "2"}
    )
    html = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="abc"' in html
    assert 'value="&lt;new&gt;"' in html
    assert "Write a number." in html
    assert machine.tools.get().as_tool() == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"params.th_min": "200", "params.th_max": "100"}, "the minimum level is above the maximum level"),
        ({"params.pre_blur_ksize": "4"}, "must be odd"),
        ({"params.th_min": "-1"}, "At least 0."),
        ({"params.max_blobs": "1.5"}, "Write a whole number."),
        ({"limit.blob_count.min": "9", "limit.blob_count.max": "2"}, "The minimum is above the maximum."),
        ({"limit.total_area.guard": "2"}, "A guard band needs a minimum or a maximum."),
        ({"region.shape": "circle", "circle.cx": "3"}, "Needed for this shape."),
        ({"region.shape": "circle", "circle.cx": "3", "circle.cy": "3", "circle.r": "0"}, "More than 0."),
        ({"region.shape": "triangle"}, "Select a valid choice"),
        ({"name": ""}, "This field is required."),
        ({"followed": ["99"], "follow": "chosen"}, "That tool is not before this one."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(browser: Browser, changes: dict[str, Any], sentence: str) -> None:
    machine = make_machine("vm_a")
    before = make_tool(machine).as_tool()
    answer = save(browser(), **changes)
    assert answer.status_code == 400
    assert sentence in unescape(answer.content.decode())
    assert machine.tools.get().as_tool() == before


def test_a_region_of_another_shape_can_be_set(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine)
    circle = {"region.shape": "circle", "circle.cx": "10", "circle.cy": "20,5", "circle.r": "5"}
    assert save(browser(), **circle).status_code == 302
    region = machine.tools.get().as_tool().region
    assert region is not None
    assert region.model_dump() == {"shape": "circle", "cx": 10, "cy": 20.5, "r": 5}


def test_a_region_can_be_taken_away(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine, roi_config={"x": 1, "y": 2, "w": 3, "h": 4})
    save(browser(), **{"region.shape": ""})
    assert machine.tools.get().as_tool().region is None


def test_a_tool_can_follow_chosen_locate_tools(browser: Browser) -> None:
    machine = make_machine("vm_a")
    client = browser()
    client.post("/m/vm_a/tools/add", {"type": "locate"})
    make_tool(machine)
    assert save(client, 2, follow="chosen", followed=["1"]).status_code == 302
    assert machine.tools.get(number=2).as_tool().follow == (1,)
    save(client, 2, follow="nothing")
    assert machine.tools.get(number=2).as_tool().follow == ()


def test_a_tool_that_moved_behind_is_shown_as_lost_and_not_dropped(browser: Browser) -> None:
    machine = make_machine("vm_a")
    client = browser()
    for kind in ("locate", "locate", "logic"):
        client.post("/m/vm_a/tools/add", {"type": kind})
    save(client, 2, follow="chosen", followed=["1"])
    save(client, 3, **{"params.tools": ["1", "2"]})
    before = {row.number: row.as_tool() for row in machine.tools.all()}
    client.post("/m/vm_a/tools/1/move", {"to": "down"})
    client.post("/m/vm_a/tools/1/move", {"to": "down"})
    for number in (2, 3):
        assert "a tool that is not before this one" in page(client, f"/m/vm_a/tools/{number}/")
        answer = save(client, number)
        assert answer.status_code == 400
        assert "That tool is not before this one. Choose another." in answer.content.decode()
        assert machine.tools.get(number=number).as_tool() == before[number]
    assert save(client, 3, **{"params.tools": ["2"]}).status_code == 302


def test_a_locate_tools_reference_is_taught_and_forgotten(browser: Browser) -> None:
    machine = make_machine("vm_a")
    client = browser()
    client.post("/m/vm_a/tools/add", {"type": "locate"})
    save(client, **{"params.reference.x": "10,5", "params.reference.y": "20"})
    tool = machine.tools.get().as_tool()
    assert isinstance(tool, LocateTool)
    assert tool.params.reference is not None
    assert (tool.params.reference.x, tool.params.reference.y) == (10.5, 20)
    save(client, **{"params.reference.x": "", "params.reference.y": "", "params.reference.angle_deg": ""})
    again = machine.tools.get().as_tool()
    assert isinstance(again, LocateTool)
    assert again.params.reference is None


def test_two_people_cannot_overwrite_each_other_unseen(browser: Browser) -> None:
    make_tool(make_machine("vm_a"))
    client = browser()
    mine = written_form(page(client, "/m/vm_a/tools/1/"))
    save(browser(), name="Theirs")
    answer = client.post("/m/vm_a/tools/1/save", {**mine, "name": "Mine"})
    html = answer.content.decode()
    assert answer.status_code == 412
    assert "Somebody changed this tool meanwhile." in html
    assert 'value="Mine"' in html
    assert client.post("/m/vm_a/tools/1/save", written_form(html)).status_code == 302
    assert VMInspectionTool.objects.get().name == "Mine"


def test_names_are_unique_in_a_machine(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine, "One")
    make_tool(machine, "Two")
    answer = save(browser(), 2, name="One")
    assert answer.status_code == 400
    assert "Another tool of this machine has that name." in answer.content.decode()


def names(machine: VirtualMachine) -> list[str]:
    return list(machine.tools.order_by("order_index").values_list("name", flat=True))


def test_tools_move_up_and_down(browser: Browser) -> None:
    machine = make_machine("vm_a")
    for name in ("A", "B", "C"):
        make_tool(machine, name)
    client = browser()
    client.post("/m/vm_a/tools/3/move", {"to": "up"})
    assert names(machine) == ["A", "C", "B"]
    client.post("/m/vm_a/tools/1/move", {"to": "down"})
    assert names(machine) == ["C", "A", "B"]
    client.post("/m/vm_a/tools/3/move", {"to": "up"})
    assert names(machine) == ["C", "A", "B"]


def test_a_tool_can_be_removed(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine)
    browser().post("/m/vm_a/tools/1/remove")
    assert names(machine) == []


def test_added_tools_have_names_of_their_own(browser: Browser) -> None:
    machine = make_machine("vm_a")
    client = browser()
    for _ in range(2):
        client.post("/m/vm_a/tools/add", {"type": "blob"})
    assert names(machine) == ["Blobs", "Blobs 2"]


def test_an_unknown_kind_cannot_be_added(browser: Browser) -> None:
    make_machine("vm_a")
    assert browser().post("/m/vm_a/tools/add", {"type": "magic"}).status_code == 404


@pytest.mark.parametrize("act", ["add", "1/save", "1/move", "1/remove"])
def test_operators_look_but_change_nothing(browser: Browser, act: str) -> None:
    machine = make_machine("vm_a")
    make_tool(machine)
    client = browser("operator")
    assert "Changing tools needs the role engineer." in page(client, "/m/vm_a/tools/1/")
    assert client.post(f"/m/vm_a/tools/{act}", {"type": "blob", "to": "up"}).status_code == 403
    assert names(machine) == ["Count"]


def test_in_development_a_saved_edit_runs_at_once(browser: Browser) -> None:
    machine = make_machine("vm_a", mode="DESENVOLVIMENTO")
    make_tool(machine)
    save(browser(), name="Another")
    asked = machine.desired()
    assert asked is not None
    assert asked.asked.recipe_sha256 == machine.draft_recipe().sha256


def test_an_edit_of_a_machine_in_production_is_a_draft(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_tool(machine)
    client = browser()
    client.post("/m/vm_a/publish", {"reason": "first"})
    asked = machine.desired()
    assert "Draft of v2" not in page(client, "/m/vm_a/tools/")
    save(client, name="Another")
    assert machine.desired() == asked
    assert "Draft of v2" in page(client, "/m/vm_a/tools/")


def test_tools_that_make_no_recipe_say_why(browser: Browser) -> None:
    machine = make_machine("vm_a")
    client = browser()
    client.post("/m/vm_a/tools/add", {"type": "locate"})
    make_tool(machine)
    save(client, 2, follow="chosen", followed=["1"])
    client.post("/m/vm_a/tools/2/move", {"to": "up"})
    assert "These tools make no recipe yet:" in page(client, "/m/vm_a/tools/")


def test_a_form_shows_what_the_tool_measured_last(browser: Browser) -> None:
    from tests.dashboard.results_rows import COUNT, deliver

    machine = make_machine("vm_a")
    make_tool(machine)
    deliver(machine, "nok", tools=[COUNT])
    assert '<td class="num">23</td>' in page(browser(), "/m/vm_a/tools/1/")


def test_no_raw_key_is_shown(browser: Browser) -> None:
    make_machine("vm_a")
    client = browser(language="pt-br")
    for number, kind in enumerate(TOOL_CLASSES, start=1):
        client.post("/m/vm_a/tools/add", {"type": kind})
        html = page(client, f"/m/vm_a/tools/{number}/")
        shown = re.sub(r"<[^>]+>", " ", html[html.index("<main") : html.index("</main>")])
        raw = set(re.findall(r"\b[a-z]+_[a-z_]+\b", shown)) - {"blob_count", "total_area", "roi_area", "blob_areas"}
        assert raw == set(), f"{kind}: {raw}"


def test_initial_values_and_model_agree() -> None:
    tool = BlobTool(id=1, name="Count", limits=({"feature": "blob_count", "min": 1, "guard": 0.5},))
    values = initial_of(tool, True)
    assert (values["limit.blob_count.min"], values["limit.blob_count.guard"]) == (1, 0.5)
    assert values["follow"] == "auto"
