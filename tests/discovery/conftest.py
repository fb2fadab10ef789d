"""Cameras for tests; each is ended with its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.peers.onvif_camera import OnvifCamera

MakeCamera = Callable[..., OnvifCamera]


@pytest.fixture
def make_camera() -> Iterator[MakeCamera]:
    """Return a maker of cameras on this computer."""
    with ExitStack() as stack:

        def make(**more: Any) -> OnvifCamera:
            return stack.enter_context(OnvifCamera(**more))

        yield make
