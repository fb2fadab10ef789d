"""The fleet page of a real line in a real browser: three machines running, live.

`AL_FLEET_PICTURE=docs/pictures/fleet.png` keeps the picture that README shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from analyticlens.demo.line import STATIONS
from tests.line.line import Up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("up"), pytest.mark.timeout(900)]

Until = Callable[..., object]


def test_three_machines_are_running(fleet: Page, up: Up, until: Until) -> None:
    """Each with its name, and counting by itself while the page is open."""
    for station in STATIONS:
        expect(fleet.locator("article.tile.running", has_text=station.machine_id)).to_contain_text(
            station.name, timeout=30_000
        )
    tile = fleet.locator("article.tile", has_text="vm_003")
    before = tile.inner_text()
    expect(tile).not_to_have_text(before, use_inner_text=True, timeout=30_000)
    if kept := os.environ.get("AL_FLEET_PICTURE"):
        until(lambda: len(up.results(s.machine_id for s in STATIONS)) >= 300, 200)
        fleet.set_viewport_size({"width": 1280, "height": 400})
        fleet.reload()
        expect(fleet.locator("article.tile.running")).to_have_count(len(STATIONS), timeout=30_000)
        expect(fleet.locator("body")).to_contain_text("Ao vivo", timeout=30_000)
        fleet.screenshot(path=kept)


def test_a_machine_page_shows_its_picture_and_values(fleet: Page) -> None:
    """One click from the fleet: the last picture, the verdict, the tools."""
    fleet.click("text=Discos")
    expect(fleet.locator("main")).to_contain_text("vm_003", timeout=30_000)
    expect(fleet.locator("main")).to_contain_text("Área média dos discos", timeout=30_000)
    seen = "() => [...document.querySelectorAll('main img, main image')].some(i => (i.naturalWidth || i.getBBox?.().width) > 0)"
    fleet.wait_for_function(seen, timeout=30_000)
