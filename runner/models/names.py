"""What in a graph is the name of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")


def is_model_name(value: Any) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)


def texts_in(graph: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every text that a graph's nodes are set to, in its order."""
    for node in graph.values():
        yield from (value for value in (node.get("inputs") or {}).values() if isinstance(value, str))
