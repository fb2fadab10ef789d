"""Numbers as people write and read them."""

from __future__ import annotations

import pytest
from django.utils import translation

from dashboard import numbers


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1,5", 1.5),
        ("1.5", 1.5),
        (" -0,25 ", -0.25),
        ("\u22123", -3),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("12", 12),
    ],
)
def test_comma_and_point_are_both_read(written: str, value: float) -> None:
    assert numbers.read(written) == value


@pytest.mark.parametrize("written", ["", "abc", "nan", "inf", "1e999", "1,2,3", "1_000", "--1"])
def test_what_is_no_finite_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the text is Python's own
        numbers.read(written)


def test_numbers_are_printed_in_the_language_of_the_page() -> None:
    with translation.override("pt-br"):
        assert (numbers.text(184210), numbers.text(98.6, 1), numbers.text(1234.5)) == ("184.210", "98,6", "1.234,5")
    with translation.override("en"):
        assert (numbers.text(184210), numbers.text(98.6, 1), numbers.text(1234.5)) == ("184,210", "98.6", "1,234.5")


def test_a_value_has_as_many_decimals_as_a_person_reads() -> None:
    with translation.override("en"):
        assert [numbers.text(value) for value in (4.0, 63.1123, 0.058812, 0.00001, -2.5)] == [
            "4",
            "63.11",
            "0.059",
            "0",
            "-2.5",
        ]


def test_nothing_is_a_dash() -> None:
    assert [numbers.text(value) for value in (None, float("nan"), float("inf"))] == ["–", "–", "–"]


@pytest.mark.parametrize("language", ["pt-br", "en"])
@pytest.mark.parametrize("value", [0.1, 1e9, 1234.5678, -0.000001, 3, 65535, 1e-9])
def test_a_fields_value_is_read_back_as_it_was(language: str, value: float) -> None:
    with translation.override(language):
        assert numbers.read(numbers.field(value)) == value
