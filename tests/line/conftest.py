"""One running line for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.line.line import START_SECONDS, Up, free_port

# What a page says comes when two busy cores have come to it.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, until: Callable[..., object]) -> Iterator[Up]:
    """A line at its first start, ready; its tests are of one xdist group, so that there is one of it."""
    started = Up(tmp_path_factory.mktemp("up") / "data", free_port())
    try:
        until(lambda: started.ready, START_SECONDS)
        yield started
    finally:
        started.end()


@pytest.fixture
def page(peer: Callable[[str], Path]) -> Iterator[Page]:
    """A page of a real Chromium, in Portuguese."""
    path = peer("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 800}, locale="pt-BR", device_scale_factor=1)
        finally:
            browser.close()


@pytest.fixture
def fleet(page: Page, up: Up) -> Page:
    """The fleet page, signed in the way a person does."""
    page.goto(up.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", up.password)
    page.press("input[name=password]", "Enter")
    expect(page.locator("article.tile").first).to_be_visible()
    return page
