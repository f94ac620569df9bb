"""What runs a batch's jobs: the seam between the ledger and whatever kind of machine there is."""

from __future__ import annotations

from typing import Protocol


class Place(Protocol):
    """Takes jobs from the ledger and ends them there, until nothing is left for it.

    A place claims with `Ledger.claim(url, …)`, calls `Ledger.submitted` before anything hears of a job, and `done`,
    `failed` or `pass_on` at its end. Nothing about a job is kept anywhere else, so a place may die at any moment.
    `runner.batch.run.Worker` is the place that is one ComfyUI server.
    """

    url: str
    """What it is called in the ledger; no two places of one runner share it."""
    label: str
    """What people read."""
    patience: float
    """How many seconds it waits for what it runs on before it gives its jobs back. Set before `run`."""

    def run(self) -> None:
        """Work until nothing is left that this place could do. May be called again after a failure.

        Raises:
            ServerUnavailableError: what it runs on is gone; its jobs are given back, and it may be tried again later.
            JobTimeoutError: out of time.
            InterruptedRunError: `ask_to_stop` was called.
        """

    def ask_to_stop(self) -> None:
        """From another thread: cancel what is running, give it back, and let `run` end within two seconds."""
