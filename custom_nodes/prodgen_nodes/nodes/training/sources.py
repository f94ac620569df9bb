"""Where model, text encoder and VAE of a training come from: every node and every file that made them, as a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folder_paths
from comfy_execution.utils import get_executing_context

from ...training.files import sha256_of

_LINKED = ("model", "clip", "vae")
"""The inputs of the training that are not hashed by what they hold: that takes too long, and changes when loaded."""
_known: dict[tuple[str, int, int], str] = {}
"""(path, size, time of the last change) -> hash: a training asks for it at every save."""


def sources(prompt: Mapping[str, Any] | None) -> dict[str, str]:
    """A hash for each of model, text encoder and VAE, of the nodes before it in the graph that runs, of what is set in
    them, and of the content of each model file that they name. {} where nobody says which graph that is."""
    context = get_executing_context()
    node = None if prompt is None or context is None else prompt.get(context.node_id)
    if prompt is None or not isinstance(node, Mapping):
        return {}
    seen: dict[str, str] = {}
    return {name: _value(node["inputs"].get(name), prompt, seen) for name in _LINKED}


def file_hash(path: Path) -> str:
    """The sha256 of a file, read once as long as it is not changed."""
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    if key not in _known:
        _known[key] = sha256_of(path)
    return _known[key]


def _value(value: Any, prompt: Mapping[str, Any], seen: dict[str, str]) -> str:
    if isinstance(value, (list, tuple)) and len(value) == 2 and str(value[0]) in prompt:
        return f"{_node(str(value[0]), prompt, seen)}:{value[1]}"
    return json.dumps(value, sort_keys=True, default=str) + "".join(_files(value))


def _node(name: str, prompt: Mapping[str, Any], seen: dict[str, str]) -> str:
    if name not in seen:
        seen[name] = ""  # a graph has no circles; if it had one, it would end here
        one = prompt[name]
        inputs = {key: _value(value, prompt, seen) for key, value in one.get("inputs", {}).items()}
        text = json.dumps([one.get("class_type"), inputs], sort_keys=True)
        seen[name] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return seen[name]


def _files(value: Any) -> list[str]:
    """The hashes of the model files by this name, of whatever kind."""
    if not isinstance(value, str) or Path(value).suffix.lower() not in folder_paths.supported_pt_extensions:
        return []
    paths = (folder_paths.get_full_path(kind, value) for kind in folder_paths.folder_names_and_paths)
    return sorted({file_hash(Path(path)) for path in paths if path is not None})
