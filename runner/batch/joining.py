"""Jobs that join a batch one by one, also while it runs: a worker takes from the ledger whatever is there."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from runner.batch.ledger import Ledger
from runner.batch.plan import Seeds, check_values, expand, refuse
from runner.batch.rows import Row
from runner.batch.setup import Setup
from runner.batch.store import in_words
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info, that_knows_all


def join(out: Path, workflow: Workflow, rows: Sequence[Row], name: str | None = None) -> list[int]:
    """Enter the jobs of these rows into the ledger of the batch in `out`, which begins with the first; returns their
    numbers, also of those that it has already. `name`: as `--name`, checked.

    Who makes them: a run of `BatchOrder(joined=True)` on the same folder, at work or yet to come.

    Raises UsageError, WorkflowError with every problem; nothing joins then.
    """
    recorded = recorded_object_info(WORKFLOWS_DIR)
    schema = that_knows_all(recorded, workflow.graph)
    problems: list[str] = []
    jobs = list(expand(workflow, rows, (), Seeds(), schema, name, problems))
    check_values(workflow, jobs, schema, problems)
    refuse(problems, alone=len(rows) == 1)
    with in_words(out), contextlib.closing(Ledger(out)) as ledger:
        ledger.bind(Setup(workflow, jobs, 0).facts())
        ledger.add(jobs)
        number_of = {entry.key: entry.id for entry in ledger.entries()}
    return [number_of[job.key] for job in jobs]


def give_up(out: Path, why: str, exit_code: int) -> int:
    """What waits in the batch in `out` ends as failed, for a reason that concerns all of it; returns how many."""
    count = 0
    with in_words(out), contextlib.closing(Ledger(out)) as ledger:
        ledger.runners.beat()
        while (entry := ledger.claim()) is not None:
            count += ledger.failed(entry.id, why, exit_code)
        ledger.leave()
    return count
