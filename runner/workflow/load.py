"""Find a workflow by name or path, read it, and say plainly what is wrong with a file that is none."""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import WorkflowError
from runner.files.paths import expanded
from runner.invocation import spell
from runner.suggest import did_you_mean
from runner.workflow.canvas_nodes import without_canvas_nodes
from runner.workflow.file import PICTURES, read_graph
from runner.workflow.graph import InputSpec, OutputSpec, Target, Workflow
from runner.workflow.patch import parse_assignment, patch_workflow

__all__ = [
    "WORKFLOWS_DIR",
    "InputSpec",
    "OutputSpec",
    "Target",
    "Workflow",
    "available_workflows",
    "load_workflow",
    "parse_assignment",
    "patch_workflow",
]

WORKFLOWS_DIR = Path(__file__).resolve().parents[2] / "workflows"
_MOST_NAMED = 6
"""Names in one sentence; more are no longer read."""
_VERSIONED = re.compile(r"^(?P<name>.+)\.v(?P<version>\d+)$")


def load_workflow(spec: str, folder: Path | None = None) -> Workflow:
    """Read the workflow that `spec` names.

    A path (anything with a folder in it, or ending in `.json` or as a picture does) is read as it stands; a bare name
    is looked up in `folder` (the bundled `workflows/`): `packshot` is its newest version, `packshot.v1` that one. So
    is a path that leads to no file and can only mean one of those (`packshot.json`, `workflows/packshot.v1.json`).
    Raises WorkflowError with what exists, or with the place in the file that is wrong.
    """
    path = _find(spec, folder or WORKFLOWS_DIR)
    graph, left_out = without_canvas_nodes(read_graph(path))
    name, version = name_and_version(path.stem)
    return Workflow(name, version, path, graph, left_out)


def available_workflows(folder: Path | None = None) -> dict[str, list[int]]:
    """Bundled workflow name → its versions, oldest first."""
    versions_of: dict[str, list[int]] = {}
    for path in (folder or WORKFLOWS_DIR).glob("*.v*.json"):
        name, version = name_and_version(path.stem)
        if version is not None:
            versions_of.setdefault(name, []).append(version)
    return {name: sorted(versions) for name, versions in sorted(versions_of.items())}


def bundled(spec: str, folder: Path | None = None) -> str | None:
    """The label (`packshot.v4`) of the bundled workflow that is named so, in any case and also as its file; or None.

    Raises WorkflowError for a version that it does not have.
    """
    below, slash, name = spec.replace("\\", "/").rpartition("/")
    if slash and below.removeprefix("./").casefold() not in (".", "workflows"):
        return None
    name = name[: -len(".json")] if name.casefold().endswith(".json") else name
    existing = available_workflows(folder)
    called, version = name_and_version(name.casefold())
    called = next((each for each in existing if each.casefold() == called), "")
    if not called:
        return None
    if version is not None and version not in existing[called]:
        versions = ", ".join(f"v{number}" for number in existing[called])
        raise WorkflowError(f"the workflow {called!r} has no version v{version}; it has {versions}.")
    return f"{called}.v{existing[called][-1] if version is None else version}"


def name_and_version(stem: str) -> tuple[str, int | None]:
    """`packshot.v4` is `packshot` in version 4; None where none is said."""
    match = _VERSIONED.match(stem)
    return (match["name"], int(match["version"])) if match else (stem, None)


def _find(spec: str, folder: Path) -> Path:
    if not spec.strip():
        raise WorkflowError("no workflow was named.", advice=_what_exists(folder))
    as_path = expanded(spec)
    if len(as_path.parts) > 1 or as_path.suffix.lower() in (".json", *PICTURES) or "\\" in spec:
        if as_path.is_dir():
            raise WorkflowError(f"{spec}: this is a folder; name the workflow file in it.")
        if as_path.exists():  # what is no file is refused in words where it is read
            return as_path
        if (label := bundled(spec, folder)) is not None:
            return folder / f"{label}.json"
        siblings = [p.name for p in as_path.parent.glob(f"*{as_path.suffix}")] if as_path.parent.is_dir() else []
        raise WorkflowError(f"{spec}: there is no such workflow file.{did_you_mean(as_path.name, siblings)}")
    if (label := bundled(spec, folder)) is not None:
        return folder / f"{label}.json"
    like = did_you_mean(name_and_version(spec)[0], available_workflows(folder))
    raise WorkflowError(f"there is no workflow called {spec!r}.{like}", advice=_what_exists(folder))


def _what_exists(folder: Path) -> str:
    names = available_workflows(folder)
    if not names:
        return f"No workflows were found in {folder}. A path to an exported workflow file works as well."
    if len(names) > _MOST_NAMED:
        return f"`{spell('workflows')}` lists them. A path to an exported workflow file works as well."
    labels = ", ".join(f"{name} (v{', v'.join(map(str, versions))})" for name, versions in names.items())
    return f"There are: {labels}. A path to an exported workflow file works as well."
