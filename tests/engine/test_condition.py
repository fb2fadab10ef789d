"""What a picture is like before it is judged: told truly, and a limit that cannot be shown to be kept counts as broken."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from analyticlens.engine.condition import Watch
from analyticlens.engine.errors import CannotBuild
from analyticlens.protocol.picture_health import PictureHealth

Picture = NDArray[Any]
PATCH = (100, 60, 200, 160)


def scene(
    *, dx: float = 0, dy: float = 0, blur: float = 1.0, light: float = 1.0, noise: float = 3, other: bool = False
) -> Picture:
    """Return a textured station (300 x 420) seen by a camera that was moved, defocused or lit otherwise."""
    texture: Picture = np.random.default_rng(9 if other else 5).normal(0, 1, (500, 620)).astype(np.float32)
    texture = cv2.GaussianBlur(texture, (0, 0), 3)
    texture = texture / texture.std() * 35 + 110
    move = np.array([[1, 0, dx - 100], [0, 1, dy - 100]], np.float32)
    seen = cv2.warpAffine(texture, move, (420, 300), flags=cv2.INTER_CUBIC)
    seen = cv2.GaussianBlur(seen, (0, 0), blur)
    rng = np.random.default_rng(abs(int(100 * (dx + dy + blur + light))) + 7)
    picture: Picture = np.clip(seen * light + rng.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)
    return picture


def watch(picture: Picture | None = None, **limits: float | None) -> Watch:
    """Return a watch commissioned with a picture."""
    if picture is None:
        return Watch(PictureHealth.model_validate(limits), {})
    content = cv2.imencode(".png", picture)[1].tobytes()
    name = hashlib.sha256(content).hexdigest()
    return Watch(PictureHealth.model_validate({"reference": name, "patch": PATCH, **limits}), {name: content})


def test_levels_are_counted_exactly() -> None:
    picture = np.full((40, 50), 100, np.uint8)
    picture[:10] = 0
    picture[10:12] = 255
    features = watch().measure(picture).features
    assert features["black"] == 25.0
    assert features["saturated"] == 5.0
    assert features["brightness"] == pytest.approx(100 * picture.mean() / 255)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_levels_do_not_depend_on_the_depth(bits: int) -> None:
    eight = scene()
    picture = eight if bits == 8 else eight.astype(np.uint16) << (bits - 8)
    features = watch().measure(picture, bits).features
    expected = watch().measure(eight).features
    assert features["brightness"] == pytest.approx(expected["brightness"], rel=0.005)
    assert features["sharpness"] == pytest.approx(expected["sharpness"], rel=1e-3)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (2.3, -1.7), (-11, 6.5), (30, 25)])
def test_a_moved_camera_is_seen_within_a_tenth_of_a_pixel(dx: float, dy: float) -> None:
    features = watch(scene()).measure(scene(dx=dx, dy=dy)).features
    assert features["displacement_x"] == pytest.approx(dx, abs=0.1)
    assert features["displacement_y"] == pytest.approx(dy, abs=0.1)


@pytest.mark.parametrize("light", [0.5, 0.8, 1.3])
def test_light_changes_neither_sharpness_nor_place(light: float) -> None:
    features = watch(scene()).measure(scene(light=light, noise=1)).features
    assert features["sharpness_share"] == pytest.approx(100, abs=5)
    assert features["displacement"] < 0.1


def test_defocus_is_seen() -> None:
    shares = [watch(scene()).measure(scene(blur=blur)).features["sharpness_share"] for blur in (1.0, 1.6, 2.5, 4.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(100, abs=2)
    assert shares[2] < 60


@pytest.mark.parametrize(
    ("limits", "seen", "reason"),
    [
        ({"brightness_min": 20.0}, scene(light=0.3), "picture_dark"),
        ({"black_max": 5.0}, scene(light=0.02), "picture_dark"),
        ({"brightness_max": 60.0}, scene(light=2.0), "picture_bright"),
        ({"saturated_max": 1.0}, scene(light=2.5), "picture_bright"),
        ({"displacement_max": 3.0}, scene(dx=5), "picture_displaced"),
        ({"displacement_max": 3.0}, scene(other=True), "picture_displaced"),
        ({"displacement_max": 3.0}, np.full((300, 420), 110, np.uint8), "picture_displaced"),
        ({"sharpness_min": 70.0}, scene(blur=2.5), "picture_blurred"),
        ({"sharpness_min": 70.0}, np.zeros((300, 420), np.uint8), "picture_blurred"),
        ({"sharpness_min": 70.0}, np.zeros((200, 420), np.uint8), "picture_size"),
        ({"brightness_min": 20.0}, np.zeros((100, 100), np.uint8), "picture_size"),
    ],
)
def test_a_picture_outside_a_limit_is_told_with_its_reason(
    limits: dict[str, float], seen: Picture, reason: str
) -> None:
    found = watch(scene(), **limits).measure(seen, whole=False)
    assert found.reason == reason
    assert found.message


def test_the_commissioning_picture_keeps_every_limit() -> None:
    limits: dict[str, float | None] = {"sharpness_min": 90.0, "displacement_max": 1.0, "brightness_min": 20.0}
    picture = scene()
    assert watch(picture, **limits, black_max=5.0).measure(scene(noise=4), whole=False).reason == ""


def test_without_limits_nothing_is_broken_and_nothing_is_missing() -> None:
    found = watch(scene()).measure(np.zeros((300, 420), np.uint8))
    assert found.reason == ""
    assert {"brightness", "black", "saturated", "sharpness"} <= set(found.features)
    assert watch().measure(scene()[:, :, None].repeat(3, axis=2)).reason == ""


def test_pictures_are_told_alike_whatever_was_told_before() -> None:
    seen, watched = [scene(dx=2), scene(dx=-3, dy=1), scene(dx=2)], watch(scene())
    first, _, again = [watched.measure(picture) for picture in seen]
    assert first == again == watch(scene()).measure(scene(dx=2))


def test_only_what_has_a_limit_is_measured_with_every_picture() -> None:
    assert "sharpness" not in watch(scene(), black_max=50.0).measure(scene(), whole=False).features


def test_a_patch_that_shows_nothing_cannot_tell_displacement() -> None:
    with pytest.raises(CannotBuild, match="nothing that could be found again"):
        watch(np.full((300, 420), 90, np.uint8), displacement_max=2.0)


def test_a_commissioning_picture_that_is_missing_or_no_picture_is_refused() -> None:
    with pytest.raises(CannotBuild, match="is not here"):
        Watch(PictureHealth(reference="ab" * 32), {})
    with pytest.raises(CannotBuild, match="cannot be read"):
        Watch(PictureHealth(reference="ab" * 32), {"ab" * 32: b"GIF89a"})


@pytest.mark.parametrize(
    "nonsense",
    [
        {"patch": (0, 0, 20, 0)},
        {"patch": (0, 0, 15, 200)},
        {"patch": (0, 0, 2000, 2000)},
        {"displacement_max": 2},
        {"sharpness_min": 50},
        {"brightness_min": 60, "brightness_max": 50},
        {"reference": "../../etc/passwd"},
    ],
)
def test_limits_that_make_no_sense_are_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PictureHealth.model_validate(nonsense)
