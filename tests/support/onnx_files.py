"""Small ONNX files for the tests, written by hand: the format is protocol buffers, and a network here is two nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLOAT, FLOAT16 = 1, 10
_TYPES = {FLOAT: np.float32, FLOAT16: np.float16}

Side = int | str | None


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value(name: str, kind: int, shape: Sequence[Side]) -> bytes:
    """A ValueInfoProto; a side that is a word, or None, is one that the network leaves open."""
    dims = b"".join(_field(1, b"" if s is None else _field(2 if isinstance(s, str) else 1, s)) for s in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims)))


def _tensor(name: str, kind: int, values: np.ndarray) -> bytes:
    dims = b"".join(_field(1, side) for side in values.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, values.astype(_TYPES[kind]).tobytes())


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def write_onnx(
    path: Path,
    *,
    side: Side = 32,
    width: Side = None,
    channels: int = 3,
    gain: float = -40.0,
    bias: float = -10.0,
    masks: int = 1,
    kind: int = FLOAT,
    sigmoid: bool = True,
    inputs: int = 1,
) -> Path:
    """A network whose mask is `sigmoid(gain · mean of the channels + bias)`: by default dark is product.

    With ISNet's preprocessing the mean is −0.5 for black, 0.5 for white. `side` × `width` is the input's size.
    """
    shape = (1, channels, side, side if width is None else width)
    weight = np.full((masks, channels, 1, 1), gain / channels)
    last = "conv" if sigmoid else "mask"
    nodes = [_node("Conv", ["picture", "weight", "bias"], last)]
    nodes += [_node("Sigmoid", [last], "mask")] if sigmoid else []
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "tiny")
    graph += _field(5, _tensor("weight", kind, weight)) + _field(5, _tensor("bias", kind, np.full(masks, bias)))
    graph += b"".join(_field(11, _value(name, kind, shape)) for name in ["picture", "second"][:inputs])
    graph += _field(12, _value("mask", kind, (1, masks, *shape[2:])))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_field(1, 8) + _field(8, _field(2, 15)) + _field(7, graph))
    return path
