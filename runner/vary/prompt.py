"""The prompt a picture was made with: from the record beside it, from inside the file, or from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.files.reading import open_file, read_text
from runner.gallery.folder import PROMPT_FILE
from runner.workflow.graph import is_link, node_title, parse_title

_TEXT_WIDGETS = ("text", "value", "prompt", "string")
_MOST_LINKS = 20
"""On the way back to a text: a longer way is a circle."""


def find_prompt(image: Path) -> str | None:
    """The prompt of a picture, or None. In order: its `.json`, the graph in the PNG, other tools' text, prompt.txt."""
    for prompt in (_from_record(image), _from_picture(image), _from_folder(image)):
        if prompt and prompt.strip():
            return prompt.strip()
    return None


def _from_record(image: Path) -> str | None:
    record = _json(image.with_name(image.name.removesuffix(image.suffix) + ".json"))
    inputs = record.get("inputs") if isinstance(record, Mapping) else None
    prompt = inputs.get("prompt") if isinstance(inputs, Mapping) else None
    return prompt if isinstance(prompt, str) else None


def _from_folder(image: Path) -> str | None:
    try:
        return read_text(image.parent / PROMPT_FILE)
    except (OSError, UnicodeDecodeError):
        return None


def _from_picture(image: Path) -> str | None:
    from PIL import Image

    try:
        with open_file(image) as stream, Image.open(stream) as opened:
            texts = dict(opened.info)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # what is wrong with the picture is said where it is read
    graph = texts.get("prompt")
    if isinstance(graph, str):
        prompt = prompt_in_graph(_parsed(graph))
        if prompt:
            return prompt
    parameters = texts.get("parameters")
    return _first_paragraph(parameters) if isinstance(parameters, str) else None


def prompt_in_graph(graph: Any) -> str | None:
    """The text of the node titled `input: prompt`; without one, what leads into a sampler's `positive`."""
    if not isinstance(graph, Mapping):
        return None
    nodes = {str(key): node for key, node in graph.items() if isinstance(node, Mapping)}
    for node in nodes.values():
        mark = parse_title(node_title(node))
        if mark is not None and mark.kind == "input" and mark.name.casefold() == "prompt":
            text = _text_of(node, mark.widget)
            if text:
                return text
    for node in nodes.values():
        for source in _linked(node, ("positive",)):
            text = _behind(nodes, source)
            if text:
                return text
    return None


def _behind(nodes: Mapping[str, Mapping[str, Any]], node_id: str) -> str | None:
    """The first text on the way back from a node."""
    for _ in range(_MOST_LINKS):
        node = nodes.get(node_id)
        if node is None:
            return None
        text = _text_of(node, None)
        if text:
            return text
        links = _linked(node, ("positive", "conditioning", *_TEXT_WIDGETS))
        if not links:
            return None
        node_id = links[0]
    return None


def _linked(node: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The nodes that feed these inputs."""
    values = [_inputs(node).get(name) for name in names]
    return [str(value[0]) for value in values if isinstance(value, list) and is_link(value)]


def _text_of(node: Mapping[str, Any], widget: str | None) -> str | None:
    inputs = _inputs(node)
    values = [inputs.get(name) for name in ((widget,) if widget else _TEXT_WIDGETS)]
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), None)


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, Mapping) else {}


def _first_paragraph(parameters: str) -> str:
    """What other tools write before `Negative prompt:` and `Steps:`."""
    kept = []
    for line in parameters.splitlines():
        if line.startswith(("Negative prompt:", "Steps:")):
            break
        kept.append(line)
    return "\n".join(kept)


def _json(path: Path) -> Any:
    try:
        return _parsed(read_text(path))
    except (OSError, UnicodeDecodeError):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
