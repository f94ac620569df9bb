"""Every problem of a workflow as it stands."""

from __future__ import annotations

from runner.server.view import ServerView
from runner.validation.check import check_graph
from runner.validation.drift import with_drift
from runner.validation.problem import Problem
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.patch import patch_workflow
from runner.workflow.schema import recorded_object_info


def check_workflow(workflow: Workflow, view: ServerView) -> list[Problem]:
    """The problems of a workflow as it stands. The pictures that `--image` will replace are taken as given."""
    pictures = [str(spec.default) for spec in workflow.image_inputs(view.object_info)]
    left_out = [Problem("canvas_node", note, severity="warning") for note in workflow.notes]
    graph = patch_workflow(workflow, {}, (), view.object_info)
    problems = check_graph(graph, view.object_info, uploaded=pictures, replaced=view.replaced)
    return left_out + with_drift(graph, problems, view.object_info, recorded_object_info(WORKFLOWS_DIR))
