"""The strip of the last sixty."""

from __future__ import annotations

from django.utils import translation

from dashboard.strip import Strip
from results.tally import Mark


def strip(*verdicts: str) -> Strip:
    return Strip([Mark(1, seq, verdict, seq) for seq, verdict in enumerate(verdicts, start=1)])


def test_the_newest_stands_at_the_right_edge() -> None:
    assert strip("nok").nok.startswith("M236 ")


def test_each_verdict_has_its_own_form() -> None:
    forms = [
        getattr(strip(verdict), path)
        for verdict, path in (("ok", "good"), ("nok", "nok"), ("undecided",) * 2, ("error",) * 2)
    ]
    assert len({form.split(" ", 1)[1] for form in forms}) == 4


def test_good_neighbours_are_one_path() -> None:
    assert strip("ok", "ok", "nok", "ok").good.count("M") == 1


def test_only_what_happened_is_drawn() -> None:
    drawn = strip("ok", "nok").svg
    assert [name for name in ("good", "nok", "undecided", "error") if f'class="{name}"' in drawn] == ["good", "nok"]


def test_the_summary_says_the_words_and_numbers_of_the_language() -> None:
    with translation.override("pt-br"):
        assert strip("ok", "nok", "nok").summary == "Últimos 3 resultados: Aprovada 1, Reprovada 2"
    with translation.override("en"):
        assert strip("ok", "nok", "nok").summary == "Last 3 results: OK 1, NOK 2"


def test_nothing_yet_is_nothing_to_draw() -> None:
    assert not strip().any
