"""What every test may use: the run's seed, peers outside Python, and a deadline to wait by.

Settings and data of a run are its own: nothing a test does reaches the data folder of whoever starts it.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from analyticlens.bench.cluster import BESIDE_PATH

HERE = Path(__file__).parent
# Rooms that do not know Django: asked for alone, they are tested without it.
WITHOUT_DJANGO = {HERE / room for room in ("protocol", "engine", "machine", "house")}

# The programs a test may want, and the names they go by.
PEERS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "postgresql": ("initdb",),
    "mosquitto": ("mosquitto",),
    "mosquitto_passwd": ("mosquitto_passwd",),
    "mosquitto_pub": ("mosquitto_pub",),
    "mbpoll": ("mbpoll",),
    "iproute2": ("ip",),
}
# Where Debian puts servers, and not every shell looks.
SERVERS = "/usr/sbin"

# A slow second on a busy computer is no finding; a failing example prints what repeats it.
hypothesis.settings.register_profile(
    "house", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("repeated", hypothesis.settings.get_profile("house"), derandomize=True)

# What the drawn and the shuffled of a run come from: the same every time, unless another is asked for.
USUAL_SEED = 1
SEED = pytest.StashKey[int]()
# What never repeats itself unasked, for the tests of what must hold whatever is drawn.
FRESH_SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--seed`: the number every drawn or shuffled thing of a run comes from."""
    asked = os.environ.get("AL_TEST_SEED")
    parser.addoption("--seed", default=asked, help=f"a number or `fresh` (default: AL_TEST_SEED, else {USUAL_SEED})")


def pytest_configure(config: pytest.Config) -> None:
    """Settle the seeds: handed down by the process that leads the run, asked for, fresh, or the usual one."""
    asked = config.getoption("seed")
    fresh = int(asked) if asked not in (None, "fresh") else secrets.randbelow(2**32)
    config.stash[SEED], config.stash[FRESH_SEED] = getattr(config, "workerinput", {}).get(
        "seeds", (USUAL_SEED if asked is None else fresh, fresh)
    )
    hypothesis.settings.load_profile("repeated" if config.stash[SEED] == USUAL_SEED else "house")
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
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        _flush_all_tables()
    _look_at_static_files_once()


def _look_at_static_files_once() -> None:
    """Let this process look once at the static files: every test client makes the middleware anew, which looks at each of them."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    plain = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, dict[str, Any]] = {}

    def remembering(self: WhiteNoiseMiddleware) -> None:
        if self.static_prefix not in found:
            plain(self)
            found[self.static_prefix] = dict(self.files)
        self.files.update(found[self.static_prefix])

    WhiteNoiseMiddleware.add_files_from_finders = remembering


def _flush_all_tables() -> None:
    """Let a flush between tests empty django-auditlog's own table too: no model of ours is behind it, so Django leaves it out."""
    # First, since the operations and the models import one another.
    importlib.import_module("django.db.models")
    from django.db.backends.postgresql.operations import DatabaseOperations

    plain = DatabaseOperations.sql_flush

    def cascading(self: DatabaseOperations, *args: Any, **options: Any) -> Any:
        return plain(self, *args, **{**options, "allow_cascade": True})

    DatabaseOperations.sql_flush = cascading  # type: ignore[method-assign,assignment]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    """Hand the seeds to a test process beside this one."""
    stash = node.config.stash
    node.workerinput["seeds"] = (stash[SEED], stash[FRESH_SEED])  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to repeat this very run."""
    return f"seed: {config.stash[SEED]}, of what is fresh every time: {config.stash[FRESH_SEED]} (repeat with --seed)"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text or a file by its length: a name is read by people, and these are megabytes."""
    return f"{argname}-of-{len(val)}" if isinstance(val, str | bytes) and len(val) > 60 else None


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return this test's own seed: drawn from the run's and the test's name, whatever runs beside or before it."""
    return _drawn_from(request.config.stash[SEED], request)


@pytest.fixture
def fresh_seed(request: pytest.FixtureRequest) -> int:
    """Return a seed like `seed`, but another in every run unless one was asked for."""
    return _drawn_from(request.config.stash[FRESH_SEED], request)


def _drawn_from(run: int, request: pytest.FixtureRequest) -> int:
    number = int.from_bytes(hashlib.sha256(f"{run}:{request.node.nodeid}".encode()).digest()[:4], "big")
    print(f"seed of this test: {number} (of the run: --seed {run})")
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
        path = os.pathsep.join([*BESIDE_PATH, os.environ.get("PATH", ""), SERVERS])
        found = next(filter(None, (shutil.which(program, path=path) for program in PEERS[name])), None)
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
