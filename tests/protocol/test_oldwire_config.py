"""Source, trigger and logging in the words of the old wire: patches merged into what the machine has."""

from __future__ import annotations

from typing import Any

import pytest

from analyticlens.protocol.configuration import (
    Configuration,
    ContinuousTrigger,
    ExternalTrigger,
    FolderSource,
    Logging,
    RtspSource,
)
from analyticlens.protocol.oldwire import (
    configuration_from_wire,
    logging_from_wire,
    logging_to_wire,
    source_from_wire,
    source_to_wire,
    trigger_from_wire,
    trigger_to_wire,
)

FOLDER = FolderSource(folder_path="./test_images", resolution=(640, 480))


def test_a_source_is_written_in_old_words() -> None:
    assert source_to_wire(FOLDER) == {
        "type": "pasta",
        "camera_id": 0,
        "resolution": [640, 480],
        "fps": 30,
        "folder_path": "./test_images",
        "rtsp_url": "",
    }


def test_a_patch_keeps_what_it_does_not_name() -> None:
    source = source_from_wire({"type": "camera", "camera_id": 999}, FOLDER)
    assert (source.type, source.camera_id, source.folder_path) == ("camera", 999, "./test_images")


def test_reading_a_source_and_writing_it_back_changes_nothing() -> None:
    for source in (FOLDER, RtspSource(rtsp_url="rtsp://cam/1")):
        assert source_from_wire(source_to_wire(source), source) == source


def test_camerapi2_is_picamera2() -> None:
    assert source_from_wire({"type": "camerapi2"}, FOLDER).type == "picamera2"


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"type": "telescope"}, "telescope"),
        ({"lens": 3}, "unknown key 'lens'"),
        ({"fps": 0}, "fps: "),
        ({"resolution": [640]}, "resolution"),
        ({"type": 7}, "a type is a word"),
        ([], "a configuration is an object"),
    ],
)
def test_bad_sources_are_refused(patch: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        source_from_wire(patch, FOLDER)


def test_a_trigger_word_of_the_old_machines_keeps_what_it_was() -> None:
    external = ExternalTrigger(interval_ms=700)
    assert trigger_to_wire(external) == {"type": "trigger", "interval_ms": 700}
    assert trigger_from_wire({"type": "trigger"}, external) == external
    assert trigger_from_wire({"type": "trigger"}, ContinuousTrigger()).type == "manual"


def test_an_interval_alone_keeps_pace_and_kind() -> None:
    fast = ContinuousTrigger(pace="frames")
    assert trigger_from_wire({"interval_ms": 250}, fast) == ContinuousTrigger(pace="frames", interval_ms=250)


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"type": "sometimes"}, "sometimes"),
        ({"type": "continuous", "interval_ms": 20}, "at least 100 ms"),
        ({"interval_ms": "fast"}, "interval_ms: "),
    ],
)
def test_bad_triggers_are_refused(patch: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        trigger_from_wire(patch, ContinuousTrigger())


def test_a_logging_object_read_from_a_machine_can_be_written_back() -> None:
    logging = Logging(enabled=True, batch_size=1)
    read = {**logging_to_wire(logging), "buffer_size": 3}
    assert logging_from_wire(read, Logging()) == logging


@pytest.mark.parametrize(
    "patch",
    [{"mode": "x"}, {"policy": "SOME"}, {"max_logs": -1}, {"batch_size": 0}, {"batch_ms": -1}, {"size": 1}],
    ids=str,
)
def test_bad_logging_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^\S.*"):
        logging_from_wire(patch, Logging())


def test_an_old_configuration_file_is_read() -> None:
    wire = {
        "machine_id": "vm_001",
        "source_config": source_to_wire(FOLDER),
        "trigger_config": {"type": "continuous", "interval_ms": 200},
        "logging": {"enabled": True, "batch_ms": 100},
    }
    read = configuration_from_wire(wire, Configuration())
    assert read.source == FOLDER
    assert read.trigger.interval_ms == 200
    assert read.logging == Logging(enabled=True, batch_ms=100)
