"""A workflow file read into a graph: API format, bare or wrapped as other tools keep it, or the picture it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.data import BadDataError, not_numbers, parse_json
from runner.errors import WorkflowError
from runner.files.reading import open_file, read_text
from runner.workflow.graph import Graph

PICTURES = (".png", ".webp", ".jpg", ".jpeg")
_WRAPPERS = (
    "prompt", "output", "workflow", "workflow_api", "workflow_json", "api", "input", "body", "data", "request",
)  # fmt: skip
"""Where a graph lies in the files of others, first match first: `prompt` is the body of a POST /prompt, `output` what
the canvas' graphToPrompt gives, `input.workflow` RunPod's, `input.workflow_json` (a text) Replicate's."""
_DEEPEST = 6
"""Levels of wrapping that are opened; those above are one or two deep."""
_LONGEST_NAME = 1000
"""Characters of the name of a node, a class or an input."""
_EXIF_TEXTS = (0x010E, 0x010F, 0x0110)  # description, make, model: where ComfyUI and others put `prompt:{…}`
_EXPORT_ADVICE = (
    "In ComfyUI open it, then menu → Workflow → Export (API), and use that file. "
    "(Export (API) missing? Turn on Settings → Dev mode.)"
)


def read_graph(path: Path) -> Graph:
    """The graph in a file, checked for shape. Raises WorkflowError with the place that is wrong and what to do."""
    if path.suffix.lower() in PICTURES:
        return _checked(_parsed(_text_in_picture(path), path), path)
    return _checked(_parsed(_read_text(path), path), path)


def _read_text(path: Path) -> str:
    try:
        text = read_text(path)
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise WorkflowError(
            f"{path}: this is not a text file (byte {error.start} is not UTF-8).", advice=_EXPORT_ADVICE
        ) from error
    if not text.strip():
        raise WorkflowError(f"{path}: the file is empty.", advice=_EXPORT_ADVICE)
    return text


def _text_in_picture(path: Path) -> str:
    """The JSON of the graph that a picture was made with."""
    from PIL import Image

    try:
        with open_file(path) as stream, Image.open(stream) as picture:
            texts = dict(picture.info)
            if picture.format == "PNG" and "prompt" not in texts:
                picture.load()  # text may stand behind the pixels
                texts = dict(picture.info)
            exif = [str(picture.getexif().get(tag, "")) for tag in _EXIF_TEXTS]
    except OSError as error:
        raise WorkflowError(f"{path}: the picture cannot be read ({error.strerror or error}).") from error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorkflowError(f"{path}: the picture cannot be read ({error}).") from error
    named = [text.partition(":")[2] for text in exif if text.partition(":")[0].strip().casefold() == "prompt"]
    for text in (texts.get("prompt"), *named, texts.get("workflow")):
        if isinstance(text, str) and text.lstrip().startswith("{"):
            return text
    raise WorkflowError(
        f"{path}: this picture does not carry the graph it was made with.",
        advice="Results of ComfyUI carry it as PNG, until another program saves them again.",
    )


def _parsed(text: str, path: Path) -> Any:
    try:
        return parse_json(text, numbers=False)  # ComfyUI itself writes NaN beside the inputs (`is_changed`)
    except BadDataError as error:
        place = f":{error.line}:{error.column}" if error.line else ""
        where = f" (line {error.line}, column {error.column})" if error.line else ""
        raise WorkflowError(f"{path}{place}: this is not valid JSON: {error}{where}.") from error


def _is_graph(data: Any) -> bool:
    return isinstance(data, dict) and any(isinstance(node, dict) and "class_type" in node for node in data.values())


def _is_canvas(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("nodes"), list)


def _layers(data: Any, depth: int = 0) -> Iterator[Any]:
    """What is inside the wrappers of a file, outermost first."""
    if isinstance(data, str) and data.lstrip().startswith("{") and depth:
        try:
            data = parse_json(data, numbers=False)
        except BadDataError:
            return
    yield data
    if depth == _DEEPEST or _is_graph(data) or _is_canvas(data):
        return
    if isinstance(data, dict):
        inner = [data[key] for key in _WRAPPERS if key in data]
        if len(data) == 1:  # an entry of /history: under its prompt id
            inner += data.values()
    elif isinstance(data, list) and depth:  # a queue entry: number, id, graph, …
        inner = [item for item in data[:4] if isinstance(item, dict)]
    else:
        return
    for each in inner:
        if isinstance(each, (dict, list, str)):
            yield from _layers(each, depth + 1)


def _checked(data: Any, path: Path) -> Graph:
    layers = list(_layers(data))
    graph_layer = next((layer for layer in layers if _is_graph(layer)), None)
    if graph_layer is None and any(map(_is_canvas, layers)):
        raise WorkflowError(
            f"{path}: this is a canvas file (made by Save or Export), which holds positions and colours but not the "
            "inputs by name that a server needs.",
            advice=_EXPORT_ADVICE,
        )
    if graph_layer is None and isinstance(data, dict) and isinstance(data.get("prompt"), dict):
        data = data["prompt"]
    graph = data if graph_layer is None else graph_layer
    if not isinstance(graph, dict):
        raise WorkflowError(
            f"{path}: a workflow is an object of nodes, this is a {_json_kind(graph)}.", advice=_EXPORT_ADVICE
        )
    if not graph:
        raise WorkflowError(f"{path}: there are no nodes in this workflow.", advice=_EXPORT_ADVICE)
    if graph_layer is None and {"prompt_id", "files"} <= graph.keys():
        raise WorkflowError(
            f"{path}: this is the record beside a result, which does not hold the graph.",
            advice="Name the PNG it belongs to: that carries its graph.",
        )
    _check_nodes(graph, path)
    return graph


def _check_nodes(graph: Mapping[str, Any], path: Path) -> None:
    for node_id, node in graph.items():
        name = max((node_id, *_names_in(node)), key=len)
        if len(name) > _LONGEST_NAME:
            raise WorkflowError(f"{path}: {name[:40]!r}… is {len(name)} characters long, which no name of a node is.")
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str) or not node["class_type"]:
            raise WorkflowError(
                f"{path}: {node_id!r} is no node: it has no class_type. This is not a workflow in API format.",
                advice=_EXPORT_ADVICE,
            )
        if not isinstance(node.setdefault("inputs", {}), dict):
            raise WorkflowError(
                f"{path}: node {node_id} ({node['class_type']}): its inputs are a {_json_kind(node['inputs'])}, "
                "not an object.",
                advice=_EXPORT_ADVICE,
            )
        wrong = not_numbers(node["inputs"])
        if wrong:
            raise WorkflowError(f"{path}: node {node_id} ({node['class_type']}): its input {wrong[0]!r} is no number.")


def _names_in(node: Any) -> Iterator[str]:
    """Its class and what its inputs are called."""
    kind, inputs = (node.get("class_type"), node.get("inputs")) if isinstance(node, dict) else (None, None)
    yield from (kind,) if isinstance(kind, str) else ()
    yield from inputs if isinstance(inputs, dict) else ()


def _json_kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")
