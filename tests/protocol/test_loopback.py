"""Which addresses cross no network."""

from __future__ import annotations

import pytest

from analyticlens.protocol.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1", "[::1]"])
def test_this_computer_is_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "127"]
)
def test_whatever_others_may_stand_behind_is_not(host: str) -> None:
    assert not is_loopback(host)
