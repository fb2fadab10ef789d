"""A real orchestrator process on loopback, filled with a line, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.looking import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "src"), str(ROOT / "src/analyticlens/orchestrator")])
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
SERVE = (
    "import django, sys; django.setup(); from config.serve import main; sys.exit(main('127.0.0.1', int(sys.argv[1])))"
)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(address: str) -> bool:
    """Return whether somebody answers there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a line in it, made once a run of tests."""
    data = tmp_path_factory.mktemp("line")
    environment = {**os.environ, "PYTHONPATH": PATHS, "AL_DATA": str(data)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.browser.rows_of_a_line", str(data), "7"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=110)
    return data


@pytest.fixture(scope="session")
def site(filled: Path, until: Callable[..., object]) -> Iterator[Site]:
    """Return the orchestrator, serving."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": PATHS,
        "AL_DATA": str(filled),
        "AL_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    address = f"http://127.0.0.1:{port}"
    reporting = [sys.executable, "-W", "ignore", "-m", "tests.browser.reporter"]
    with (filled / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        reporter = subprocess.Popen(
            reporting, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            until(lambda: answers(f"{address}/login/"), 60)
            yield Site(address, reporter)
        finally:
            for process in (server, reporter):
                process.terminate()
            reporter.communicate(timeout=20)
            server.wait(20)


@pytest.fixture(scope="module")
def chromium(peer: Callable[[str], Path]) -> Iterator[Browser]:
    """Return a running Chromium, Debian's own.

    Its driver keeps an event loop running in this thread: it ends with the module, so that tests of other files find none.
    """
    path = peer("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def look(site: Site, chromium: Browser) -> Iterator[Callable[..., Any]]:
    """Return an opener of pages: `look("/m/x/", width=320, theme="dark", language="en", person="otto")`.

    When the test ends, no page may have complained in its console, met an error, or asked anyone but the orchestrator for anything.
    """
    opened: list[Any] = []

    def open_page(address: str, **how: Any) -> Any:
        page = site.open(chromium, address, **how)
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        site.check(page)
        page.context.close()
