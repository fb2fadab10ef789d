"""Edges along an arrow to a fraction of a pixel: found as peaks of the profile's slope, measured by a fit to the raw pixels.

Neighbours nearer than the fit's window are fitted together, so that the flank of one does not move the other; farther ones are left
out of the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.clearrows import cleared
from analyticlens.engine.edgefit import UNLIKE, EdgesFit, Pixels, fit_edges
from analyticlens.engine.lineseek import LineSeeker
from analyticlens.engine.lineseek import Rough as Line
from analyticlens.engine.pose import turned
from analyticlens.engine.profile import Band, Floats, Profile, gaussian_slope, peaks_of, vertex
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.tools.edges import LineParams, SearchParams

# From this width on the edge's own direction is measured; narrower bands say too little about it.
FIT_WIDTH = 5
# Pixels of plateau used to either side of an edge: at least so many, and so many times its blur, up to a limit.
REACH, REACH_BLURS, FARTHEST = 12.0, 8.0, 50.0
# Edges nearer to one another than this, in pixels, are fitted together, and so many at once.
LINKED = 12.0
TOGETHER = 4
# Two edges of one direction are told apart by a dip of the slope between them of so many standard deviations of its noise.
APART = 5.0
# How far beyond the arrow's ends the fit may look.
BEYOND = 3.0
# A fit that moves an edge farther than this from where the profile shows it has found something else.
ASTRAY = 2.0
# Blur of the softest edge that must still be found at the least contrast, and of the sharpest there is.
SOFTEST, SHARPEST = 2.5, 0.3
# Standard deviation, in pixels, of a place that the fit does not confirm: the profile's alone, near something it cannot explain. What
# lies in an aslant band may be anywhere that the edge is smeared over, too.
UNSURE = 0.5
# Without what lies beside it an edge is fitted where no more than this share of the pixels is something else, from this blur on.
FOREIGN = 0.3
ALONE_BLUR = 1.0
MOST_ALONE = 4001
# An edge of which no more than this share of the contrast is left where rows are clear was dirt.
FAINT = 0.4
# From this width on a band has strips, so many at most; of which this share agree on an edge.
STRIPED, STRIPS, MOST = 8, 20, 0.5
# A fit has no edge farther than this, in pixels, from the line that strips agree on.
AGREED = 1.0
ROOT_TAU = math.sqrt(2 * math.pi)


class Rough(NamedTuple):
    """Edges (n) as the profile shows them, in its order: place along the arrow, slope (grey levels a pixel), step of grey."""

    places: Floats
    slopes: Floats
    contrasts: Floats

    def __len__(self) -> int:
        return len(self.places)


class Measured(NamedTuple):
    """An edge: (x, y) on the arrow's line, `t` along it, its normal's direction, its step of grey (positive where it grows), its blur
    across itself, the share of the pixels' variance that the model explains, and the standard deviation of `t`."""

    x: float
    y: float
    t: float
    angle_deg: float
    contrast: float
    blur: float
    score: float
    sigma: float

    @property
    def polarity(self) -> str:
        """Direction of the change of light along the arrow."""
        return "dark_to_light" if self.contrast > 0 else "light_to_dark"


class EdgeSearch:
    """Searches along one arrow, wherever it is moved (its length never changes)."""

    def __init__(self, arrow: Arrow, params: SearchParams) -> None:
        self._params = params
        length = math.hypot(arrow.p1.x - arrow.p0.x, arrow.p1.y - arrow.p0.y)
        self.profile = Profile(length, max(1, round(arrow.width)))
        self.profile.smooth_by(gaussian_slope(params.smoothing, self.profile.step))

    @cached_property
    def seeker(self) -> LineSeeker | None:
        """Lines that strips of the band agree on, whatever dirt there is; None for a band too narrow for strips."""
        if self.profile.lines < STRIPED:
            return None
        params = self._params
        limits = {name: getattr(params, name) for name in ("smoothing", "min_contrast", "min_snr")}
        return LineSeeker(self.profile, built(LineParams, polarity="any", calipers=STRIPS, min_points=MOST, **limits))

    def look(self, grey: NDArray[Any], arrow: Arrow) -> Look:
        """Return what grey (H, W) shows along the arrow."""
        profile = self.profile
        band = Band(grey, arrow, profile.steps, profile.lines)
        samples = band.sample(0.0)
        gradient = profile.gradient(samples)
        return Look(self, band, samples, gradient, self._rough(samples, gradient))

    def _rough(self, samples: NDArray[np.float32], gradient: Floats) -> Rough:
        """Return every edge of either polarity that is strong enough."""
        params, profile = self._params, self.profile
        softest = ROOT_TAU * math.hypot(params.smoothing, SOFTEST)
        noise = profile.noise(gradient, samples)
        least = max(params.min_contrast / softest, params.min_snr * noise)
        peaks = peaks_of(gradient, "any", least, standing_out=True, dip=APART * noise)
        found = [vertex(gradient, int(peak)) for peak in peaks]
        places, slopes = np.array(found, float).reshape(-1, 2).T
        contrasts = self._contrasts(gradient, peaks, slopes)
        strong = np.abs(contrasts) >= params.min_contrast
        return Rough(places[strong] * profile.step, slopes[strong], contrasts[strong])

    def _contrasts(self, gradient: Floats, peaks: NDArray[np.intp], slopes: Floats) -> Floats:
        """Return the grey levels climbed around each peak, as far as half-way to its neighbours.

        Where neighbours are too near to leave room, what the sharpest edge of that slope would climb.
        """
        step = self.profile.step
        half = round(3 * math.hypot(self._params.smoothing, 1.5) / step)
        middles = (peaks[1:] + peaks[:-1]) // 2
        low = np.maximum(peaks - half, np.concatenate(([0], middles)))
        high = np.minimum(peaks + half, np.concatenate((middles, [len(gradient) - 1])))
        climbed = np.concatenate(([0.0], np.cumsum(gradient) * step))
        climbs = climbed[high + 1] - climbed[low]
        least = slopes * ROOT_TAU * math.hypot(self._params.smoothing, SHARPEST)
        return np.where(np.abs(climbs) > np.abs(least), climbs, least)


class Look(NamedTuple):
    """One picture along the arrow: the band of pixels, its samples, their slope, and the edges it shows."""

    search: EdgeSearch
    band: Band
    samples: NDArray[np.float32]
    gradient: Floats
    rough: Rough

    def measure(self, chosen: Sequence[int]) -> tuple[list[Measured], float]:
        """Return the chosen edges (one, or two in order) to a fraction of a pixel, and the covariance of two edges' places."""
        places = self.rough.places
        if len(chosen) == 2 and places[chosen[1]] - places[chosen[0]] >= LINKED:
            return [self.measure([one])[0][0] for one in chosen], 0.0
        members = self._cluster(list(chosen))
        tilt, at, slopes = self._upright(members)
        blur = self._blur(members, slopes)
        fit, clear = self._fitted(members, at, tilt, blur)
        if not clear:
            # What the profile shows may be no edge but dirt on a part of the band: then pixels lose their weight, and the edge has its own.
            alone = self._alone(members, list(chosen), at, tilt, fit is None)
            if alone is not None:
                fit, members = alone, list(chosen)
        sound = fit is not None
        if fit is None:
            fit = self._leveled(members, at, tilt, blur)
        edges = [self._edge(fit, members.index(one), sound) for one in chosen]
        shared = float(fit.cov[members.index(chosen[0]), members.index(chosen[-1])]) if sound else 0.0
        return edges, shared

    def _cluster(self, chosen: list[int]) -> list[int]:
        """Return the edges that must be fitted with the chosen ones, in order: the strongest of those near them."""
        places, contrasts = self.rough.places, self.rough.contrasts
        first, last = chosen[0], chosen[-1]
        near = [i for i in range(first, last + 1) if i not in chosen]
        low, high = first, last
        while low > 0 and places[low] - places[low - 1] < LINKED and places[first] - places[low - 1] < 2 * LINKED:
            low -= 1
            near.append(low)
        while (
            high + 1 < len(places) and places[high + 1] - places[high] < LINKED > (places[high + 1] - places[last]) / 2
        ):
            high += 1
            near.append(high)
        reach = [min(abs(places[i] - places[j]) for j in chosen) for i in near]
        by_need = sorted(range(len(near)), key=lambda k: reach[k] / max(1.0, abs(contrasts[near[k]])))
        return sorted(chosen + [near[k] for k in by_need[: TOGETHER - len(chosen)]])

    def _upright(self, members: list[int]) -> tuple[float, Floats, Floats]:
        """Return the edges' common tilt, and their places and slopes in the profile across it."""
        profile, rough = self.search.profile, self.rough
        places, slopes = rough.places[members], rough.slopes[members]
        if profile.lines < FIT_WIDTH:
            return 0.0, places, slopes
        half = profile.reach + round(profile.lines / 4 / profile.step)
        first, last = round(places[0] / profile.step), round(places[-1] / profile.step)
        near = slice(max(0, first - half), last + half + 1)
        sheared = profile.shear(self.band, self.samples, self.gradient, near)
        if sheared is None:
            return 0.0, places, slopes
        peaks = [self._peak(sheared.gradient, *one) for one in zip(places.tolist(), slopes.tolist(), strict=True)]
        at, steep = np.array(peaks).T
        return sheared.tilt, at, steep

    def _peak(self, gradient: Floats, place: float, slope: float) -> tuple[float, float]:
        """Return the place and slope of the peak of the same direction nearest to a place, or those given where there is none."""
        step = self.search.profile.step
        at, half, sign = round(place / step), math.ceil(ASTRAY / step), math.copysign(1.0, slope)
        first = max(1, at - half)
        part = sign * gradient[first : at + half + 1]
        peak = first + int(np.argmax(part)) if len(part) else 0
        if not 0 < peak < len(gradient) - 1:
            return place, slope
        before, top, after = (sign * gradient[peak - 1 : peak + 2]).tolist()
        if top <= 0 or top < max(before, after):
            return place, slope
        where, steep = vertex(gradient, peak)
        return where * step, steep

    def _blur(self, members: list[int], slopes: Floats) -> float:
        """Return the blur that the least of the edges seems to have, from its step and slope."""
        smoothing = self.search._params.smoothing
        whole = np.abs(self.rough.contrasts[members] / slopes).min() / ROOT_TAU
        return min(max(math.sqrt(max(0.0, float(whole) ** 2 - smoothing**2)), 0.5), FARTHEST / REACH_BLURS)

    def _window(self, members: list[int], at: Floats, blur: float) -> tuple[float, float]:
        """Return from where to where along the arrow pixels say something about these edges alone."""
        reach = min(max(REACH, REACH_BLURS * blur), FARTHEST)
        places = self.rough.places
        low, high = max(at[0] - reach, -BEYOND), min(at[-1] + reach, self.search.profile.length + BEYOND)
        if members[0] > 0:
            low = max(low, (places[members[0] - 1] + at[0]) / 2)
        if members[-1] + 1 < len(places):
            high = min(high, (places[members[-1] + 1] + at[-1]) / 2)
        return float(low), float(high)

    def _fitted(self, members: list[int], at: Floats, tilt: float, blur: float) -> tuple[EdgesFit | None, bool]:
        """Return the fit to the raw pixels, or None where it is of something else than these edges; and whether enough rows are clear."""
        pixels = self.band.pixels(*self._window(members, at, blur), tilt)
        tilts = np.full(len(at), tilt) if self.search.profile.lines >= FIT_WIDTH else None
        fit, clear = fit_edges(pixels, at, blur, tilts), True
        if fit is not None and fit.foreign and tilts is not None:
            fit, clear = cleared(pixels, fit)
            clear = clear and bool((np.abs(fit.contrasts) >= FAINT * np.abs(self.rough.contrasts[members])).all())
        if fit is None or (np.abs(fit.places - at) > ASTRAY).any():
            return None, False
        same = np.sign(fit.contrasts) == np.sign(self.rough.contrasts[members])
        return (fit, clear) if same.all() else (None, False)

    def _alone(self, members: list[int], chosen: list[int], at: Floats, tilt: float, lost: bool) -> EdgesFit | None:
        """Return the chosen edges fitted without what lies beside them, or None where too many pixels are something else.

        What lies beside may have misled the profile in place and tilt: lines that most of the band's strips agree on are a better
        beginning, and where an edge is `lost` several others are tried.
        """
        fit = self._agreed(chosen)
        if fit is not None or not lost or len(members) == len(chosen):
            return fit
        own = at[[members.index(one) for one in chosen]]
        contrasts = self.rough.contrasts[chosen]
        turns = self.search.profile.lines >= FIT_WIDTH
        low, high = max(own[0] - REACH, -BEYOND), min(own[-1] + REACH, self.search.profile.length + BEYOND)
        for start, shift in ((tilt, 0.0), (0.0, 0.0), (tilt, -ASTRAY), (tilt, ASTRAY)):
            pixels = _some(self.band.pixels(float(low), float(high), start))
            fit = fit_edges(pixels, own + shift, ALONE_BLUR, np.full(len(own), start) if turns else None, wary=True)
            if fit is None or (fit.contrasts * contrasts <= 0).any() or (np.abs(fit.places - own) > 2 * ASTRAY).any():
                continue
            size = np.abs(pixels.grey - fit.modelled(pixels))
            clear = UNLIKE * float(np.abs(fit.contrasts).min())
            if np.count_nonzero(size > clear) <= FOREIGN * len(size):
                return fit
        return None

    def _agreed(self, chosen: list[int]) -> EdgesFit | None:
        """Return the chosen edges fitted from the lines that the band's strips agree on, or None where these hold too much else."""
        lines = self._lines(chosen)
        if lines is None:
            return None
        places, tilts = np.array([(line.place, line.tilt) for line in lines]).T
        own = len(chosen)
        low, high = max(places.min() - REACH, -BEYOND), min(places.max() + REACH, self.search.profile.length + BEYOND)
        pixels = _some(self.band.pixels(float(low), float(high), float(tilts[:own].mean())))
        fit = fit_edges(pixels, places, ALONE_BLUR, tilts, wary=True)
        if fit is None:
            return None
        fit, clear = cleared(pixels, fit)
        same = (fit.contrasts[:own] * self.rough.contrasts[chosen] > 0).all()
        return fit if clear and same and (np.abs(fit.places - places) <= AGREED).all() else None

    def _lines(self, chosen: list[int]) -> list[Line] | None:
        """Return for each of the chosen edges the nearest line that most strips agree on, then those beside them.

        None where an edge has no such line, or they are in another order.
        """
        profile, seeker = self.search.profile, self.search.seeker
        if seeker is None:
            return None
        found = self._about(chosen, seeker)
        nearest: list[Line] = []
        for one in chosen:
            place, rises = float(self.rough.places[one]), self.rough.slopes[one] > 0
            alike = [line for line in found if (line.slope > 0) == rises]
            line = min(alike, key=lambda line: abs(line.place - place), default=None)
            if line is None or abs(line.place - place) > 2 * ASTRAY + abs(line.tilt) * profile.lines / 2:
                return None
            nearest.append(line)
        held = [line.place for line in nearest]
        if held != sorted(held):
            return None
        beside = [line for line in found if line.place not in held]
        beside = [line for line in beside if min(abs(line.place - place) for place in held) < 2 * REACH]
        return (nearest + beside)[:TOGETHER]

    def _about(self, chosen: list[int], seeker: LineSeeker) -> list[Line]:
        """Return the lines that strips agree on about the chosen edges, as far as an aslant one can be from them."""
        profile = self.search.profile
        reach = 2 * REACH + profile.lines / 2 + profile.reach * profile.step
        first = max(0, math.floor((self.rough.places[chosen[0]] - reach) / profile.step))
        last = math.ceil((self.rough.places[chosen[-1]] + reach) / profile.step)
        lines = seeker.lines(self.samples[:, first : last + 1])
        return [line._replace(place=line.place + first * profile.step) for line in lines]

    def _leveled(self, members: list[int], at: Floats, tilt: float, blur: float) -> EdgesFit:
        """Return the edges where the profile shows them, with the grey levels that fit them."""
        pixels = self.band.pixels(*self._window(members, at, blur), tilt)
        tilts = np.full(len(at), tilt)
        fit = fit_edges(pixels, at, blur, tilts, rounds=0)
        if fit is not None:
            return fit
        cov = np.zeros((2 * len(at), 2 * len(at)))
        return EdgesFit(
            at, tilts, self.rough.contrasts[members], blur, np.zeros(1 + len(at)), (0.0, 0.0, 0.0), cov, 0.0, 0.0
        )

    def _edge(self, fit: EdgesFit, index: int, sound: bool) -> Measured:
        t, tilt = float(fit.places[index]), float(fit.tilts[index])
        x, y = self.band.place(t)
        turn = math.atan(tilt)
        smeared = abs(tilt) * self.search.profile.lines / math.sqrt(12)
        sigma = math.sqrt(max(0.0, float(fit.cov[index, index]))) if sound else math.hypot(UNSURE, smeared)
        angle = turned(self.band.angle_deg - math.degrees(turn))
        return Measured(x, y, t, angle, float(fit.contrasts[index]), fit.blur * math.cos(turn), fit.score, sigma)


def _some(pixels: Pixels) -> Pixels:
    """Return the pixels, of very many evenly some."""
    step = max(1, -(-len(pixels.grey) // MOST_ALONE))
    return pixels if step == 1 else Pixels(pixels.u[::step], pixels.v[::step], pixels.grey[::step])
