"""A picture worked through in bands of rows: memory for a band stays in the processor's cache, whatever the picture's size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# So many pixels a band: with three channels of four bytes still within a usual second-level cache.
BAND_PIXELS = 1 << 15


class Band(NamedTuple):
    """Rows `top` to `bottom` - 1 of a picture; `first` to `past` - 1 are those with their neighbours, cut at the picture's ends."""

    top: int
    bottom: int
    first: int
    past: int

    @property
    def own(self) -> slice:
        """The band's rows in the picture."""
        return slice(self.top, self.bottom)

    @property
    def seen(self) -> slice:
        """The rows in the picture with their neighbours."""
        return slice(self.first, self.past)

    @property
    def inner(self) -> slice:
        """The band's own rows within those with their neighbours."""
        return slice(self.top - self.first, self.bottom - self.first)


def row_bands(height: int, width: int, halo: int = 0, pixels: int = BAND_PIXELS) -> Iterator[Band]:
    """Yield the bands of a picture (height, width), each with up to `halo` rows of neighbours on either side.

    A filter that looks `halo` rows far gives the same in a band with its neighbours as in the whole picture.

    >>> [(band.top, band.bottom, band.first, band.past) for band in row_bands(10, 100, halo=2, pixels=400)]
    [(0, 4, 0, 6), (4, 8, 2, 10), (8, 10, 6, 10)]
    """
    # Neighbours are worked on twice: a band is at least as high as both its borders together.
    rows = max(1, pixels // max(width, 1), 2 * halo if halo > 2 else 0)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield Band(top, bottom, max(top - halo, 0), min(bottom + halo, height))
