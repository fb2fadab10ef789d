"""line: a straight edge across a rectangle or a wide arrow, from a row of calipers that dirt does not mislead."""

from __future__ import annotations

import math

import numpy as np

from analyticlens.engine.beside import SOUGHT
from analyticlens.engine.build import built
from analyticlens.engine.entities import FoundLine
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.linefit import Straight, straight
from analyticlens.engine.lineseek import LineSeeker, least_points, strip_count, strip_starts
from analyticlens.engine.masks import AreaRegion
from analyticlens.engine.pose import turned
from analyticlens.engine.profile import Band, Profile, read
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Arrow, Point, Polygon, Rect
from analyticlens.protocol.tools import LineTool

# Pixels a band must have across the search, and along it.
NARROWEST, SHORTEST = 6, 3


def prepare(tool: LineTool, kit: Kit) -> Run:
    """Return the function that finds the line. Raises CannotBuild for a region too small to hold one."""
    taught = searched(tool.region)
    if taught.width < NARROWEST or _length(taught) < SHORTEST:
        raise CannotBuild(f"its region must be at least {NARROWEST} px across the search and {SHORTEST} px along it")
    profile = Profile(_length(taught), max(1, round(taught.width)))
    seeker = LineSeeker(profile, tool.params)
    profile.smooth_by(seeker.kernel, tool.params.smoothing)
    count = strip_count(tool.params, profile.lines)
    starts, least = strip_starts(count, profile.lines), least_points(tool.params, count)
    # A line has no direction of its own: it is told as the one of both that is above -90 and up to 90 degrees as taught.
    flip = 180.0 if not -90 < turned(_angle(taught) - 90) <= 90 else 0.0

    def run(scene: Scene) -> Found:
        arrow = searched(scene.arrow or scene.region)
        band = Band(scene.picture.grey(), arrow, profile.steps, profile.lines, SOUGHT)
        rough = seeker.line(band.sample(0.0))
        line = None if rough is None else straight(band, profile, rough, seeker.starts, starts)
        if line is None or np.count_nonzero(line.used) < least:
            return Found(status="not_found", reason="not_found", message="no straight edge across the region")
        return _found(line, band, profile.lines, count, flip)

    return run


def searched(region: AreaRegion | Arrow | None) -> Arrow:
    """Return the arrow that a region means: itself, or down the middle of a rectangle from its top to its bottom, as wide as that."""
    if isinstance(region, Arrow):
        return region
    assert isinstance(region, Rect)
    cx, cy = region.x + (region.w - 1) / 2, region.y + (region.h - 1) / 2
    angle = math.radians(region.angle + 90)
    dx, dy = (region.h - 1) / 2 * math.cos(angle), (region.h - 1) / 2 * math.sin(angle)
    ends = (built(Point, x=cx + side * dx, y=cy + side * dy) for side in (-1, 1))
    return built(Arrow, shape="arrow", p0=next(ends), p1=next(ends), width=region.w)


def _length(arrow: Arrow) -> float:
    return math.hypot(arrow.p1.x - arrow.p0.x, arrow.p1.y - arrow.p0.y)


def _angle(arrow: Arrow) -> float:
    return math.degrees(math.atan2(arrow.p1.y - arrow.p0.y, arrow.p1.x - arrow.p0.x))


def _found(line: Straight, band: Band, lines: int, calipers: int, flip: float) -> Found:
    """Return the line's features in image coordinates; distances along the search become distances square to the line."""
    tilt = math.atan(line.tilt)
    square = math.cos(tilt)
    rest = line.rest[line.used] * square
    half = (float(np.ptp(line.v[line.used])) + lines / calipers) / 2
    v0 = float(line.v[line.used].min() + line.v[line.used].max()) / 2
    x, y = band.at(line.place + line.tilt * v0, v0)
    angle = turned(band.angle_deg - 90 - math.degrees(tilt) + flip)
    # The place's standard deviation at the middle as seen, which is not quite where it does not depend on the direction.
    variance = line.variance + line.tilt_variance * (v0 - line.middle) ** 2
    sigma, angle_sigma = math.sqrt(variance) * square, math.degrees(math.sqrt(line.tilt_variance)) * square**2
    features = {
        "angle_deg": angle,
        "x": x,
        "y": y,
        "rms": float(np.sqrt(np.mean(np.square(rest)))),
        "straightness": float(np.ptp(rest)),
        "n_points": float(len(rest)),
        "coverage_points": len(rest) / calipers,
        "contrast": abs(line.contrast),
        "blur": line.blur,
        "sigma": sigma,
        "angle_sigma": angle_sigma,
    }
    ends = tuple(band.at(line.place + line.tilt * v, v) for v in (v0 - half, v0 + half))
    shapes: list[OverlayShape] = [built(Polygon, shape="polygon", points=ends)]
    entity = FoundLine(x, y, angle, 2 * half / square, sigma, angle_sigma)
    return Found(features, shapes, entity=entity)


def cost(tool: LineTool, height: int, width: int) -> float:
    """Return the milliseconds it can take at most, by the band's samples, its bounding box, and the pixels of the fit.

    `height` and `width` are those of the picture, or of the rectangle in it.
    """
    arrow = searched(tool.region)
    samples, box = read(arrow, height, width)
    return 12.0 + 0.05 * arrow.width + 4e-5 * samples + 4e-6 * box
