"""`validate WORKFLOW`: every problem at once, before anything is queued."""

from __future__ import annotations

import argparse

from runner import console
from runner.cli.parser import add_server_argument, local_path
from runner.errors import EXIT_OK, EXIT_REJECTED
from runner.invocation import spell
from runner.server.view import ServerView, server_view
from runner.validation.problem import MOST_SHOWN, Problem
from runner.validation.workflow import check_workflow
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import load_object_info


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "validate",
        help="list every problem of a workflow at once",
        description="Every problem at once: missing nodes, missing models and how to get each, bad values.",
        allow_abbrev=False,
    )
    parser.add_argument("workflow", metavar="WORKFLOW", help="a bundled workflow's name, or a path")
    add_server_argument(parser)
    parser.add_argument("--object-info", metavar="FILE", type=local_path, help="check against a recorded /object_info")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `validate` command. 0 when the workflow can run, 4 when the server would refuse it."""
    workflow = load_workflow(args.workflow)
    if args.object_info is not None:
        view, where = ServerView(load_object_info(args.object_info)), str(args.object_info)
    else:
        from runner.local_server.choice import resolve_server
        from runner.server.client import ComfyClient  # no server is needed for a recorded schema

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
    for number, problem in enumerate(problems[:MOST_SHOWN], 1):
        word = "warning: " if problem.severity == "warning" else ""
        lines.append(f"{number}. {word}{problem.message}")
        if problem.advice:
            lines.append(f"   {problem.advice}")
    if len(problems) > MOST_SHOWN:
        lines.append(f"… and {len(problems) - MOST_SHOWN} more (--json lists them all)")
    if sum(problem.model_id is not None for problem in problems) > 1:
        name = workflow.label if workflow.path.parent == WORKFLOWS_DIR else str(workflow.path)
        lines.append(f"All missing models at once: {spell('models', 'download', '--for', name)}")
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
