"""Two-step sign-in as a person does it: by keyboard, with a reader that looks at the page's own QR code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
import zxingcpp

from tests.browser.looking import CLIPPED, SMALL_TARGETS, Site, without
from tests.browser.rows_of_a_line import PASSWORD
from tests.totp import code_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
Look = Callable[..., Any]


def scanned(page: Any) -> str:
    """Return the key in the QR code, read off a picture of the page."""
    picture = cv2.imdecode(np.frombuffer(page.locator(".qr").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    (found,) = zxingcpp.read_barcodes(picture)
    return parse_qs(urlsplit(found.text).query)["secret"][0]


def fits(page: Any) -> None:
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(CLIPPED) == [], (page.url, width)
        assert page.evaluate(SMALL_TARGETS) == [], (page.url, width)


def type_and_enter(page: Any, text: str) -> None:
    """Type where the page put the cursor, and press Enter."""
    with page.expect_navigation():
        page.keyboard.type(text)
        page.keyboard.press("Enter")


def signing_in(look: Look, address: str, **how: Any) -> Any:
    """Return a page on which name and password were typed."""
    page = look(address, person=None, **how)
    page.keyboard.type("nina")
    page.keyboard.press("Tab")
    type_and_enter(page, PASSWORD)
    return page


@pytest.mark.parametrize(("theme", "language"), [("light", "pt-br"), ("dark", "en")])
def test_a_phone_reads_the_key_and_its_code_signs_in(look: Look, site: Site, theme: str, language: str) -> None:
    page = signing_in(look, "/login/?next=/settings/second-step/", theme=theme, language=language)
    fits(page)
    page.focus("[name=password]")
    type_and_enter(page, PASSWORD)
    fits(page)
    secret = scanned(page)
    assert secret == page.inner_text(".key").replace(" ", "")
    page.focus("[name=code]")
    type_and_enter(page, code_of(secret))
    fits(page)
    recovery = page.locator(".codes code").all_inner_texts()
    stranger = signing_in(look, "/login/", theme=theme, language=language)
    assert stranger.url == f"{site.address}/login/code/"
    fits(stranger)
    box = stranger.locator("[name=code]")
    assert (box.get_attribute("inputmode"), box.get_attribute("autocomplete")) == ("numeric", "one-time-code")
    with without(stranger, "400"):
        type_and_enter(stranger, recovery[0][:-1])
        fits(stranger)
    type_and_enter(stranger, recovery[0])
    assert stranger.url == f"{site.address}/"
    page.goto(f"{site.address}/settings/second-step/")
    page.click("details.card summary >> nth=1")
    fits(page)
    page.fill("details[open] [name=password]", PASSWORD)
    page.keyboard.press("Tab")
    type_and_enter(page, recovery[1])
    assert page.locator("#messages .success").is_visible()
