"""Find a workflow by name or path, read it, and say plainly what is wrong with a file that is none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runner.data import BadDataError, not_numbers, parse_json
from runner.errors import WorkflowError
from runner.graph import Graph, InputSpec, OutputSpec, Target, Workflow
from runner.patching import parse_setting, patch_workflow
from runner.suggest import did_you_mean

__all__ = [
    "WORKFLOWS_DIR",
    "InputSpec",
    "OutputSpec",
    "Target",
    "Workflow",
    "available_workflows",
    "load_workflow",
    "parse_setting",
    "patch_workflow",
]

WORKFLOWS_DIR = Path(__file__).resolve().parent.parent / "workflows"
_VERSIONED = re.compile(r"^(?P<name>.+)\.v(?P<version>\d+)$")
_EXPORT_ADVICE = (
    "In ComfyUI open it, then menu → Workflow → Export (API), and use that file. "
    "(Export (API) missing? Turn on Settings → Dev mode.)"
)


def load_workflow(spec: str, folder: Path | None = None) -> Workflow:
    """Read the workflow that `spec` names.

    A path (anything with a folder in it, or ending in `.json`) is read as it stands; a bare name is looked up in
    `folder` (the bundled `workflows/`): `packshot` is its newest version, `packshot.v1` that one.
    Raises WorkflowError with what exists, or with the place in the file that is wrong.
    """
    path = _find(spec, folder or WORKFLOWS_DIR)
    graph = _checked_graph(_read_json(path), path)
    name, version = _name_and_version(path.stem)
    return Workflow(name, version, path, graph)


def available_workflows(folder: Path | None = None) -> dict[str, list[int]]:
    """Bundled workflow name → its versions, oldest first."""
    found: dict[str, list[int]] = {}
    for path in (folder or WORKFLOWS_DIR).glob("*.v*.json"):
        name, version = _name_and_version(path.stem)
        if version is not None:
            found.setdefault(name, []).append(version)
    return {name: sorted(versions) for name, versions in sorted(found.items())}


def _name_and_version(stem: str) -> tuple[str, int | None]:
    match = _VERSIONED.match(stem)
    return (match["name"], int(match["version"])) if match else (stem, None)


def _find(spec: str, folder: Path) -> Path:
    if not spec.strip():
        raise WorkflowError("no workflow was named.", advice=_what_exists(folder))
    as_path = Path(spec).expanduser()
    if len(as_path.parts) > 1 or as_path.suffix.lower() == ".json" or "\\" in spec:
        if as_path.is_dir():
            raise WorkflowError(f"{spec}: this is a folder; name the workflow file in it.")
        if as_path.is_file():
            return as_path
        siblings = [p.name for p in as_path.parent.glob("*.json")] if as_path.parent.is_dir() else []
        raise WorkflowError(f"{spec}: there is no such workflow file.{did_you_mean(as_path.name, siblings)}")
    existing = available_workflows(folder)
    name, version = _name_and_version(spec)
    if name in existing and (version is None or version in existing[name]):
        return folder / f"{name}.v{existing[name][-1] if version is None else version}.json"
    if name in existing:
        versions = ", ".join(f"v{number}" for number in existing[name])
        raise WorkflowError(f"the workflow {name!r} has no version v{version}; it has {versions}.")
    raise WorkflowError(
        f"there is no workflow called {spec!r}.{did_you_mean(name, existing)}", advice=_what_exists(folder)
    )


def _what_exists(folder: Path) -> str:
    names = available_workflows(folder)
    if not names:
        return f"No workflows were found in {folder}. A path to an exported workflow file works as well."
    labels = ", ".join(f"{name} (v{', v'.join(map(str, versions))})" for name, versions in names.items())
    return f"There are: {labels}. A path to an exported workflow file works as well."


def _read_json(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise WorkflowError(
            f"{path}: this is not a text file (byte {error.start} is not UTF-8).", advice=_EXPORT_ADVICE
        ) from error
    if not text.strip():
        raise WorkflowError(f"{path}: the file is empty.", advice=_EXPORT_ADVICE)
    try:
        return parse_json(text, numbers=False)  # ComfyUI itself writes NaN beside the inputs (`is_changed`)
    except BadDataError as error:
        place = f":{error.line}:{error.column}" if error.line else ""
        where = f" (line {error.line}, column {error.column})" if error.line else ""
        raise WorkflowError(f"{path}{place}: this is not valid JSON: {error}{where}.") from error


def _checked_graph(data: Any, path: Path) -> Graph:
    if isinstance(data, dict) and isinstance(data.get("nodes"), list):
        raise WorkflowError(
            f"{path}: this is a canvas file (made by Save or Export), which holds positions and colours but not the "
            "inputs by name that a server needs.",
            advice=_EXPORT_ADVICE,
        )
    if isinstance(data, dict) and isinstance(data.get("prompt"), dict):
        data = data["prompt"]  # the body of a POST /prompt, as some tools save it
    if not isinstance(data, dict):
        raise WorkflowError(
            f"{path}: a workflow is an object of nodes, this is a {_json_kind(data)}.", advice=_EXPORT_ADVICE
        )
    if not data:
        raise WorkflowError(f"{path}: there are no nodes in this workflow.", advice=_EXPORT_ADVICE)
    for node_id, node in data.items():
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
    return data


def _json_kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")
