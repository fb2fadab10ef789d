"""calibration: pixels to millimetres, against cameras whose numbers are known because the pictures were drawn with them."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.entities import FoundPoint
from analyticlens.engine.plane import NoPlace, Plane
from analyticlens.engine.teach_plane import CannotTeach, teach_calibration, teach_scale
from analyticlens.engine.tools.measure import _measured
from analyticlens.protocol.tools import CalibrationParams
from tests.engine.drawing import Picture, look, plain, recipe

WIDTH, HEIGHT = 640, 480
CAMERA: dict[str, Any] = {
    "model": "camera", "width": WIDTH, "height": HEIGHT, "fx": 900.0, "fy": 905.0, "cx": 325.0, "cy": 236.0,
    "k1": -0.25, "k2": 0.12, "p1": 0.001, "p2": -0.0015, "k3": 0.0,
}  # fmt: skip
# Rotation vectors (degrees) and places (mm) of boards: the first lies on the plane that is measured, slightly tilted.
BOARDS = (
    ((4.0, -3.0, 5.0), (-45.0, -32.0, 190.0)),
    ((25.0, 5.0, 0.0), (-50.0, -30.0, 215.0)),
    ((-22.0, 12.0, 10.0), (-42.0, -38.0, 210.0)),
    ((8.0, -28.0, -12.0), (-40.0, -20.0, 220.0)),
    ((5.0, 26.0, 3.0), (-55.0, -30.0, 225.0)),
    ((-15.0, -20.0, 90.0), (35.0, -45.0, 230.0)),
)
CORNERS, SQUARE = (10, 7), 10.0


def camera(turn: tuple[float, float, float], place: tuple[float, float, float], **more: Any) -> CalibrationParams:
    """Return the known camera before a plane."""
    pose = dict(zip(("rx", "ry", "rz", "tx", "ty", "tz"), (*turn, *place), strict=True))
    return CalibrationParams.model_validate(CAMERA | pose | more)


def seen(params: CalibrationParams, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the pixels (n, 2) in which a camera sees points of its plane (n, 2), by OpenCV."""
    matrix = np.array([[params.fx, 0, params.cx], [0, params.fy, params.cy], [0, 0, 1]], float)
    lens = np.array([params.k1, params.k2, params.p1, params.p2, params.k3])
    turn = np.radians([params.rx, params.ry, params.rz])
    on = np.column_stack((points, np.zeros(len(points))))
    place = np.array([params.tx, params.ty, params.tz], float)
    return np.asarray(cv2.projectPoints(on, turn, place, matrix, lens)[0].reshape(-1, 2))


def board(params: CalibrationParams) -> Picture:
    """Return the picture of a chessboard on a camera's plane, its first inner corner at the origin, each pixel by its share of squares."""
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=2).reshape(-1, 2).astype(float)
    straight = _straight(params, pixels)
    turn = np.array(cv2.Rodrigues(np.radians([params.rx, params.ry, params.rz]))[0], float)
    turn[:, 2] = np.array([params.tx, params.ty, params.tz], float)
    on = np.column_stack((straight, np.ones(len(straight)))) @ np.linalg.inv(turn).T
    x, y = (on[:, :2] / on[:, 2:] / SQUARE).T.reshape(2, HEIGHT, WIDTH)
    inside = (x >= -1) & (x <= CORNERS[0]) & (y >= -1) & (y <= CORNERS[1])
    light = np.where(inside, 120 - 80 * _wave(x) * _wave(y), 200.0)
    return np.asarray(np.rint(cv2.GaussianBlur(light, (0, 0), 0.7)), np.uint8)


def _straight(params: CalibrationParams, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the directions x/z, y/z (n, 2) of pixels without the lens: its bend at the last guess is taken off, again and again."""
    seen = (pixels - (params.cx, params.cy)) / np.array([params.fx, params.fy], float)
    x, y = seen.T
    for _ in range(40):
        r2 = x**2 + y**2
        radial = 1 + params.k1 * r2 + params.k2 * r2**2 + params.k3 * r2**3
        bend_x = 2 * params.p1 * x * y + params.p2 * (r2 + 2 * x**2)
        bend_y = params.p1 * (r2 + 2 * y**2) + 2 * params.p2 * x * y
        x, y = (seen[:, 0] - bend_x) / radial, (seen[:, 1] - bend_y) / radial
    return np.column_stack((x, y))


def _wave(place: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return +1 and -1 by turns from one whole number to the next, and what lies between where a pixel sees both."""
    down, across = np.gradient(place)
    pixels = np.abs(place - np.rint(place)) / np.hypot(down, across)
    return np.asarray(np.where(np.floor(place) % 2 == 0, 1.0, -1.0) * np.minimum(1.0, 2 * pixels))


def grid() -> np.ndarray[Any, Any]:
    """Return places all over the first board (n, 2) in millimetres."""
    return np.stack(np.meshgrid(np.linspace(-5, 95, 9), np.linspace(-5, 65, 7)), axis=2).reshape(-1, 2)


@pytest.mark.parametrize("number", range(len(BOARDS)))
def test_points_come_back_to_where_they_were(number: int) -> None:
    params = camera(*BOARDS[number])
    assert Plane(params).points(seen(params, grid())) == pytest.approx(grid(), abs=1e-7)


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """The boards as the known camera sees them."""
    return [board(camera(*pose)) for pose in BOARDS]


def wrong(taught: CalibrationParams, known: CalibrationParams) -> float:
    """Return the largest error in millimetres over the board, the board's own symmetry of half a turn aside."""
    mapped = Plane(taught).points(seen(known, grid()))
    far = np.array([(CORNERS[0] - 1) * SQUARE, (CORNERS[1] - 1) * SQUARE])
    return min(float(np.abs(mapped - truth).max()) for truth in (grid(), far - grid()))


def test_a_camera_is_taught_from_boards(pictures: list[Picture]) -> None:
    known = camera(*BOARDS[0])
    taught = teach_calibration(pictures, CORNERS, SQUARE)
    assert taught.rms < 0.1
    assert taught.fx == pytest.approx(900, rel=0.01)
    assert taught.k1 == pytest.approx(-0.25, abs=0.03)
    # A pixel is 0.21 mm here: 0.1 px.
    assert wrong(taught, known) < 0.02
    assert taught.mm_per_px == pytest.approx(Plane(known).scale(319.5, 239.5), rel=1e-3)


@pytest.mark.parametrize("turn", [(0.0, 0.0, 4.0), (1.5, -2.0, 4.0)])
@pytest.mark.parametrize("fy", [900.0, 905.0, 882.0])
def test_one_board_suffices_on_its_own_plane(turn: tuple[float, float, float], fy: float) -> None:
    """Pixels a little higher than wide, or less high, are no matter."""
    known = camera(turn, (-45.0, -32.0, 190.0), cx=321.0, cy=238.5, p1=0.0, p2=0.0, fy=fy)
    taught = teach_calibration([board(known)], CORNERS, SQUARE)
    assert taught.rms < 0.2
    assert wrong(taught, known) < 0.05


def test_distortion_matters_and_is_taken_out(pictures: list[Picture]) -> None:
    """Lengths all over the plane agree with one another by the camera's model, and differ by its scale alone."""
    known = camera(*BOARDS[0])
    taught = Plane(teach_calibration(pictures, CORNERS, SQUARE))
    ends = seen(known, np.array([[-5, -5], [5, -5], [40, 30], [50, 30], [85, 65], [95, 65]], float))
    by_model = [math.dist(*taught.points(ends[i : i + 2])) for i in (0, 2, 4)]
    by_scale = [math.dist(*ends[i : i + 2]) * taught.scale(319.5, 239.5) for i in (0, 2, 4)]
    assert by_model == pytest.approx([10, 10, 10], abs=0.02)
    assert max(by_scale) - min(by_scale) > 0.3


@pytest.mark.parametrize(("place", "r"), [((104.0, 68.0), 7.0), ((-14.0, 66.0), 5.5), ((45.0, 32.0), 7.0)])
def test_a_round_hole_is_measured_on_its_plane(place: tuple[float, float], r: float) -> None:
    """Near a corner its rim leaves every circle in the picture by more than the tolerance, and yet none of it is dirt."""
    params = camera((0.0, 0.0, 0.0), (-45.0, -32.0, 190.0), k1=-0.28)
    plane = Plane(params)
    (x, y), scale = seen(params, np.array([place]))[0].tolist(), plane.scale(*seen(params, np.array([place]))[0])
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=2).reshape(-1, 2).astype(float)
    near = np.hypot(*(pixels - (x, y)).T) < 1.6 * r / scale
    away = np.full(len(pixels), 9.0)
    away[near] = (np.hypot(*(plane.points(pixels[near]) - place).T) - r) / scale
    light = cv2.GaussianBlur(60 + 140 * np.clip(0.5 - away, 0, 1).reshape(HEIGHT, WIDTH), (0, 0), 0.8)
    ring = {"shape": "ring", "cx": x, "cy": y, "inner": 0.6 * r / scale, "outer": 1.4 * r / scale}
    tools = (
        {"type": "calibration", "params": params.model_dump()},
        {"type": "circle", "region": ring},
        {"type": "measure", "params": {"kind": "diameter", "first": 2, "calibration": 1}},
    )
    wrong = []
    for seed in range(3):
        noisy = np.random.default_rng(seed).normal(light, 2).clip(0, 255)
        found = look(np.asarray(np.rint(noisy), np.uint8), *tools).tools[2].features
        wrong.append((found["distance_mm"] - 2 * r) / found["sigma_mm"])
        assert found["sigma_mm"] < 0.01
    assert np.abs(wrong).max() < 4


@pytest.mark.parametrize("along", [True, False])
def test_what_a_measure_spreads_by_in_millimetres_depends_on_its_direction(along: bool) -> None:
    plane = Plane(camera((0.0, 55.0, 0.0), (0.0, 0.0, 190.0), k1=0.0, k2=0.0, p1=0.0, p2=0.0))
    ends = ((250.0, 240.0), (400.0, 240.0)) if along else ((325.0, 170.0), (325.0, 310.0))
    first, second = (FoundPoint(*end, 0.2) for end in ends)
    noise = np.random.default_rng(5).normal(0, 0.2, (2000, 2, 2))
    one, other = (plane.points(noise[:, i] + ends[i]) for i in (0, 1))
    measured = _measured("point_point", [first, second], plane).features
    assert measured["sigma_mm"] == pytest.approx(float(np.hypot(*(one - other).T).std()), rel=0.06)


def test_circles_and_scale_under_tilt() -> None:
    known = camera((30.0, 0.0, 0.0), (-20.0, -20.0, 220.0), k1=0.0, k2=0.0, p1=0.0, p2=0.0)
    plane = Plane(known)
    for middle in ((0, 0), (40, 30)):
        turn = np.linspace(0, 2 * math.pi, 60, endpoint=False)
        rim = seen(known, np.column_stack((middle[0] + 8 * np.cos(turn), middle[1] + 8 * np.sin(turn))))
        (cx, cy), r = rim.mean(axis=0), float(np.linalg.norm(rim - rim.mean(axis=0), axis=1).mean())
        assert plane.circle(float(cx), float(cy), r)[2] == pytest.approx(8, abs=0.4)
    near, far = plane.scale(320, 400), plane.scale(320, 80)
    assert near != pytest.approx(far, rel=0.02)


@pytest.mark.parametrize("number", [1, 3])
def test_a_round_hole_is_measured_on_a_plane_tilted_by_as_much_as_25_degrees(number: int) -> None:
    """In the picture it is an oval further out of round than the tolerance."""
    known = camera(*BOARDS[number])
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=2).reshape(-1, 2).astype(float)
    x, y = Plane(known).points(pixels).T
    tools: list[dict[str, Any]] = [{"type": "calibration", "params": known.model_dump()}]
    light, sizes = np.full(WIDTH * HEIGHT, 60.0), (8.0, 5.0, 7.0)
    for middle, r in zip(((45.0, 32.0), (12.0, 55.0), (82.0, 52.0)), sizes, strict=True):
        scale = Plane(known).scale(*seen(known, np.array([middle]))[0])
        light += 120 * np.clip((r - np.hypot(x - middle[0], y - middle[1])) / scale + 0.5, 0, 1)
        (cx, cy), (ox, oy) = seen(known, np.array([middle, (middle[0] + r, middle[1])]))
        about = {
            "cx": cx,
            "cy": cy,
            "inner": math.hypot(ox - cx, oy - cy) - 9,
            "outer": math.hypot(ox - cx, oy - cy) + 9,
        }
        tools.append({"type": "circle", "region": {"shape": "ring"} | about})
    measures = [{"type": "measure", "params": {"kind": "diameter", "first": i, "calibration": 1}} for i in (2, 3, 4)]
    picture = cv2.GaussianBlur(light.reshape(HEIGHT, WIDTH), (0, 0), 0.8) + np.random.default_rng(2).normal(
        0, 2, (HEIGHT, WIDTH)
    )
    outcomes = look(np.asarray(np.rint(picture), np.uint8), *tools, *measures).tools
    for size, round_, measured in zip(sizes, outcomes[1:4], outcomes[4:], strict=True):
        assert measured.status == "ok", measured.message
        assert round_.features["arc_coverage"] > 0.95
        assert measured.features["distance_mm"] == pytest.approx(2 * size, abs=0.02)


def test_a_scale_is_taught_by_a_known_length() -> None:
    assert teach_scale((10, 20), (10, 120), 5).mm_per_px == 0.05
    for first, second, length in (((1, 1), (1, 1), 5.0), ((0, 0), (1, 1), 0.0), ((0, 0), (1, 1), math.inf)):
        with pytest.raises(CannotTeach):
            teach_scale(first, second, length)


def test_what_shows_no_board_teaches_nothing(pictures: list[Picture]) -> None:
    with pytest.raises(CannotTeach, match="picture 2 shows no whole board of 10 x 7"):
        teach_calibration([pictures[0], plain(HEIGHT, WIDTH)], CORNERS, SQUARE)
    with pytest.raises(CannotTeach, match="differ in size"):
        teach_calibration([pictures[0], plain(10, 10)], CORNERS, SQUARE)
    with pytest.raises(CannotTeach, match="no picture"):
        teach_calibration([], CORNERS, SQUARE)
    with pytest.raises(CannotTeach, match="8 bits"):
        teach_calibration([pictures[0].astype(np.uint16)], CORNERS, SQUARE)


def test_beyond_the_horizon_nothing_lies() -> None:
    plane = Plane(camera((80.0, 0.0, 0.0), (0.0, 0.0, 200.0), k1=0.0, k2=0.0, p1=0.0, p2=0.0))
    outcomes: list[object] = []
    for row in (0.0, 479.0):
        try:
            outcomes.append(plane.points(np.array([[320.0, row]])).shape)
        except NoPlace:
            outcomes.append(None)
    assert sorted(map(str, outcomes)) == ["(1, 2)", "None"]


def test_where_the_lens_folds_nothing_lies() -> None:
    with pytest.raises(NoPlace):
        Plane(camera(*BOARDS[0], k1=-2.0, k2=0.0)).points(np.array([[5000.0, 4000.0]]))


def test_the_tool_says_scale_and_rest() -> None:
    found = look(plain(), {"type": "calibration", "params": {"mm_per_px": 0.25, "rms": 0.1}}).tools[0]
    assert found.features == {"mm_per_px": 0.25, "rms": 0.1}
    params = camera(*BOARDS[0]).model_dump()
    found = look(plain(HEIGHT, WIDTH), {"type": "calibration", "params": params}).tools[0]
    assert found.features["mm_per_px"] == pytest.approx(190 / 902, rel=0.1)


def test_pictures_of_another_size_are_an_error() -> None:
    tool = {"type": "calibration", "params": camera(*BOARDS[0]).model_dump()}
    outcome = inspect(plain(), prepare(recipe(tool))).tools[0]
    assert (outcome.status, outcome.verdict) == ("error", "error")
    assert "taught on pictures of 640 x 480, and this one has 160 x 120" in outcome.message


def test_what_was_not_taught_is_refused() -> None:
    with pytest.raises(RecipeRefused, match="no scale is taught yet"):
        prepare(recipe({"type": "calibration"}))
    with pytest.raises(ValidationError, match="teach it"):
        recipe({"type": "calibration", "params": {"model": "camera", "fx": 900}})
    edge_on = camera((90.0, 0.0, 0.0), (0.0, 0.0, 200.0), cy=239.5, cx=319.5).model_dump()
    with pytest.raises(RecipeRefused, match=r"edge on|no point of its plane"):
        prepare(recipe({"type": "calibration", "params": edge_on}))
