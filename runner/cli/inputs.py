"""`inputs WORKFLOW`: what can be set, with type, default, range and help."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import console
from runner.cli.parser import RUNNING_SERVER_HELP, add_server_argument, local_path
from runner.errors import EXIT_OK, ServerUnavailableError
from runner.workflow.described import as_dict, named_inputs
from runner.workflow.graph import InputSpec, Workflow, describe_node, is_link, schemas_of
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import COMBO, is_file_list, load_object_info, recorded_object_info

_MANY = 12
"""Choices that are listed in a line; the others are counted."""


@dataclass(frozen=True)
class SchemaSource:
    """Where types and ranges come from; `name` tells the user."""

    object_info: Mapping[str, Any]
    name: str
    is_server: bool = False
    """A server that answers now: which files it lists are there."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "inputs",
        help="what can be set in a workflow",
        description="What can be set in a workflow: name, type, default, range, help, as a server says; where none "
        "answers, as ComfyUI's nodes were when this was made.",
        allow_abbrev=False,
    )
    parser.add_argument("workflow", metavar="WORKFLOW", help="a bundled workflow's name, or a path")
    parser.add_argument("--all", action="store_true", help="every widget of every node, not only the named inputs")
    add_server_argument(parser, RUNNING_SERVER_HELP)
    parser.add_argument(
        "--object-info", metavar="FILE", type=local_path, help="read ranges from a recorded /object_info"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `inputs` command."""
    workflow = load_workflow(args.workflow)
    source = find_schema(workflow, args.server, args.object_info)
    specs = named_inputs(workflow, source.object_info)
    everything = args.all or not workflow.inputs(source.object_info)
    widgets = all_widgets(workflow, source.object_info) if everything else []
    if args.json:
        for spec in [*specs, *widgets]:
            console.json_line(as_dict(spec, files_are_there=source.is_server))
        return EXIT_OK
    console.show("\n".join(_report(workflow, specs, widgets, source)))
    return EXIT_OK


def find_schema(workflow: Workflow, servers: Sequence[str], recorded: Path | None) -> SchemaSource:
    """A recorded file if named; else a server that answers now (none is started); else the bundled schema."""
    if recorded is not None:
        return SchemaSource(load_object_info(recorded), str(recorded))
    url = _answering(servers)
    if url is not None:
        from runner.server.client import ComfyClient  # only when there is a server to talk to

        classes = {str(node["class_type"]) for node in workflow.graph.values()}
        return SchemaSource(ComfyClient(url).object_info(classes), url, is_server=True)
    bundled = recorded_object_info(WORKFLOWS_DIR)
    all_bundled = all(node["class_type"] in bundled for node in workflow.graph.values())
    return SchemaSource(bundled, "the bundled schema" if all_bundled else "")


def _answering(servers: Sequence[str]) -> str | None:
    """The server to ask; None where none was named on the command line and none answers. None is started.

    The bundled schema is no server: it may stand in for one that `$COMFYUI_URL` names and that is off, which is said.
    """
    from runner.local_server import (
        choice,  # imported late: `--object-info` needs no server
        lifecycle,
    )

    try:
        return choice.answering_server(servers)
    except ServerUnavailableError as error:
        if servers:
            raise
        if choice.named_servers():
            lifecycle.say_to_stderr(f"{error.message} The bundled schema is used instead.")
        return None


def all_widgets(workflow: Workflow, object_info: Mapping[str, Any]) -> list[InputSpec]:
    """Every widget as `NODE.widget`, linked ones left out."""
    widgets: list[InputSpec] = []
    for node_id, node in workflow.graph.items():
        schemas = schemas_of(node, object_info) or {}
        names = [*node["inputs"], *(n for n, s in schemas.items() if s.is_value and n not in node["inputs"])]
        widgets += [
            workflow.widget(node_id, name, object_info) for name in names if not is_link(node["inputs"].get(name))
        ]
    return widgets


def _report(workflow: Workflow, specs: list[InputSpec], widgets: list[InputSpec], source: SchemaSource) -> list[str]:
    lines = [f"{workflow.label} – what can be set ({_origin(source)})"]
    if not specs:
        lines.append("No node is titled “input: <name>”. Any widget can be set with --set NODE.widget=value.")
    pictures = [image.name for image in workflow.image_inputs(source.object_info)]
    for spec in specs:
        lines += ["", *_entry(spec, pictures, files_are_there=source.is_server)]
    if widgets:
        lines += ["", "Every widget (--set NODE.widget=value, with a node's id or title):"]
        node_id = ""
        for spec in widgets:
            if spec.node_id != node_id:
                node_id = spec.node_id
                lines.append(f"  {describe_node(node_id, workflow.graph[node_id])}")
            lines.append(f"    {spec.name}  {_type_text(spec)}  default {_value_text(spec.default)}{_range_text(spec)}")
    guessed = [spec.name for spec in [*specs, *widgets] if not spec.from_schema]
    if guessed:
        lines += ["", f"No schema at hand for: {', '.join(guessed)}; their types are those of the values in the file."]
    return lines


def _origin(source: SchemaSource) -> str:
    return f"ranges from {source.name}" if source.name else "no server answers"


def _entry(spec: InputSpec, pictures: Sequence[str], *, files_are_there: bool) -> list[str]:
    lines = [f"  {spec.name}  {_type_text(spec)}  default {_value_text(spec.default)}{_range_text(spec)}"]
    explained = spec.help or ("a photo of any usual kind (JPEG, PNG, TIFF, WebP)" if spec.is_image else "")
    if explained:
        lines.append(f"      {explained}")
    if spec.type == COMBO and not files_are_there and (spec.options is None or is_file_list(spec.options)):
        lines.append("      the files of a server: none was asked, so which there are is not known")
    elif spec.options:
        shown = ", ".join(str(option) for option in spec.options[:_MANY])
        more = f", … ({len(spec.options)} in all)" if len(spec.options) > _MANY else ""
        lines.append(f"      one of: {shown}{more}")
    lines.append(f"      {_flag(spec, pictures)}")
    return lines


def _flag(spec: InputSpec, pictures: Sequence[str]) -> str:
    if spec.name in ("prompt", "seed"):
        return f"--{spec.name} {'TEXT' if spec.name == 'prompt' else 'N'}"
    if spec.name in pictures:
        return "--image FILE" if len(pictures) < 2 else f"--image FILE, once each, in the order {', '.join(pictures)}"
    return f"--set {spec.name}={'FILE' if spec.is_file else 'VALUE'}"


def _type_text(spec: InputSpec) -> str:
    names = {"INT": "whole number", "FLOAT": "number", "STRING": "text", "BOOLEAN": "true/false", "COMBO": "choice"}
    return {**names, "IMAGE": "picture", "FILE": "file"}.get(spec.type, spec.type)


def _value_text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _range_text(spec: InputSpec) -> str:
    if spec.minimum is None and spec.maximum is None:
        return ""
    low = "" if spec.minimum is None else f"{spec.minimum}"
    high = "" if spec.maximum is None else f"{spec.maximum}"
    return f"  ({low} … {high}{f', step {spec.step}' if spec.step not in (None, 1) else ''})"
