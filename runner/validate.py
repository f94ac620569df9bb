"""`validate WORKFLOW`: every problem at once, before anything is queued."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import console
from runner.checks import Problem, check_graph
from runner.cli import add_server_argument
from runner.drift import with_drift
from runner.errors import EXIT_OK, EXIT_REJECTED
from runner.graph import Graph, Workflow
from runner.patching import patch_workflow
from runner.schema import load_object_info, recorded_object_info
from runner.workflow import WORKFLOWS_DIR, load_workflow

if TYPE_CHECKING:
    from runner.client import ComfyClient

__all__ = ["Problem", "ServerView", "add_parser", "check_graph", "check_workflow", "run", "server_view"]


@dataclass(frozen=True)
class ServerView:
    """What a check needs to know of a server."""

    object_info: Mapping[str, Any]
    replaced: Collection[str] = ()
    """Node classes the server itself rewrites to newer ones before it validates."""
    has_file: Callable[[str], bool] | None = None
    """Whether a file is there for an upload widget; None where nobody can be asked."""


def server_view(client: ComfyClient, graph: Graph) -> ServerView:
    """Ask a server about the nodes of this graph (about all of them when one is missing, to suggest another)."""
    classes = {str(node["class_type"]) for node in graph.values()}
    object_info = client.object_info(classes)
    has_file = cache(client.has_file)
    if classes <= object_info.keys():
        return ServerView(object_info, has_file=has_file)
    return ServerView(client.object_info(), client.replacements(), has_file)


def check_workflow(workflow: Workflow, view: ServerView) -> list[Problem]:
    """The problems of a workflow as it stands. The pictures that `--image` will replace are taken as given."""
    pictures = [str(spec.default) for spec in workflow.image_inputs(view.object_info)]
    left_out = [Problem("canvas_node", note, severity="warning") for note in workflow.notes]
    graph = patch_workflow(workflow, {}, (), view.object_info)
    problems = check_graph(graph, view.object_info, uploaded=pictures, replaced=view.replaced)
    return left_out + with_drift(graph, problems, view.object_info, recorded_object_info(WORKFLOWS_DIR))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "validate",
        help="list every problem of a workflow at once",
        description="Every problem at once: missing nodes, missing models and how to get each, bad values.",
        allow_abbrev=False,
    )
    parser.add_argument("workflow", metavar="WORKFLOW", help="a bundled workflow's name, or a path")
    add_server_argument(parser)
    parser.add_argument("--object-info", metavar="FILE", type=Path, help="check against a recorded /object_info")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `validate` command. 0 when the workflow can run, 4 when the server would refuse it."""
    workflow = load_workflow(args.workflow)
    if args.object_info is not None:
        view, where = ServerView(load_object_info(args.object_info)), str(args.object_info)
    else:
        from runner.client import ComfyClient  # no server is needed for a recorded schema
        from runner.server_choice import resolve_server

        where = resolve_server(args.server)
        view = server_view(ComfyClient(where), workflow.graph)
    problems = check_workflow(workflow, view)
    errors = [problem for problem in problems if problem.severity == "error"]
    if args.json:
        for problem in problems:
            console.json_line({"event": "problem", **problem.as_dict()})
        console.json_line({"event": "validated", "workflow": workflow.label, "server": where, "ok": not errors})
    else:
        console.show(format_problems(workflow, problems, where))
    return EXIT_REJECTED if errors else EXIT_OK


def format_problems(workflow: Workflow, problems: list[Problem], where: str) -> str:
    """The report for people."""
    nodes = len(workflow.graph)
    if not problems:
        return f"{workflow.label}: no problems ({nodes} nodes, checked against {where})."
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [_count(errors, "problem")] * bool(errors) + [_count(warnings, "warning")] * bool(warnings)
    lines = [f"{workflow.label}: {', '.join(counts)} (checked against {where})"]
    for number, problem in enumerate(problems, 1):
        word = "warning: " if problem.severity == "warning" else ""
        lines.append(f"{number}. {word}{problem.message}")
        if problem.advice:
            lines.append(f"   {problem.advice}")
    if sum(problem.model_id is not None for problem in problems) > 1:
        lines.append(f"All missing models at once: python -m runner models download --for {_shell_name(workflow)}")
    return "\n".join(lines)


def _shell_name(workflow: Workflow) -> str:
    from shlex import quote

    return workflow.label if workflow.path.parent == WORKFLOWS_DIR else quote(str(workflow.path))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
