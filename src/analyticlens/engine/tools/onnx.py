"""onnx: what a trained model says of a region: a class, an area, or how unusual it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.models import ACTIVATIONS, PREPARATION_MS, Model
from analyticlens.engine.regions import Window
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import Cross, OverlayShape
from analyticlens.protocol.regions import Point, Polygon
from analyticlens.protocol.tools import OnnxParams, OnnxTool

MAX_OUTLINES = 50
# Interpolating a map and measuring its pieces, a million cells of white noise.
GRID_MS = 40.0
MAX_POINTS = 200


def cost(tool: OnnxTool, height: int, width: int) -> float:
    """Return the milliseconds that making the model's input can take; its own time is tried out when it is prepared."""
    params = tool.params
    # A map has at most about as many rows and columns as the model's input.
    grid = max(height, params.height) * max(width, params.width)
    return (PREPARATION_MS * (height * width + 4 * params.height * params.width) + GRID_MS * grid) / 1e6


def prepare(tool: OnnxTool, kit: Kit) -> Run:
    """Return the function that asks the model. Raises CannotBuild where it cannot be asked, or does not give what is described."""
    params = tool.params
    if params.model is None:
        raise CannotBuild("no model is chosen yet")
    model = Model(kit.blob(params.model, "model"), params)
    return {"classification": _classifier, "segmentation": _segmenter, "anomaly": _detector}[params.kind](model, params)


def _classifier(model: Model, params: OnnxParams) -> Run:
    count = int(np.prod(model.result_shape))
    if max(model.result_shape) != count:
        raise CannotBuild(f"its model gives {_sizes(model)} numbers, not one for each class")
    classes = max(count, 2)
    _check_labels(params, classes)

    def run(scene: Scene) -> Found:
        values = model.ask(scene).ravel()
        if count == 1:
            # One number alone is the share of the second class.
            share = ACTIVATIONS["sigmoid" if params.activation == "softmax" else params.activation](values, 0)
            shares = np.array([1 - share[0], share[0]])
        else:
            shares = ACTIVATIONS[params.activation](values, 0)
        order = np.argsort(-shares, kind="stable")
        best = int(order[0])
        features = {"class_index": float(best), "score": float(shares[best])}
        features["margin"] = float(shares[best] - shares[order[1]])
        return Found(features, texts={"class": params.labels[best] if params.labels else str(best)})

    return run


def _segmenter(model: Model, params: OnnxParams) -> Run:
    axis = 1 if params.layout == "nchw" else 3
    shape = model.result_shape
    if len(shape) != 4 or shape[0] != 1:
        raise CannotBuild(f"its model gives {_sizes(model)} numbers, not one for each class and pixel")
    classes = shape[axis]
    _check_labels(params, max(classes, 2))
    if params.target >= max(classes, 2):
        raise CannotBuild(f"its model knows {classes} classes, none of number {params.target}")

    def run(scene: Scene) -> Found:
        values = np.moveaxis(model.ask(scene)[0], axis - 1, 0)
        if classes == 1:
            share = ACTIVATIONS["sigmoid" if params.activation == "softmax" else params.activation](values, 0)[0]
            share = share if params.target == 1 else 1 - share
        else:
            share = ACTIVATIONS[params.activation](values, 0)[params.target]
        return _pieces(share, params, scene)

    return run


def _detector(model: Model, params: OnnxParams) -> Run:
    shape = model.result_shape
    single = int(np.prod(shape)) == 1
    flat = tuple(side for side in shape if side != 1)
    if not single and len(flat) != 2:
        raise CannotBuild(f"its model gives {_sizes(model)} numbers, neither one score nor a map of scores")

    def run(scene: Scene) -> Found:
        scores = model.ask(scene)
        if single:
            return Found({"anomaly_score": float(scores.ravel()[0])})
        values = scores.reshape(flat)
        found = _pieces(values, params, scene)
        inside = np.where(_cells(scene.window.mask, values.shape), values, -np.inf)
        # Of equals the one amid the highest.
        around = cv2.GaussianBlur(np.ascontiguousarray(values, np.float32), (0, 0), 2)
        highest = np.where(inside == inside.max(), around, -np.inf)
        row, column = np.unravel_index(int(np.argmax(highest)), inside.shape)
        # The map's own highest value: interpolated it would be smoothed away.
        x, y = _Grid(values.shape[0], values.shape[1], scene.window).place(float(column), float(row))
        place = {"x": x, "y": y}
        found.features = {"anomaly_score": float(inside[row, column]), **found.features, **place}
        found.shapes.append(built(Cross, shape="cross", at=built(Point, **place), angle_deg=0))
        return found

    return run


def _check_labels(params: OnnxParams, classes: int) -> None:
    if params.labels and len(params.labels) != classes:
        raise CannotBuild(f"its model knows {classes} classes, and {len(params.labels)} have names")


def _sizes(model: Model) -> str:
    return " x ".join(map(str, model.result_shape))


def _cells(mask: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which cells of a map (h, w) hold some of the region."""
    if mask is None:
        return np.ones(shape, np.bool_)
    held = np.minimum(mask, 1).astype(np.float32)
    return np.asarray(cv2.resize(held, (shape[1], shape[0]), interpolation=cv2.INTER_AREA) > 0)


def _pieces(values: NDArray[np.float32], params: OnnxParams, scene: Scene) -> Found:
    """Return what of a map lies above the threshold, measured in the picture's pixels.

    Rows and columns are those of the region or of the map, whichever are more: a map larger than the region loses none of its cells, a
    smaller one is interpolated between them.
    """
    window = scene.window
    grid = _Grid.over(window, values.shape)
    sized = scene.buffers.take("model map", (grid.rows, grid.columns), np.float32)
    cv2.resize(np.ascontiguousarray(values), (grid.columns, grid.rows), dst=sized, interpolation=cv2.INTER_LINEAR)
    on = scene.buffers.take("model on", sized.shape, np.uint8)
    np.greater_equal(sized, params.threshold, out=on.view(np.bool_))
    cells = on.size
    if window.mask is not None:
        mask = scene.buffers.take("model mask", on.shape, np.uint8)
        # Each cell belongs to the pixel its centre lies in.
        cv2.resize(window.mask, (grid.columns, grid.rows), dst=mask, interpolation=cv2.INTER_NEAREST_EXACT)
        cv2.bitwise_and(on, mask, dst=on)
        np.minimum(on, 1, out=on)
        cells = max(cv2.countNonZero(mask), 1)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(on, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA] * (window.area / cells)
    areas[0] = 0
    kept = np.flatnonzero((areas > 0) & (areas >= params.min_area))
    total = float(areas[kept].sum())
    features = {"area": total, "share": total / window.area, "count": float(len(kept))}
    if len(kept):
        column, row = (areas[kept] @ centres[kept]) / total
        x, y = grid.place(float(column), float(row))
        features |= {"largest_area": float(areas[kept].max()), "x": x, "y": y}
    largest = kept[np.argsort(-areas[kept], kind="stable")][:MAX_OUTLINES]
    shapes: list[OverlayShape] = [_outline(labels, stats, int(number), grid) for number in largest]
    return Found(features, shapes)


class _Grid(NamedTuple):
    """Rows and columns laid over a window, and where their centres lie in the picture."""

    rows: int
    columns: int
    window: Window

    @classmethod
    def over(cls, window: Window, shape: tuple[int, ...]) -> _Grid:
        """Return the grid that is as fine as the window's pixels and a map of that shape (rows, columns)."""
        height, width = window.shape
        return cls(max(height, shape[0]), max(width, shape[1]), window)

    def place(self, column: float, row: float) -> tuple[float, float]:
        """Return the picture's x and y of a place in the grid, whole numbers its cells' centres."""
        height, width = self.window.shape
        x = self.window.x0 + (column + 0.5) * width / self.columns - 0.5
        return x, self.window.y0 + (row + 0.5) * height / self.rows - 0.5


def _outline(labels: NDArray[Any], stats: NDArray[Any], number: int, grid: _Grid) -> Polygon:
    """Return the outer outline of one piece."""
    x, y, w, h = stats[number, :4].tolist()
    own = (labels[y : y + h, x : x + w] == number).astype(np.uint8)
    outlines, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    points = outlines[0].reshape(-1, 2)
    if len(points) > MAX_POINTS:
        points = points[np.linspace(0, len(points) - 1, MAX_POINTS).astype(int)]
    return built(Polygon, shape="polygon", points=tuple(grid.place(float(px), float(py)) for px, py in points))
