"""What works on a batch: the seam between the ledger and whatever kind of machine there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.batch.ledger import Ledger
from runner.batch.live import BatchReporter
from runner.batch.plan import BatchJob
from runner.batch.throughput import Throughput
from runner.workflow.graph import Workflow


@dataclass(frozen=True)
class Batch:
    """What the workers of one runner have in common. `out`: where results go; `deadline`: by `time.monotonic`;
    `alone`: the command that asks for one of its jobs by itself, with these settings."""

    out: Path
    workflow: Workflow
    ledger: Ledger
    view: BatchReporter
    throughput: Throughput
    deadline: float | None = None
    alone: Callable[[BatchJob, str], str] | None = None


class Worker(Protocol):
    """One ComfyUI at work: claims jobs from the ledger and ends them there, until nothing is left for it.

    A worker goes through `runner.batch.claims.Claims`, which notes every step in the ledger before it happens. Nothing
    about a job is kept anywhere else, so a worker may die at any moment. There are two kinds:
    `runner.batch.server_worker.ServerWorker` and `runner.batch.cluster.actor_worker.ActorWorker`.
    """

    patience: float
    """How many seconds it waits for what it runs on before it gives its jobs back. Set before `run`."""

    @property
    def url(self) -> str:
        """What it is called in the ledger; no two workers of one runner share it."""

    @property
    def label(self) -> str:
        """What people read."""

    def run(self) -> None:
        """Work until nothing is left that this worker could do. May be called again after a failure.

        Raises ServerUnavailableError where what it runs on is gone; its jobs are given back, and it may be tried again
        later. Raises JobTimeoutError where the time is up. Raises InterruptedRunError where `ask_to_stop` was called.
        """

    def ask_to_stop(self) -> None:
        """From another thread: cancel what is running, give it back, and let `run` end within two seconds."""
