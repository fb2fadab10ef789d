"""What lies beside a line in its band: other straight edges near it, which must be fitted together with it, and how far pixels are its own.

A rim of a narrow bar pulls the other by its flank, also from beyond the end of the search. Dirt on a part of the band makes a peak of
the mean profile as well, but none of the median over the strips: it is no straight edge, and pixels lose their weight instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.lineseek import Rough
from analyticlens.engine.profile import Band, Floats, Profile, peaks_of

# Pixels past the arrow's ends that are read, and that neighbours are looked for in.
BEYOND, SOUGHT = 3.0, 12.0
# A neighbour has at least this share of the line's slope; nearer than this, in pixels, its peak is the line's own.
NEIGHBOUR = 0.05
OWN = 2.0
# Straight edges nearer than this, in pixels, and of this share of the line's slope are fitted together with it, so many at most.
LINKED, LINKED_SHARE = 12.0, 0.15
TOGETHER = 3
# A straight edge has at least this share of its mean slope in the middle one of the strips.
STRAIGHT = 0.5
# Pixels read past a neighbour that is fitted, so that its own step shows: so many, and so many times its blur.
PAST, PAST_BLURS = 3.0, 3.0


class Beside(NamedTuple):
    """Places (n) of edges that are fitted with a line, and from where to where along the band there are no further ones."""

    places: Floats
    low: float
    high: float

    def window(self, place: float, reach: float, length: float, blur: float) -> tuple[float, float]:
        """Return from where to where along the band pixels speak of the line at `place`, `reach` to either side, and its neighbours."""
        past = PAST + PAST_BLURS * blur
        first, last = (float(f(self.places, initial=place)) for f in (np.min, np.max))
        low = max(place - reach, -BEYOND) if first == place else min(max(place - reach, -BEYOND), first - past)
        high = min(place + reach, length + BEYOND)
        if last != place:
            high = max(high, last + past)
        return max(low, self.low), min(high, self.high)


class Slopes(NamedTuple):
    """Slopes of the light in strips (strips, n) sheared along a line, of their mean (n), and where their first sample is."""

    strips: Floats
    mean: Floats
    first: float
    step: float


def slopes_along(band: Band, profile: Profile, rough: Rough, starts: NDArray[np.int_]) -> Slopes:
    """Return the slopes along a rough line in the strips that begin at `starts` (strips + 1), as far as neighbours are looked for."""
    more = round(SOUGHT / profile.step)
    samples = band.sample(rough.tilt, more)
    sizes = np.diff(starts)
    strips = profile.slopes(np.add.reduceat(samples, starts[:-1], axis=0) / sizes[:, None].astype(np.float32))
    return Slopes(strips[rough.strips], sizes @ strips / sizes.sum(), -more * profile.step, profile.step)


def beside(slopes: Slopes, rough: Rough) -> Beside:
    """Return what lies beside a line."""
    peaks = peaks_of(slopes.mean, "any", NEIGHBOUR * abs(rough.slope), standing_out=False)
    places = peaks * slopes.step + slopes.first
    other = np.abs(places - rough.place) > OWN
    peaks, places = peaks[other], places[other]
    straight = _straight(slopes, peaks) & (np.abs(slopes.mean[peaks]) >= LINKED_SHARE * abs(rough.slope))
    off = np.abs(places - rough.place)
    linked = np.zeros(len(places), np.bool_)
    near = [k for k in np.argsort(off).tolist() if straight[k] and off[k] < LINKED]
    linked[near[:TOGETHER]] = True
    low, high = _limits(places, linked, rough.place)
    linked &= (places > low) & (places < high)
    return Beside(places[linked], low, high)


def _straight(slopes: Slopes, peaks: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which peaks (n) of the mean slope most strips share."""
    mean = slopes.mean[peaks]
    middle = np.median(slopes.strips[:, peaks], axis=0)
    return np.asarray(middle * np.sign(mean) >= STRAIGHT * np.abs(mean))


def _limits(places: Floats, linked: NDArray[np.bool_], place: float) -> tuple[float, float]:
    """Return from where to where there is nothing but the line at `place` and the linked ones: half-way to the first that is not."""
    limits = []
    for side in (-1, 1):
        there = np.flatnonzero((places - place) * side > 0)[::side]
        free = next((int(k) for k in there if not linked[k]), None)
        if free is None:
            limits.append(side * np.inf)
            continue
        inner = places[there[linked[there] & ((places[there] - places[free]) * side < 0)]]
        limits.append((float(places[free]) + (float(inner[-1]) if len(inner) else place)) / 2)
    return limits[0], limits[1]
