"""On real photographs: 24 of 24 coins under their uneven light, parts of a circuit board, a box in its scene."""

from __future__ import annotations

import os

import pytest

from analyticlens.bench.accuracy import rows_scenes
from analyticlens.bench.accuracy.rows_photographs import coins, rows
from analyticlens.demo.coins import photograph
from analyticlens.engine import inspect


@pytest.mark.parametrize("offset", [4, 5, 6, 7, 8])
def test_all_coins_are_counted_whatever_the_level(offset: float) -> None:
    assert inspect(photograph(), coins(offset)).verdict == "ok"


def test_each_coin_is_counted_where_it_lies_in_other_light_too(seed: int) -> None:
    assert [str(row) for row in rows(seed, 10) if not row.met] == []


def test_parts_of_a_board_and_a_box_in_its_scene_are_found(seed: int) -> None:
    if rows_scenes.folder() is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "the photographs of opencv-doc are wanted: make peers"
        pytest.skip("the photographs of Debian's opencv-doc are not here: make peers fetches them")
    board, box = rows_scenes.rows(seed, 12)
    assert [str(row) for row in (board, box) if not row.met] == []
    assert (board.failures, box.failures) == (0, 0)
