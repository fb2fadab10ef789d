"""One machine process a test run, brought back to its beginning for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.legacy.driver import Machine, new_machine


@pytest.fixture(scope="session")
def anonymous_machine(tmp_path_factory: pytest.TempPathFactory, until: Callable[..., object]) -> Iterator[Machine]:
    """A running machine that takes anonymous calls, as the installed ones do."""
    running = new_machine(tmp_path_factory.mktemp("anonymous"), "--insecure-legacy", until=until)
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def machine(anonymous_machine: Machine) -> Machine:
    """The running machine, stopped, with three tools and a folder of plates."""
    anonymous_machine.reset()
    return anonymous_machine


@pytest.fixture(scope="session")
def guarded_machine(tmp_path_factory: pytest.TempPathFactory, until: Callable[..., object]) -> Iterator[Machine]:
    """A running machine that wants its local token."""
    running = new_machine(tmp_path_factory.mktemp("guarded"), until=until)
    try:
        running.start()
        yield running
    finally:
        running.close()
