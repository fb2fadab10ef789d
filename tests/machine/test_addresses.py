"""Which cameras may be reached: by the list at the machine, on the address that is connected to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from analyticlens.machine import addresses
from analyticlens.machine.refusals import SourceRefused

BY_ITSELF = ["10.1.2.3", "192.168.7.8", "172.20.0.1", "fd00::5"]
NEVER_BY_ITSELF = [
    "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1",
    "8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", BY_ITSELF)
def test_private_networks_may_be_reached_without_a_list(address: str) -> None:
    assert addresses.may_reach(address, "camera", 554, None)


@pytest.mark.parametrize("address", NEVER_BY_ITSELF)
def test_this_computer_and_the_internet_may_not(address: str) -> None:
    assert not addresses.may_reach(address, "camera", 554, None)


def test_a_list_is_all_there_is() -> None:
    lines = ("192.168.10.0/24", "10.4.0.17:554", "[fd00::5]:80", "camera-3.plant", "nonsense:port", "")
    reach = {
        ("192.168.10.9", "x", 80): True,
        ("192.168.11.9", "x", 80): False,
        ("10.4.0.17", "x", 554): True,
        ("10.4.0.17", "x", 80): False,
        ("fd00::5", "x", 80): True,
        ("fd00::5", "x", 81): False,
        ("127.0.0.1", "Camera-3.plant.", 80): True,
        ("::ffff:192.168.10.9", "x", 80): True,
    }
    assert {key: addresses.may_reach(*key, lines) for key in reach} == reach


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"]
)
def test_no_spelling_of_this_computer_is_connected_to(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        with pytest.raises(SourceRefused) as open_port:
            addresses.connected(host, port, None)
        with pytest.raises(BlockingIOError):
            listener.accept()
    with pytest.raises(SourceRefused) as closed_port:
        addresses.connected(host, port, None)
    assert open_port.value.sentence == closed_port.value.sentence


def test_the_list_is_read_with_its_remarks(tmp_path: Path) -> None:
    assert addresses.lines(tmp_path / "none") is None
    (tmp_path / "list").write_text("# cameras\n10.0.0.0/8  # all\n\n")
    assert addresses.lines(tmp_path / "list") == ("10.0.0.0/8",)
