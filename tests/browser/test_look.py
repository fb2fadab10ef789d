"""Every page at every width, in both themes and languages: nothing clipped, nothing wider than the window, no complaint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.looking import CLIPPED, SMALL_TARGETS, Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ADDRESSES = ["/", "/m/L1-CAM-02/", "/m/L1-CAM-04/", "/m/L9-CAM-NEW/", "/m/L1-CAM-02/tools/", "/m/L1-CAM-02/tools/2/"]
Look = Callable[..., Any]


@pytest.mark.parametrize(("theme", "language"), [("light", "pt-br"), ("dark", "en")])
@pytest.mark.parametrize("width", [320, 768, 1440, 1920])
def test_nothing_is_clipped(look: Look, site: Site, width: int, theme: str, language: str) -> None:
    page = look("/", width=width, theme=theme, language=language)
    for address in ADDRESSES:
        page.goto(site.address + address)
        assert page.evaluate(CLIPPED) == [], f"{address} at {width}"
        assert page.evaluate(SMALL_TARGETS) == [], f"{address} at {width}"


@pytest.mark.parametrize("width", [320, 1440])
def test_the_sign_in_page_fits(look: Look, width: int) -> None:
    page = look("/login/", width=width, person=None)
    assert page.evaluate(CLIPPED) == []


@pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(223, 226, 229)"), ("dark", "rgb(29, 33, 37)")])
def test_the_page_has_the_systems_theme_from_the_first_moment(look: Look, theme: str, colour: str) -> None:
    page = look("/", theme=theme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour


def test_a_chosen_theme_and_language_stay(look: Look) -> None:
    page = look("/", person="otto")
    page.click("#person summary")
    with page.expect_navigation():
        page.click("[name=theme][value=dark]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(29, 33, 37)"
    page.click("#person summary")
    with page.expect_navigation():
        page.click("[name=language][value=en]")
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("#person summary")
    with page.expect_navigation():
        page.click("[name=theme][value=system]")


def test_wrong_passwords_are_told_and_the_name_kept(look: Look) -> None:
    page = look("/login/", person=None)
    page.fill("[name=username]", "ana")
    page.fill("[name=password]", "wrong")
    page.click("main form button")
    assert page.locator("[role=alert]").is_visible()
    assert page.input_value("[name=username]") == "ana"


def test_the_verdict_is_told_by_form_without_colour(look: Look) -> None:
    page = look("/m/L1-CAM-02/")
    block = page.locator("#part-verdict .big")
    assert block.locator("use").first.get_attribute("href").endswith(("#ok", "#nok", "#undecided", "#error"))
    assert block.locator(".word").inner_text() in {"Aprovada", "Reprovada", "Indefinida", "Erro"}


def test_normal_tiles_have_no_saturated_colour(look: Look) -> None:
    page = look("/", theme="dark")
    colours = page.evaluate("""() => [...document.querySelectorAll(".tile.running, .tile.running *")]
      .flatMap((one) => { const s = getComputedStyle(one); return [s.color, s.backgroundColor, s.borderTopColor, s.fill]; })
      .map((colour) => (colour.match(/[0-9.]+/g) ?? []).map(Number))
      .filter((c) => c.length >= 3 && (c[3] ?? 1) > 0 && Math.max(c[0], c[1], c[2]) - Math.min(c[0], c[1], c[2]) > 24)""")
    assert colours == []


def test_the_overlay_lies_over_the_picture(look: Look) -> None:
    page = look("/m/L1-CAM-02/")
    image, overlay = page.locator(".stage img").bounding_box(), page.locator(".stage .overlay").first.bounding_box()
    assert all(abs(image[side] - overlay[side]) < 1 for side in ("x", "y", "width", "height"))
    assert page.locator(".overlay .line").count() >= 5
    assert page.evaluate("document.querySelector('.stage img').naturalWidth") == 752


def test_the_keyboard_reaches_the_content_first(look: Look) -> None:
    page = look("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("kind", ["blob", "match", "measure", "math", "colour", "code", "plugin"])
def test_the_form_of_a_kind_of_tool_fits_at_every_width(look: Look, site: Site, kind: str) -> None:
    page = look("/m/L9-CAM-NEW/tools/", width=320)
    page.select_option("select[name=type]", kind)
    with page.expect_navigation():
        page.click(".add-tool button")
    for width in (320, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("document.querySelectorAll('.tool-form details').forEach((one) => { one.open = true; })")
        assert page.evaluate(CLIPPED) == [], width
        assert page.evaluate(SMALL_TARGETS) == [], width


def test_a_table_is_a_table_and_on_a_phone_a_list_of_cells(look: Look) -> None:
    page = look("/m/L9-CAM-NEW/tools/")
    page.select_option("select[name=type]", "blob")
    with page.expect_navigation():
        page.click(".add-tool button")
    cells = [page.locator(f"[name='params.gates.0.{column}']") for column in ("feature", "min", "max")]
    assert len({round(cell.bounding_box()["y"]) for cell in cells}) == 1
    assert page.locator(".rows thead").is_visible()
    page.set_viewport_size({"width": 320, "height": 700})
    assert not page.locator(".rows thead").is_visible()
    label = page.locator("label[for='id_params.gates.0.min']")
    assert label.bounding_box()["height"] > 8
