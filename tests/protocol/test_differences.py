"""What a history shows of two versions."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyticlens.protocol.differences import Difference, differences

# None stands for what is not there.
SCALARS = st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def tool(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": name, **more}


def test_only_what_changed_is_said_with_the_way_to_it() -> None:
    before = {"source": {"type": "pasta", "fps": 30}, "mode": "TESTE"}
    after = {"source": {"type": "pasta", "fps": 25}, "mode": "RUN"}
    assert differences(before, after) == [
        Difference(("source", "fps"), 30, 25),
        Difference(("mode",), "TESTE", "RUN"),
    ]


def test_what_came_and_went_is_said() -> None:
    assert differences({"a": 1}, {"b": 2}) == [Difference(("b",), None, 2), Difference(("a",), 1, None)]


def test_tools_are_called_by_their_names() -> None:
    before = {"tools": [tool(1, "Blur", params={"ksize": 3}), tool(2, "Coins", params={"th_min": 90})]}
    after = {"tools": [tool(1, "Blur", params={"ksize": 3}), tool(2, "Coins", params={"th_min": 100})]}
    assert differences(before, after) == [Difference(("tools", "Coins", "params", "th_min"), 90, 100)]


def test_a_renamed_tool_is_the_same_tool() -> None:
    assert differences([tool(1, "A")], [tool(1, "B")]) == [Difference(("B", "name"), "A", "B")]


def test_a_tool_that_moved_has_another_place_and_an_addition_moves_nobody() -> None:
    one, two, three = tool(1, "A"), tool(2, "B"), tool(3, "C")
    assert differences([one, two], [two, one]) == [
        Difference(("B", "place"), 2, 1),
        Difference(("A", "place"), 1, 2),
    ]
    assert differences([one, two], [three, one, two]) == [Difference(("C",), None, three)]
    assert differences([one, two, three], [two, three]) == [Difference(("A",), one, None)]


def test_other_lists_are_one_value() -> None:
    assert differences({"resolution": [1, 2]}, {"resolution": [1, 3]}) == [Difference(("resolution",), [1, 2], [1, 3])]


def test_a_number_written_otherwise_is_the_same_number() -> None:
    assert differences({"a": 1.0}, {"a": 1}) == []


@given(JSON, JSON)
def test_there_is_a_difference_exactly_where_they_are_not_equal(before: Any, after: Any) -> None:
    assert bool(differences(before, after)) == (before != after)
    assert differences(before, before) == []
