"""The names of models in a graph. One file has several: a workflow's name for it becomes the one the server lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")


def is_model_name(value: Any) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)


def texts_in(graph: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every text that a graph's nodes are set to, in its order."""
    for node in graph.values():
        yield from (value for value in (node.get("inputs") or {}).values() if isinstance(value, str))


def same_model(file_name: str, options: Iterable[Any]) -> str | None:
    """The option that is the same model under another name it is known by; None where there is none.

    Where the manifest cannot be read there is none either: a workflow of one's own runs without it.
    """
    from runner.errors import ManifestError
    from runner.models.manifest import load_manifest

    if not is_model_name(file_name):
        return None
    try:
        model = load_manifest().find_file(file_name)
    except ManifestError:
        return None
    names = [name.casefold() for name in model.all_names] if model is not None else []
    texts = [option for option in options if isinstance(option, str)]
    bases = {text.replace("\\", "/").rsplit("/", 1)[-1].casefold(): text for text in reversed(texts)}
    return next((bases[name] for name in names if name in bases), None)
