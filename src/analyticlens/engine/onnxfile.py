"""What an ONNX file refers to outside itself, read from its bytes: a model may name files of the computer it is run on.

The format is Protocol Buffers; field numbers are those of onnx.proto. Only what leads to a tensor is looked into.
"""

from __future__ import annotations

from collections.abc import Iterator

# Field numbers that lead from a message to messages, by the message's kind.
MODEL, GRAPH, FUNCTION, NODE, ATTRIBUTE, SPARSE, TENSOR = (
    "model",
    "graph",
    "function",
    "node",
    "attribute",
    "sparse",
    "tensor",
)
INSIDE: dict[str, dict[int, str]] = {
    MODEL: {7: GRAPH, 20: "training", 25: FUNCTION},
    "training": {1: GRAPH, 2: GRAPH},
    GRAPH: {1: NODE, 5: TENSOR, 15: SPARSE},
    FUNCTION: {7: NODE, 11: ATTRIBUTE},
    NODE: {5: ATTRIBUTE},
    ATTRIBUTE: {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE},
    SPARSE: {1: TENSOR, 2: TENSOR},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14
DEEPEST = 40


class NoModel(ValueError):
    """The bytes are no message of Protocol Buffers."""


def refers_outside(data: bytes) -> bool:
    """Tell whether a tensor of the model lies in another file. Raises NoModel where the bytes are no model."""
    return _any_external(memoryview(data), MODEL, 0)


def _any_external(message: memoryview, kind: str, depth: int) -> bool:
    if depth > DEEPEST:
        raise NoModel("the model is nested too deeply")
    for number, value in _fields(message):
        if kind == TENSOR:
            if number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0):
                return True
        elif (
            (inner := INSIDE[kind].get(number))
            and isinstance(value, memoryview)
            and _any_external(value, inner, depth + 1)
        ):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field's number with its value: a number, or the bytes of a text or message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise NoModel("the file is no ONNX model")
        if at + size > len(message):
            raise NoModel("the file is no ONNX model, or only a part of one")
        if wire == 2:
            yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NoModel("the file is no ONNX model, or only a part of one")
