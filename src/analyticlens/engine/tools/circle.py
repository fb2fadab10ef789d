"""circle: a circle or an arc, found along rays and fitted to the pixels of its rim."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.circlefit import CircleFit, fit_circle, pixels_between
from analyticlens.engine.entities import FoundCircle, Places
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.plane import NoPlace, Plane
from analyticlens.engine.rays import FLOOR, Edges, Sector, Unrolled, edges, ray_count, sample_count, unroll
from analyticlens.engine.regions import Window, moved, window
from analyticlens.engine.rim import BAND, believed, surroundings
from analyticlens.engine.roundfit import Round, fit_round
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.engine.tools.calibration import plane_of
from analyticlens.protocol.overlay import Cross, OverlayShape
from analyticlens.protocol.regions import Circle, Point, Ring
from analyticlens.protocol.tools import CalibrationTool, CircleParams, CircleTool, MeasureTool

SIGNS = {"dark_to_light": (1,), "light_to_dark": (-1,), "any": (1, -1)}
CHOICES = {"inner": "first", "outer": "last", "strongest": "all"}
# Rays this near to a stretch that does not hold, in blurs and pixels of the rim, are not believed either: blur mixes their light.
REACH, BESIDE = 4.0, 2.0
# A shorter stretch, in pixels of the rim, is edges missed in noise.
STRETCH = 3.0
FEWEST_RAYS = 6
# An edge off the circle is the part's where most of so many rays about it have edges that lie like it.
LONE = 11
# A fit that leaves the edges by more than this, in pixels, has gone astray.
ASTRAY = 1.0
BLUNTEST = 8.0
# Milliseconds for each ray and each sample of it, for each pixel of the region and of the rim, and for the rest; measured, with room.
MS_RAY, MS_SAMPLE, MS_PIXEL, MS_RIM, MS_BASE = 1.5e-2, 1.5e-4, 2e-5, 2.5e-3, 10.0
MOST_RIM = 16_000


class Rim(NamedTuple):
    """A circle as edges found it: the robust circle, its edges' polarity (+1: lighter outside), and where it was looked for."""

    round: Round
    sign: int
    unrolled: Unrolled
    sector: Sector
    edges: Edges


def prepare(tool: CircleTool, kit: Kit) -> Run:
    """Return the function that finds the circle and measures it."""
    params = tool.params
    planes = _planes(tool, kit)

    def run(scene: Scene) -> Found:
        region = scene.region
        assert isinstance(region, Ring | Circle)
        place = _place(scene, tool, region)
        if place is None:
            return Found(status="roi_outside", reason="roi_outside", message="the search band leaves the picture")
        sector = _sector(region, params.search)
        rim = _rim(scene, place, sector, params, params.tolerance + _leeway(planes, sector))
        if rim is None:
            return _nothing("no round edge in the region")
        if rim.round.seen < params.min_arc:
            return _nothing(f"only {rim.round.seen:.0%} of the rim was seen")
        fit = _fitted(scene, place, rim, params.min_snr)
        if fit is None:
            return _nothing("the round edge has no light of a rim")
        if abs(fit.contrast) < params.min_contrast:
            return _nothing(f"the edge's contrast is only {abs(fit.contrast):.3g}")
        return _found(fit, rim, params)

    return run


def cost(tool: CircleTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most."""
    assert isinstance(tool.region, Ring | Circle)
    sector = _sector(tool.region, tool.params.search)
    side = 2 * sector.outer + 3
    rim = min(MOST_RIM, 2 * math.pi * sector.outer * 2 * BAND)
    searched = ray_count(sector) * (MS_RAY + MS_SAMPLE * sample_count(sector))
    return MS_BASE + searched + MS_PIXEL * min(side**2, 4e8) + MS_RIM * rim


def _nothing(message: str) -> Found:
    return Found(status="not_found", reason="not_found", message=message)


def _sector(region: Ring | Circle, search: float) -> Sector:
    """Return where rays look: a ring itself, or a band to both sides of a circle's rim."""
    if isinstance(region, Ring):
        return Sector(region.cx, region.cy, region.inner, region.outer, region.start, region.sweep)
    return Sector(region.cx, region.cy, max(0.0, region.r - search), region.r + search)


def _place(scene: Scene, tool: CircleTool, region: Ring | Circle) -> Window | None:
    """Return the pixels that are searched; of a circle, those of its band, or None where too much of it leaves the picture."""
    if isinstance(region, Ring):
        return scene.window
    sector = _sector(region, tool.params.search)
    band = built(
        Ring, shape="ring", cx=sector.x, cy=sector.y, inner=sector.inner, outer=sector.outer, start=0.0, sweep=360.0
    )
    exclude = [moved(area, scene.pose) for area in tool.exclude]
    size = scene.picture.height, scene.picture.width
    return window(band, *size, scene.buffers, "circle band", exclude, tool.min_coverage)


def _planes(tool: CircleTool, kit: Kit) -> list[Plane]:
    """Return the calibrated planes that measures of the recipe map the circle onto."""
    numbers = {
        other.params.calibration
        for other in kit.recipe.tools
        if isinstance(other, MeasureTool) and tool.id in (other.params.first, other.params.second)
    }
    planes = []
    for one in kit.recipe.tools:
        if one.id in numbers and isinstance(one, CalibrationTool):
            try:
                planes.append(plane_of(one))
            except CannotBuild:
                # What is wrong with it the calibration says for itself.
                continue
    return planes


def _leeway(planes: list[Plane], sector: Sector) -> float:
    """Return how far, in pixels, what is a circle on a plane lies from one in the picture, at most, where it is looked for."""
    most = 0.0
    for plane in planes:
        try:
            bent = plane.circle(sector.x, sector.y, sector.outer).bent / plane.scale(sector.x, sector.y)
        except NoPlace:
            continue
        most = max(most, bent / 2)
    return min(most, sector.outer - sector.inner)


def _rim(scene: Scene, place: Window, sector: Sector, params: CircleParams, tolerance: float) -> Rim | None:
    """Return the circle that the edges on the rays agree on, or None; of both polarities' the one that is wanted, if it is seen enough."""
    unrolled = unroll(scene.picture.grey(), place, sector, params.smoothing, scene.buffers)
    # An unblurred step of the least contrast has this slope; half of it is left where it is as blurred as the search.
    slope = params.min_contrast / (math.sqrt(2 * math.pi) * params.smoothing) / 2
    least = max(FLOOR, slope, params.min_snr * unrolled.noise)
    rims = []
    for sign in SIGNS[params.polarity]:
        found: Edges = edges(unrolled, sign, least, CHOICES[params.select], scene.buffers)
        circle = fit_round(found, unrolled.angles, sector, tolerance)
        if circle is not None:
            rims.append(Rim(circle, sign, unrolled, sector, found))
    return max(
        rims, key=lambda rim: (rim.round.seen >= params.min_arc, _wanted(rim.round, params.select)), default=None
    )


def _wanted(circle: Round, select: str) -> float:
    """Return how much a circle is the one that is selected."""
    return -circle.r if select == "inner" else circle.r if select == "outer" else circle.strength


def _fitted(scene: Scene, place: Window, rim: Rim, min_snr: float) -> CircleFit | None:
    """Return the fit to the pixels of the rim where it was seen, or None where they do not bear it out."""
    circle = rim.round
    around = surroundings(rim.unrolled, circle, rim.sector, min_snr, scene.buffers)
    if not around.stands_out:
        return None
    keep = believed(circle.holds, STRETCH / circle.r, (REACH * around.blur + BESIDE) / circle.r, rim.sector)
    if np.count_nonzero(keep) < FEWEST_RAYS:
        keep = circle.holds
    first, spread = math.radians(rim.sector.start), math.radians(rim.sector.sweep) / len(keep)
    middle = rim.sector.x - circle.x, rim.sector.y - circle.y
    inner, outer = np.where(keep, around.inner, -1.0), np.where(keep, around.outer, -1.0)

    def ray_of(dx: NDArray[Any], dy: NDArray[Any]) -> NDArray[np.intp]:
        turn = np.mod(np.arctan2(dy - middle[1], dx - middle[0]) - first, 2 * math.pi)
        ray = (turn / spread).astype(np.intp)
        off = np.hypot(dx, dy) - circle.r - _waves(rim, np.arctan2(dy - middle[1], dx - middle[0]))
        at = np.minimum(ray, len(keep) - 1)
        held = (ray < len(keep)) & (off >= -inner[at]) & (off <= outer[at]) & keep[at]
        return np.where(held, at, -1)

    reach = BAND + float(np.abs(circle.waves[circle.holds]).max(initial=0))
    limits = max(0.0, circle.r - reach), circle.r + reach
    pixels = pixels_between(scene.picture.grey(), place, (circle.x, circle.y), limits, ray_of)
    beyond = _waves(rim, np.arctan2(pixels.y - rim.sector.y, pixels.x - rim.sector.x))
    fit = fit_circle(pixels._replace(beyond=beyond), (circle.x, circle.y, circle.r), around.blur, spread, scene.buffers)
    if fit is None or fit.contrast * rim.sign >= 0 or fit.blur > BLUNTEST:
        return None
    # Where rays are believed, the fit runs along their edges; these lie inside a blurred rim by blur squared over twice the radius.
    angles = rim.unrolled.angles[keep]
    out = (fit.x - circle.x) * np.cos(angles) + (fit.y - circle.y) * np.sin(angles)
    strayed = np.abs(out + fit.r - circle.r - fit.blur**2 / (2 * circle.r)).max()
    return fit if strayed <= ASTRAY + fit.blur / 2 else None


def _waves(rim: Rim, turn: NDArray[Any]) -> NDArray[Any]:
    """Return how far outwards of the circle the rim runs, in directions `turn` (n, radians) from the middle of where it was looked for."""
    holds = rim.round.holds
    if not rim.round.waves[holds].any():
        return np.zeros(len(turn))
    return np.asarray(np.interp(turn, rim.unrolled.angles[holds], rim.round.waves[holds], period=2 * math.pi))


def _found(fit: CircleFit, rim: Rim, params: CircleParams) -> Found:
    circle = rim.round
    rest = circle.rest[circle.holds]
    sigma = math.sqrt(float(fit.cov[0, 0] + fit.cov[1, 1]) / 2)
    radius_sigma = math.sqrt(float(fit.cov[2, 2]))
    features = {
        "x": fit.x,
        "y": fit.y,
        "radius": fit.r,
        "diameter": 2 * fit.r,
        "roundness": _roundness(circle, rim.sector.sweep >= 360),
        "rms": float(rest.std()),
        "n_points": float(len(rest)),
        "arc_coverage": circle.seen,
        "score": circle.votes / len(circle.weights),
        "contrast": abs(fit.contrast),
        "blur": fit.blur,
        "sigma": sigma,
        "radius_sigma": radius_sigma,
    }
    at = built(Point, x=fit.x, y=fit.y)
    shapes: list[OverlayShape] = [
        built(Circle, shape="circle", cx=fit.x, cy=fit.y, r=fit.r),
        built(Cross, shape="cross", at=at, angle_deg=0.0),
    ]
    places = _places(fit, rim, params.tolerance)
    return Found(features, shapes, entity=FoundCircle(fit.x, fit.y, fit.r, sigma, radius_sigma, places))


def _roundness(circle: Round, whole: bool) -> float:
    """Return the largest less the smallest distance of the edges, those included that do not hold to the circle, but for lone ones.

    What leaves the circle on a few rays is dirt; over a longer stretch it is the part that is not round.
    """
    beside = LONE // 2
    around = np.pad(circle.rest, beside, mode="wrap") if whole else np.pad(circle.rest, beside, constant_values=np.nan)
    rows = np.lib.stride_tricks.sliding_window_view(around, LONE)
    seen = (np.isfinite(rows).sum(axis=1) > beside) & ~circle.holds & np.isfinite(circle.rest)
    return float(np.ptp(np.concatenate((circle.rest[circle.holds], np.nanmedian(rows[seen], axis=1)))))


def _places(fit: CircleFit, rim: Rim, tolerance: float) -> Places:
    """Return where the edges lie that the circle was found among; blur squared over twice the radius is how far within the rim they are."""
    radii = rim.edges.radii + fit.blur**2 / (2 * fit.r)
    x = rim.sector.x + radii * np.cos(rim.unrolled.angles)[:, None]
    y = rim.sector.y + radii * np.sin(rim.unrolled.angles)[:, None]
    return Places(x, y, rim.edges.strength, rim.sector.sweep >= 360, tolerance, rim.round.off(tolerance))
