"""A configuration in layers: whatever two configurations are, the patch between them leads from one to the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.layers import layered, patch_between, places, shared_part, tree_of, values_of

COMMON = {"fps": st.integers(1, 120), "camera_id": st.integers(0, 9), "folder_path": st.sampled_from(["", "a", "b"])}
BITS = {"bits": st.none() | st.integers(8, 16)}
SOURCES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["camera", "rtsp", "picamera2"])}, optional=COMMON),
    st.fixed_dictionaries({"type": st.sampled_from(["pasta", "genicam"])}, optional={**COMMON, **BITS}),
)
INTERVAL = {"interval_ms": st.integers(100, 5000)}
WAITS = {"debounce_ms": st.integers(0, 99), "delay_ms": st.integers(0, 99)}
PLACE = {"host": st.sampled_from(["127.0.0.1", "plc.plant"]), "port": st.integers(1, 65_535)}
SIGNAL = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["http", "hardware", "gpio"])}, optional=WAITS),
    st.fixed_dictionaries({"type": st.sampled_from(["tcp", "mqtt", "modbus"])}, optional=WAITS | PLACE),
)
TRIGGERS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("continuous")}, optional={**INTERVAL, "pace": st.sampled_from(["interval", "frames"])}
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["manual", "external", "scheduled"])}, optional=INTERVAL),
    st.fixed_dictionaries({"type": st.just("external"), "signal": SIGNAL}, optional=INTERVAL),
)
PICTURES = st.fixed_dictionaries({}, optional={"ok_every": st.integers(0, 3), "keep_not_ok": st.booleans()})
CONFIGURATIONS = st.fixed_dictionaries({"source": SOURCES, "trigger": TRIGGERS, "pictures": PICTURES}).map(
    Configuration.model_validate
)


@given(CONFIGURATIONS, CONFIGURATIONS)
def test_the_patch_between_two_leads_from_one_to_the_other(before: Configuration, after: Configuration) -> None:
    patch = patch_between(before, after)
    assert patched(before, patch) == after
    assert (patch == {}) == (before == after)


@given(CONFIGURATIONS, CONFIGURATIONS)
def test_what_a_machine_has_of_its_own_over_a_group_is_the_machine(
    group: Configuration, machine: Configuration
) -> None:
    shared = shared_part(patch_between(Configuration(), group))
    assert layered(shared, {}) == group
    assert layered(shared, patch_between(group, machine)) == machine


@given(CONFIGURATIONS, CONFIGURATIONS, CONFIGURATIONS)
def test_another_shared_part_leaves_what_is_the_machines_own(
    group: Configuration, machine: Configuration, next_group: Configuration
) -> None:
    own = patch_between(group, machine)
    then = values_of(layered(shared_part(patch_between(Configuration(), next_group)), own))
    asked = {path: value for path, value in places(own).items() if value is not None and path in then}
    assert {path: then[path] for path in asked} == asked


def test_places_and_tree_are_one_the_way_back_of_the_other() -> None:
    tree = {"source": {"fps": 5, "resolution": [4, 3]}, "tool_timeout_ms": 90}
    assert places(tree) == {("source", "fps"): 5, ("source", "resolution"): [4, 3], ("tool_timeout_ms",): 90}
    assert tree_of(places(tree)) == tree


def test_a_shared_part_has_one_form() -> None:
    part = shared_part({"source": {"fps": None}, "pictures": {}, "logging": {"enabled": True}})
    assert part == {"logging": {"enabled": True}}


@pytest.mark.parametrize(
    ("patch", "word"),
    [({"source": {"fps": 0}}, "fps"), ({"source": {"wheels": 1}}, "wheels"), ({"trigger": 5}, "trigger")],
)
def test_a_shared_part_that_is_no_configuration_is_refused_in_words(patch: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        shared_part(patch)


def test_what_the_kind_in_force_has_no_field_for_is_left_out() -> None:
    own = {"trigger": {"pace": "frames"}, "source": {"fps": 7}}
    made = layered({"trigger": {"type": "external"}}, own)
    assert (made.trigger.type, made.source.fps) == ("external", 7)
    assert layered({"trigger": {"interval_ms": 500}}, own).trigger.model_dump() == {
        "interval_ms": 500,
        "type": "continuous",
        "pace": "frames",
    }
