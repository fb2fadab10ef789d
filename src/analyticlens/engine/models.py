"""A trained model made ready: on one core, from its bytes alone, held to the shapes that were described and to its time."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.onnxfile import NoModel, refers_outside
from analyticlens.engine.scene import Scene
from analyticlens.protocol.tools.learned import OnnxParams

# A model that takes longer than this on one core is refused: a part waits for its verdict. Twice, since the first time is slower.
MODEL_MS = 180.0
TRIES = 3
# Per million pixels of the region and of the input: making the input from the picture.
PREPARATION_MS = 25.0
SILENT = 4


class Model:
    """A model that takes one picture of a described shape."""

    def __init__(self, data: bytes, params: OnnxParams) -> None:
        """Raises CannotBuild where onnxruntime is missing, or the bytes are no model of the shape described, or it takes too long."""
        self.params = params
        self._count = 1 if params.channels == "grey" else 3
        shape = (params.height, params.width, self._count)
        self.shape = (1, *shape) if params.layout == "nhwc" else (1, shape[2], shape[0], shape[1])
        self._session, self._failures = _session(data)
        self._input = self._checked_input()
        self._output = self._checked_output()
        self._mean, self._spread = _each(params.mean, 0.0, self._count), _each(params.spread, 1.0, self._count)
        self.result_shape = self._tried().shape

    def _checked_input(self) -> str:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise CannotBuild(f"its model takes {len(inputs)} inputs, and one picture is what there is")
        (only,) = inputs
        if only.type != "tensor(float)":
            raise CannotBuild(f"its model takes {only.type}, not tensor(float)")
        fits = len(only.shape) == 4 and all(
            not isinstance(want, int) or want == have for want, have in zip(only.shape, self.shape, strict=True)
        )
        if not fits:
            raise CannotBuild(f"its model takes {_words(only.shape)}, and {_words(self.shape)} is described")
        return str(only.name)

    def _checked_output(self) -> str:
        outputs = self._session.get_outputs()
        if self.params.output >= len(outputs):
            raise CannotBuild(f"its model has {len(outputs)} outputs, none of number {self.params.output}")
        return str(outputs[self.params.output].name)

    def _tried(self) -> NDArray[np.float32]:
        """Return what the model says of a grey picture, and refuse it if it takes too long."""
        blank = np.full(self.shape, 0.5 * self.params.scale, np.float32)
        times = []
        for _ in range(TRIES):
            begun = process_time()
            try:
                result = self._asked(blank)
            except ToolFailed as problem:
                raise CannotBuild(problem.sentence) from None
            times.append(1000 * (process_time() - begun))
        if min(times) > MODEL_MS:
            raise CannotBuild(f"its model takes {min(times):.0f} ms, and a tool has {MODEL_MS:.0f} ms")
        return result

    def _asked(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (result,) = self._session.run([self._output], {self._input: picture})
        except self._failures as problem:
            raise ToolFailed(f"its model failed: {problem}") from None
        if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiub" or result.size == 0:
            raise ToolFailed("its model gives no numbers")
        return result.astype(np.float32, copy=False)

    def ask(self, scene: Scene) -> NDArray[np.float32]:
        """Return the model's output for the scene's window, its shape that of the model. Raises ToolFailed where it is not finite."""
        result = self._asked(self._input_of(scene))
        if result.shape != self.result_shape:
            raise ToolFailed(f"its model gave {_words(result.shape)} instead of {_words(self.result_shape)}")
        if not np.isfinite(result).all():
            raise ToolFailed("its model gave numbers that are not finite")
        return result

    def _input_of(self, scene: Scene) -> NDArray[np.float32]:
        """Return the window brought to the size, channels and scale that the model takes, in the scene's own memory."""
        params, buffers = self.params, scene.buffers
        image = _channels(scene, params.channels, buffers)
        smaller = image.shape[0] > params.height or image.shape[1] > params.width
        wide = buffers.take("model wide", image.shape, np.float32)
        np.multiply(image, np.float32(params.scale / scene.full), out=wide, casting="unsafe")
        shape = (params.height, params.width, self._count)
        sized = buffers.take("model sized", shape, np.float32)
        flat = sized[:, :, 0] if self._count == 1 else sized
        cv2.resize(
            wide, (params.width, params.height), dst=flat, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        )
        np.subtract(sized, self._mean, out=sized)
        np.divide(sized, self._spread, out=sized)
        if params.layout == "nhwc":
            return sized[None]
        turned = buffers.take("model input", self.shape, np.float32)
        np.copyto(turned[0], sized.transpose(2, 0, 1))
        return turned


def _channels(scene: Scene, channels: str, buffers: Buffers) -> NDArray[Any]:
    """Return the window's pixels with the channels the model takes."""
    if channels == "grey":
        return np.asarray(scene.grey())
    image = scene.window.of(scene.picture.data)
    if image.ndim == 3 and channels == "bgr":
        return image
    target = buffers.take("model channels", (*image.shape[:2], 3), image.dtype)
    cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_BGR2RGB, dst=target)
    return target


def _session(data: bytes) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return a session of onnxruntime on one core, and what it can raise."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError:
        raise CannotBuild("asking a model needs onnxruntime: install analyticlens[ai]") from None
    try:
        if refers_outside(data):
            raise CannotBuild("its model keeps a part of itself in another file; save it as one file")
    except NoModel as problem:
        raise CannotBuild(str(problem)) from None
    own = tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
    failures: tuple[type[Exception], ...] = (*own, RuntimeError, ValueError, TypeError)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = SILENT
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]), failures
    except failures as problem:
        raise CannotBuild(f"its model cannot be loaded: {' '.join(str(problem).split())[:300]}") from None


def _each(values: tuple[float, ...], default: float, count: int) -> NDArray[np.float32]:
    return np.array(values or (default,), np.float32) * np.ones(count, np.float32)


def _words(shape: Any) -> str:
    """Return a shape as people write it.

    >>> _words((1, 3, "height", None))
    '1 x 3 x height x ?'
    """
    return " x ".join("?" if side is None else str(side) for side in shape)


def softmax(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return shares along an axis that sum to one."""
    raised = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


def sigmoid(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return a share for each value by itself."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -80, 80))))


ACTIVATIONS: dict[str, Callable[[NDArray[np.float32], int], NDArray[np.float32]]] = {
    "none": lambda values, axis: values,
    "softmax": softmax,
    "sigmoid": sigmoid,
}
