"""The question to everybody: who answers is listed, and nobody who answers makes the machine do anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analyticlens.machine import clock
from analyticlens.machine.discovery import discover
from analyticlens.machine.discovery.hostile import LONGEST_WORDS
from analyticlens.machine.discovery.probe import MOST_BYTES, at_host, own_networks, probe, understood
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.protocol.discovery import MOST_FOUND, FoundCamera
from tests.discovery.conftest import MakeCamera
from tests.discovery.test_hostile import LAUGHS
from tests.peers.onvif_camera import OnvifCamera, probe_match

HERE = ["127.0.0.1"]
NUMBER = "urn:uuid:7"


def asked(camera: OnvifCamera, seconds: float = 1.0) -> list[FoundCamera]:
    """Return what the question on this computer finds."""
    return probe(seconds, HERE, camera.group)


def test_a_camera_tells_its_name_its_model_and_where_it_is(make_camera: MakeCamera) -> None:
    camera = make_camera()
    (found,) = asked(camera)
    assert (found.kind, found.name, found.hardware) == ("onvif", "Press camera", "AL-1")
    assert (found.host, found.address, found.problem) == ("127.0.0.1", camera.address, "")
    assert camera.calls == []


def test_a_camera_is_listed_once_though_it_is_asked_and_answers_twice(make_camera: MakeCamera) -> None:
    camera = make_camera()
    camera.answers = lambda number: [probe_match(number, camera.address)] * 2
    assert len(asked(camera)) == 1


def test_of_many_addresses_the_one_at_the_sender_counts(make_camera: MakeCamera) -> None:
    camera = make_camera()
    xaddrs = f"http://169.254.3.4/onvif/device_service http://[fe80::1]/onvif {camera.address}"
    camera.answers = lambda number: [probe_match(number, xaddrs)]
    assert asked(camera)[0].address == camera.address


@pytest.mark.parametrize(
    "xaddrs",
    [
        "http://10.9.8.7/onvif/device_service",
        "http://127.0.0.1@10.9.8.7/x",
        "http://user:pw@127.0.0.1/x",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1:none/x",
        "http://127.0.0.1/" + "x" * 600,
        "http://[::1/x",
        "",
    ],
)
def test_an_address_elsewhere_is_not_given_on(xaddrs: str) -> None:
    found = understood(probe_match(NUMBER, xaddrs), "127.0.0.1", NUMBER)
    assert found is not None
    assert (found.address, found.problem) == ("", "it answers, but names an address that is not its own")


def test_what_is_no_answer_to_this_question_is_nothing() -> None:
    good = probe_match(NUMBER, "http://127.0.0.1/x")
    assert understood(good, "127.0.0.1", "urn:uuid:8") is None
    for raw in (
        LAUGHS,
        b"",
        b"\x00" * 100,
        b"<Envelope/>",
        good[:-20],
        good.replace(b"onvif", b"print").replace(b"NetworkVideo", b""),
    ):
        assert understood(raw, "127.0.0.1", NUMBER) is None


def test_a_name_is_made_harmless() -> None:
    scopes = "onvif://www.onvif.org/name/" + "A%00%0A%1b[2J" + "x" * 5000
    found = understood(probe_match(NUMBER, "", scopes), "127.0.0.1", NUMBER)
    assert found is not None
    assert found.name.startswith("A [2Jx")
    assert found.name.isprintable()
    assert len(found.name) <= LONGEST_WORDS


def test_a_flood_ends_in_time_and_in_number(make_camera: MakeCamera) -> None:
    camera = make_camera()

    def flood(number: str) -> Iterator[bytes]:
        yield probe_match(number, camera.address)
        for other in range(10_000):
            yield probe_match(f"urn:uuid:{other}" if other % 2 else number, "http://10.0.0.1/x")

    camera.answers = flood
    began = clock.mono()
    found = asked(camera)
    assert clock.mono() - began < 10
    assert [one.address for one in found] == [camera.address]


def test_answers_too_long_or_senseless_do_not_hide_a_camera(make_camera: MakeCamera) -> None:
    camera = make_camera()
    bad = [b"", b"\x00", b"x" * 60_000, LAUGHS]
    camera.answers = lambda number: [
        *bad,
        probe_match(number, camera.address, more="<m/>" * MOST_BYTES)[:60_000],
        probe_match(number, camera.address),
    ]
    assert [one.address for one in asked(camera)] == [camera.address]


def test_silence_ends_in_time() -> None:
    began = clock.mono()
    assert probe(0.6, HERE, ("239.255.255.250", 9)) == []
    assert 0.5 < clock.mono() - began < 5


def test_a_machine_in_no_network_says_so() -> None:
    for interfaces in ([], ["192.0.2.77"]):
        with pytest.raises(LookupFailed, match="in no network"):
            probe(0.1, interfaces)
    assert all(not address.startswith("127.") for address in own_networks())


def test_every_provider_is_listed_and_one_that_cannot_look_says_so() -> None:
    def cannot(seconds: float) -> list[FoundCamera]:
        raise LookupFailed("the library of genicam is not installed")

    def many(seconds: float) -> Iterator[FoundCamera]:
        return (FoundCamera(kind="genicam", name=str(n)) for n in range(10_000))

    found = discover(0.1, {"genicam": cannot, "camera": lambda seconds: [FoundCamera(kind="camera", camera_id=0)]})
    assert ([one.camera_id for one in found.cameras], found.more) == ([0], False)
    assert found.problems == ["the library of genicam is not installed"]
    found = discover(0.1, {"genicam": many})
    assert (len(found.cameras), found.more) == (MOST_FOUND, True)


def test_addresses_at_a_host() -> None:
    assert at_host("https://Camera-3.plant:8443/x", "camera-3.plant", "10.0.0.5")
    assert at_host("http://10.0.0.5/x", "camera-3.plant", "10.0.0.5")
    assert not at_host("http://10.0.0.50/x", "camera-3.plant", "10.0.0.5")
