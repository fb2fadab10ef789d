"""The vocabulary of the database and of the old wire, translated both ways."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from analyticlens.protocol import words


@pytest.mark.parametrize(
    ("status", "wire"),
    [("stopped", "idle"), ("maintenance", "idle"), ("offline", "idle"), ("running", "running"), ("error", "error")],
)
def test_status_on_the_wire(status: words.Status, wire: str) -> None:
    assert words.wire_status(status) == wire


@pytest.mark.parametrize("wire", ["idle", "running", "error"])
def test_incoming_status_never_ends_maintenance(wire: str) -> None:
    assert words.incoming_status(wire, "maintenance") == "maintenance"


def test_incoming_idle_is_stopped() -> None:
    assert words.incoming_status("idle", "running") == "stopped"


@pytest.mark.parametrize(
    ("wire", "current", "mode"),
    [
        ("RUN", "TESTE", "PRODUCAO"),
        ("TESTE", "PRODUCAO", "TESTE"),
        ("TESTE", "DESENVOLVIMENTO", "DESENVOLVIMENTO"),
        ("RUN", "DESENVOLVIMENTO", "PRODUCAO"),
    ],
)
def test_incoming_mode(wire: str, current: words.Mode, mode: words.Mode) -> None:
    assert words.incoming_mode(wire, current) == mode


@pytest.mark.parametrize("current", words.TRIGGER_TYPES)
def test_an_old_client_that_sets_trigger_reads_trigger(current: words.TriggerType) -> None:
    assert words.wire_trigger(words.incoming_trigger("trigger", current)) == "trigger"


@pytest.mark.parametrize("current", ["manual", "external", "scheduled"])
def test_incoming_trigger_keeps_what_it_was(current: words.TriggerType) -> None:
    assert words.incoming_trigger("trigger", current) == current


def test_incoming_camera_ip_keeps_rtsp() -> None:
    assert words.wire_source("rtsp") == "camera_IP"
    assert words.incoming_source("camera_IP", "rtsp") == "rtsp"
    assert words.incoming_source("camera_IP", "pasta") == "camera_IP"


def test_every_word_that_goes_out_comes_back_to_itself() -> None:
    for mode in words.MODES:
        assert words.incoming_mode(words.wire_mode(mode), mode) == mode
    for trigger in words.TRIGGER_TYPES:
        assert words.incoming_trigger(words.wire_trigger(trigger), trigger) == trigger
    for source in words.SOURCE_TYPES:
        assert words.incoming_source(words.wire_source(source), source) == source


@pytest.mark.parametrize(
    ("reader", "current"),
    [
        (words.incoming_status, "stopped"),
        (words.incoming_mode, "TESTE"),
        (words.incoming_trigger, "manual"),
        (words.incoming_source, "pasta"),
    ],
)
def test_an_unknown_word_is_refused(reader: Any, current: str) -> None:
    with pytest.raises(ValueError, match=r"unknown .* on the wire: 'dance'"):
        reader("dance", current)


def test_error_outranks_nok_outranks_undecided_outranks_ok() -> None:
    order: list[words.Verdict] = ["ok", "undecided", "nok", "error"]
    for pair in itertools.combinations(order, 2):
        assert words.worst(list(pair)) == pair[1]


def test_nothing_judged_is_undecided() -> None:
    assert words.worst([]) == "undecided"
