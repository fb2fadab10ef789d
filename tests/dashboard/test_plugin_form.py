"""The form of a plug-in's tool: its settings are fields like any other, its measures can have limits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dashboard.values import rows
from tests.dashboard.tool_forms import complaints, page, save
from tests.plugins.installed import install
from tests.rows import make_machine

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]
FORM = "/m/vm_a/tools/1/"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plugins"))


@pytest.fixture
def plugins(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(installed))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("example_plugin", "strange_plugin")]:
        del sys.modules[name]


def with_plugin(client: Client, name: str = "") -> Any:
    machine = make_machine("vm_a")
    client.post("/m/vm_a/tools/add", {"type": "plugin"})
    if name:
        save(client, **{"params.plugin": name})
    return machine


def test_what_is_installed_can_be_chosen_by_its_title(browser: Browser, plugins: None) -> None:
    client = browser()
    with_plugin(client)
    html = page(client, FORM)
    assert '<option value="darkness">Darkness</option>' in html
    assert 'name="params.settings' not in html


def test_once_chosen_its_settings_are_asked_for(browser: Browser, plugins: None) -> None:
    client = browser()
    machine = with_plugin(client)
    answer = save(client, **{"params.plugin": "darkness"})
    assert answer["Location"] == FORM
    assert machine.tools.get().as_tool().params.settings == {}
    html = page(client, FORM)
    assert "Pixels up to here are dark." in html
    assert 'name="params.settings.level" value="60"' in html


def test_settings_are_stored_as_they_were_written(browser: Browser, plugins: None) -> None:
    client = browser()
    machine = with_plugin(client, "darkness")
    assert save(client, **{"params.settings.level": "75", "limit.dark_share.max": "0,5"}).status_code == 302
    tool = machine.tools.get().as_tool()
    assert tool.params.settings == {"level": 75, "expect_some": True}
    assert [(limit.feature, limit.max) for limit in tool.limits] == [("dark_share", 0.5)]
    assert save(client).status_code == 302
    assert machine.tools.get().as_tool() == tool


def test_settings_past_their_bounds_are_marked(browser: Browser, plugins: None) -> None:
    client = browser()
    with_plugin(client, "darkness")
    assert complaints(save(client, **{"params.settings.level": "-1"})) == ["At least 0."]


def test_its_measures_have_the_names_it_gives_them(browser: Browser, plugins: None) -> None:
    client = browser()
    with_plugin(client, "darkness")
    html = page(client, FORM)
    assert "Dark share" in html
    assert 'name="limit.dark_area.min"' in html


def test_its_measures_keep_those_names_in_the_list_and_in_later_tools(browser: Browser, plugins: None) -> None:
    client = browser()
    with_plugin(client, "darkness")
    save(client, **{"limit.dark_share.max": "0.5"})
    assert "Dark share: max. 0.5" in unescape(page(client, "/m/vm_a/tools/")).replace("\xa0", " ")
    client.post("/m/vm_a/tools/add", {"type": "math"})
    assert '<option value="dark_share">Dark share</option>' in page(client, "/m/vm_a/tools/2/")


def test_results_call_its_measures_by_those_names(plugins: None) -> None:
    (row,) = rows([{"type": "plugin", "name": "dark", "status": "ok", "features": {"dark_share": 0.25}}])
    assert [measure.title for measure in row.others] == ["Dark share"]


def test_another_plug_in_begins_with_its_own_settings(browser: Browser, plugins: None) -> None:
    client = browser()
    machine = with_plugin(client, "darkness")
    save(client, **{"params.settings.level": "75"})
    save(client, **{"params.plugin": "strange"})
    params = machine.tools.get().as_tool().params
    assert (params.plugin, params.settings) == ("strange", {})


def test_one_that_is_not_installed_here_is_kept_with_its_settings_as_json(browser: Browser) -> None:
    client = browser()
    machine = with_plugin(client)
    row = machine.tools.get()
    row.tool_config = {
        **row.tool_config,
        "plugin": "elsewhere",
        "settings": {"a": [1]},
        "limits": [{"feature": "odd", "max": 1}],
    }
    row.save()
    before = row.as_tool()
    html = page(client, FORM)
    assert '<textarea name="params.settings"' in html
    assert 'name="limit.odd.max" value="1"' in html
    assert save(client).status_code == 302
    assert machine.tools.get().as_tool() == before


@pytest.mark.parametrize("name", ["no_plugin", "breaks_when_loaded", "odd_features"])
def test_broken_ones_break_no_page(browser: Browser, plugins: None, name: str) -> None:
    client = browser()
    machine = with_plugin(client, name)
    assert page(client, FORM)
    answer = client.post("/m/vm_a/publish", {"reason": "try"})
    assert answer.status_code == 400
    assert not machine.recipe_versions.exists()
