"""How the browser tests look at pages: signed in, at a width, in a language and theme, and with an eye on every request."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browser.rows_of_a_line import PASSWORD

WIDTHS = {320: 700, 768: 1024, 1440: 900, 1920: 1080}

# A part of the page that is wider than the window, or a control whose text does not fit it.
CLIPPED = """() => {
  const found = [];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page is ${wide} px too wide`);
  for (const element of document.querySelectorAll("button, .button, .verdict, .word, .pill, h1, dd, summary")) {
    const style = getComputedStyle(element);
    if (style.display === "none" || element.closest("[popover]:not(:popover-open), .unseen")) continue;
    if (!element.checkVisibility()) continue;
    if (element.scrollWidth > element.clientWidth + 1 && style.display !== "inline")
      found.push(`${element.tagName} "${element.textContent.trim().slice(0, 40)}" is clipped`);
    const box = element.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1)
      found.push(`${element.tagName} "${element.textContent.trim().slice(0, 40)}" sticks out`);
  }
  return found;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((one) => one.checkVisibility() && !one.matches("[type=hidden], .skip, figcaption a"))
  .map((one) => ({ box: one.getBoundingClientRect(), text: one.outerHTML.slice(0, 90) }))
  .filter(({ box }) => box.width > 0 && (box.width < 20 || box.height < 20))
  .map(({ box, text }) => `${Math.round(box.width)}x${Math.round(box.height)} ${text}`)"""


class Site:
    """The orchestrator of a run of tests."""

    def __init__(self, address: str, reporter: subprocess.Popen[str]) -> None:
        self.address = address
        self.reporter = reporter
        self._states: dict[str, Any] = {}

    def open(self, browser: Any, address: str, **how: Any) -> Any:
        """Return a page, opened at an address. how: width, theme, language, person (None: nobody), javascript, touch."""
        width = how.get("width", 1440)
        person = how.get("person", "ana")
        if person is not None and person not in self._states:
            self._sign_in(browser, person)
        context = browser.new_context(
            storage_state=self._states.get(person) if person else None,
            viewport={"width": width, "height": WIDTHS.get(width, 900)},
            color_scheme=how.get("theme", "light"),
            java_script_enabled=how.get("javascript", True),
            has_touch=how.get("touch", False),
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        context.add_cookies([{"name": "al_language", "value": how.get("language", "pt-br"), "url": self.address}])
        page = context.new_page()
        page.complaints = []
        page.on(
            "console", lambda said: page.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: self._watch(page, request.url))
        page.goto(self.address + address)
        return page

    def _sign_in(self, browser: Any, person: str) -> None:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{self.address}/login/")
        page.fill("[name=username]", person)
        page.fill("[name=password]", PASSWORD)
        page.click("main form button")
        page.wait_for_url(f"{self.address}/")
        self._states[person] = context.storage_state()
        context.close()

    def _watch(self, page: Any, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            page.complaints.append(f"asked elsewhere: {url}")

    def check(self, page: Any) -> None:
        """Fail if the page complained of anything."""
        assert page.complaints == [], page.complaints

    def report(self, machine_id: str, **said: Any) -> None:
        """Have a machine report, as the door would take it. Returns when that is committed."""
        assert self.reporter.stdin is not None
        assert self.reporter.stdout is not None
        self.reporter.stdin.write(f"{machine_id} {json.dumps(said)}\n")
        self.reporter.stdin.flush()
        assert self.reporter.stdout.readline() == "done\n"


@contextmanager
def without(page: Any, complaint: str) -> Iterator[None]:
    """Let a page complain of something that the test itself brings about."""
    yield
    page.complaints[:] = [said for said in page.complaints if complaint not in said]
