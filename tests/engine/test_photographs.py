"""On real photographs: 24 of 24 coins under their uneven light."""

from __future__ import annotations

import pytest

from analyticlens.bench.accuracy.rows_photographs import coins, rows
from analyticlens.demo.coins import photograph
from analyticlens.engine import inspect


@pytest.mark.parametrize("offset", [4, 5, 6, 7, 8])
def test_all_coins_are_counted_whatever_the_level(offset: float) -> None:
    assert inspect(photograph(), coins(offset)).verdict == "ok"


def test_each_coin_is_counted_where_it_lies_in_other_light_too(seed: int) -> None:
    assert [str(row) for row in rows(seed, 10) if not row.met] == []
