"""Small ONNX models with known answers, as files' bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]


def model(
    nodes: Sequence[Any],
    given: Shape,
    told: Shape,
    constants: dict[str, Any] | None = None,
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """Return a model from input `x` to output `y` with constants by name."""
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    inputs = [helper.make_tensor_value_info("x", kind, given)]
    outputs = [helper.make_tensor_value_info("y", kind, told)]
    graph = helper.make_graph(list(nodes), "small", inputs, outputs, stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return bytes(made.SerializeToString())


def brightness(shape: Shape = (1, 1, 32, 32), bias: Sequence[float] = (5.0, 0.0)) -> bytes:
    """Return a classifier of two classes, dark and bright: its numbers are 5 and 10 times the mean."""
    weights = np.array([[0.0, 10.0]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["m", "one"], ["c"]),
        helper.make_node("MatMul", ["c", "w"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["y"]),
    ]
    constants = {"w": weights, "b": np.array(bias, np.float32), "one": np.array([1], np.int64)}
    return model(nodes, shape, [1, 2], constants)


def one_number(shape: Shape = (1, 3, 16, 16)) -> bytes:
    """Return a model whose only number is the mean of the red channel."""
    starts = {"s": np.array([0], np.int64), "e": np.array([1], np.int64), "a": np.array([1], np.int64)}
    nodes = [
        helper.make_node("Slice", ["x", "s", "e", "a"], ["r"]),
        helper.make_node("ReduceMean", ["r"], ["y"], axes=[1, 2, 3], keepdims=0),
    ]
    return model(nodes, shape, [1], starts)


def itself(shape: Shape = (1, 1, 32, 32)) -> bytes:
    """Return a model that gives back what it is given: a map."""
    return model([helper.make_node("Identity", ["x"], ["y"])], shape, shape)


def says(values: NDArray[np.float32]) -> bytes:
    """Return a model that gives the same map (h, w) whatever it is shown."""
    shape = (1, 1, *values.shape)
    nodes = [helper.make_node("Mul", ["x", "zero"], ["z"]), helper.make_node("Add", ["z", "map"], ["y"])]
    return model(nodes, shape, shape, {"zero": np.array(0, np.float32), "map": values.reshape(shape)})


def two_maps(shape: Shape = (1, 1, 32, 32)) -> bytes:
    """Return a model of two classes a pixel: what is not bright, and what is."""
    nodes = [
        helper.make_node("Sub", ["half", "x"], ["d"]),
        helper.make_node("Sub", ["x", "half"], ["u"]),
        helper.make_node("Concat", ["d", "u"], ["y"], axis=1),
    ]
    return model(nodes, shape, [1, 2, *shape[2:]], {"half": np.array(0.5, np.float32)})


def divides(shape: Shape = (1, 1, 32, 32)) -> bytes:
    """Return a model whose numbers are not finite on a black picture."""
    nodes = [helper.make_node("Div", ["one", "x"], ["y"])]
    return model(nodes, shape, shape, {"one": np.array(1.0, np.float32)})


def slow(shape: Shape = (1, 1, 32, 32), side: int = 1200, times: int = 60) -> bytes:
    """Return a model that multiplies large matrices before it answers."""
    large = np.zeros((side, side), np.float32)
    nodes = [helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0), helper.make_node("Add", ["w", "m"], ["p0"])]
    nodes += [helper.make_node("MatMul", [f"p{i}", "w"], [f"p{i + 1}"]) for i in range(times)]
    nodes += [helper.make_node("ReduceMean", [f"p{times}"], ["y"], keepdims=0)]
    return model(nodes, shape, [], {"w": large})


def elsewhere(path: str = "/etc/hostname") -> bytes:
    """Return a model one of whose constants lies in a file of the computer it is run on."""
    made = onnx.load_from_string(two_maps())
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", path
    return bytes(made.SerializeToString())


def elsewhere_inside() -> bytes:
    """Return a model a constant of which, deep in the branch of a choice, lies in another file."""
    outside = TensorProto(
        name="v", data_type=TensorProto.FLOAT, dims=[1, 1, 32, 32], data_location=TensorProto.EXTERNAL
    )
    entry = outside.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    value = helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 1, 32, 32])
    constant = helper.make_node("Constant", [], ["v"], value=outside)
    branch = helper.make_graph([constant], "branch", [], [value])
    choice = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    return model([choice], [1, 1, 32, 32], [1, 1, 32, 32], {"yes": np.array(True)})
