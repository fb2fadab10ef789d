"""What every test may use: the run's seed, peers outside Python, and a deadline to wait by.

Settings and data of a run are its own: nothing a test does reaches the data folder of whoever starts it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

HERE = Path(__file__).parent
# Rooms that do not know Django: asked for alone, they are tested without it.
WITHOUT_DJANGO = {HERE / room for room in ("protocol", "engine", "machine", "house")}

# The programs a test may want, and the names they go by.
PEERS = {"chromium": ("chromium", "chromium-browser", "google-chrome")}

# A slow second on a busy computer is no finding; a failing example prints what repeats it.
hypothesis.settings.register_profile(
    "house", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--seed`: the number every drawn or shuffled thing of a run comes from."""
    parser.addoption("--seed", type=int, default=None, help="seed of the run (default: AL_TEST_SEED, else a fresh one)")


def pytest_configure(config: pytest.Config) -> None:
    """Settle the seed: handed down by the process that leads the run, asked for, or fresh."""
    handed_down = getattr(config, "workerinput", {}).get("seed")
    asked = config.getoption("seed")
    if handed_down is None and asked is None and os.environ.get("AL_TEST_SEED"):
        asked = int(os.environ["AL_TEST_SEED"])
    settled = next((number for number in (handed_down, asked) if number is not None), None)
    config.stash[SEED] = secrets.randbelow(2**32) if settled is None else settled
    asked_for = [Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args]
    if any(map(_wants_django, asked_for)):
        _read_settings()


def _wants_django(path: Path) -> bool:
    """Tell whether tests below a path may be about the orchestrator."""
    if HERE.is_relative_to(path):
        return True
    return path.is_relative_to(HERE) and not WITHOUT_DJANGO & {path, *path.parents}


def _read_settings() -> None:
    """Let Django read its settings, once they have a data folder of this process's own (they make files there)."""
    data = tempfile.mkdtemp(prefix="analyticlens-tests-")
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    os.environ["AL_DATA"] = data
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    from django.conf import settings

    # Reading one is reading all; pytest-django, configured after this, then sets Django up.
    assert settings.DATABASES


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    """Hand the seed to a test process beside this one."""
    node.workerinput["seed"] = node.config.stash[SEED]  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to repeat this very run."""
    return f"seed: {config.stash[SEED]} (repeat with --seed {config.stash[SEED]})"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return this test's own seed: drawn from the run's and the test's name, whatever runs beside or before it."""
    text = f"{request.config.stash[SEED]}:{request.node.nodeid}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    print(f"seed of this test: {number} (of the run: {request.config.stash[SEED]})")
    return number


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """Return a generator that starts from this test's own seed."""
    return np.random.default_rng(seed)


@pytest.fixture
def still() -> Iterator[None]:
    """Let the orchestrator's clocks stand: what a test says of seconds holds however long the test takes."""
    from api import clock

    with clock.still():
        yield


@pytest.fixture(scope="session")
def peer() -> Callable[[str], Path]:
    """Return a finder of peers: `peer("chromium")` is its path; where it is missing the test skips, saying so.

    With REQUIRE_PEERS=1 a missing peer fails the test.
    """

    def find(name: str) -> Path:
        found = next(filter(None, map(shutil.which, PEERS[name])), None)
        if found is not None:
            return Path(found)
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail(f"{name} is not installed and REQUIRE_PEERS=1 wants it", pytrace=False)
        pytest.skip(f"{name} is not installed")

    return find


@pytest.fixture(scope="session")
def until() -> Callable[..., object]:
    """Return a waiter: `until(condition, 5)` gives the condition's first true value, or fails after 5 seconds.

    A deadline costs nothing while things work, so it is a long one: a busy computer is no finding. What has to be quick is shown by
    something that counts, never by a short deadline.
    """

    def wait(condition: Callable[[], object], seconds: float = 45, every: float = 0.02) -> object:
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"not true within {seconds} s: {getattr(condition, '__name__', condition)}")
            time.sleep(every)  # noqa: TID251  the one place where tests wait
        return value

    return wait
