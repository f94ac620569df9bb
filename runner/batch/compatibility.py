"""Which jobs one server can run: its nodes, its models and the values it takes, asked for before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from runner.batch.entries import Incompatibility
from runner.batch.plan import BatchJob
from runner.errors import (
    EXIT_NODE_FAILED,
    EXIT_REJECTED,
    NodeFailedError,
    PhotoError,
    RunnerError,
    UsageError,
    WorkflowError,
    WorkflowRejectedError,
)
from runner.execution.attachments import check_files
from runner.execution.build import stood_in_for
from runner.server.view import ServerView
from runner.validation.check import check_graph
from runner.validation.missing import told_at_once
from runner.validation.problem import MOST_SHOWN
from runner.validation.standing_in import trial_advice
from runner.workflow.graph import Workflow
from runner.workflow.patch import patch_workflow


class CannotRunError(WorkflowRejectedError):
    """A server lacks nodes or models of a job; `problems` says which, and how to get each."""

    def __init__(self, problems: tuple[str, ...], *, trial: str = "") -> None:
        """`trial`: how to try it without what is missing; "" where that does not help."""
        more = [f"… and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
        super().__init__("\n".join([*problems[:MOST_SHOWN], *more]))
        self.problems = problems
        self.trial = trial


class Compatibility:
    """Jobs of a workflow against one server's own description. What differs in seed or text only is looked at once."""

    def __init__(self, workflow: Workflow, view: ServerView) -> None:
        self.workflow, self.view = workflow, view
        self.warnings: dict[str, None] = {}
        self._texts = {spec.name for spec in workflow.inputs(view.object_info) if spec.type == "STRING"}
        """Any text can be set: ten thousand prompts are one look."""
        self._looked_at: dict[str, RunnerError | None] = {}

    def why_not(self, job: BatchJob) -> RunnerError | None:
        """None: it can run there. Otherwise everything that is missing (exit code 4), or the value that does not fit
        (exit code 2)."""
        values = {
            name: value
            for name, value in job.values.items()
            if name not in self._texts and (job.seed is None or value != job.seed)
        }
        what = repr(sorted(values.items(), key=str)) + repr(sorted(job.images))
        if what not in self._looked_at:
            self._looked_at[what] = self._look(job)
        return self._looked_at[what]

    def _look(self, job: BatchJob) -> RunnerError | None:
        pictures = {name: f"{number}.png" for number, name in enumerate(job.images)}
        try:
            graph = patch_workflow(self.workflow, {**job.values, **pictures}, (), self.view.object_info)
            check_files(self.workflow, job.values, graph, self.view)
        except (WorkflowError, PhotoError) as error:
            return error
        stood_in_for(self.workflow, graph, self.view)
        uploaded, replaced = list(pictures.values()), self.view.replaced
        problems = check_graph(graph, self.view.object_info, uploaded=uploaded, replaced=replaced)
        self.warnings.update(dict.fromkeys(problem.told for problem in problems if not problem.is_fatal))
        missing = told_at_once([problem for problem in problems if problem.is_fatal], self.workflow)
        trial = trial_advice(problems, smoke=self.workflow.smoke)
        return CannotRunError(tuple(missing), trial=trial) if missing else None


def nowhere(reasons: Sequence[Incompatibility]) -> RunnerError:
    """The failure of a job that no server can run: what is missing where, in short first and then in full."""
    lines = dict.fromkeys(f"{reason.worker}: {reason.why}" for reason in reasons)
    code = max((reason.exit_code for reason in reasons), default=EXIT_REJECTED)  # values, then nodes, then memory
    kind = {EXIT_REJECTED: WorkflowRejectedError, EXIT_NODE_FAILED: NodeFailedError}.get(code, UsageError)
    short = "; ".join(line.partition("\n")[0] for line in lines)
    full = "\n".join(f"  - {line}".replace("\n", "\n    ") for line in lines if "\n" in line)
    return kind(f"No server can run this job: {short}" + (f"\n{full}" if full else ""))
