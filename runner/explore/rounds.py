"""Rounds of pictures of one prompt, each with the next seed. Nothing is kept from one round to the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from runner.errors import EXIT_OK
from runner.execution.job import JobResult
from runner.execution.plan import Plan
from runner.execution.session import Session
from runner.gallery.rest import Rest

_MOST_SEEDS = 2**64
"""ComfyUI's seeds have 64 bits."""


@dataclass
class Rounds:
    """`number` pictures a round. `made` counts over all rounds, so rests come when they are due."""

    session: Session
    number: int
    rest: Rest
    made: int = 0

    def run(self, plan: Plan, skip: int = 0) -> list[JobResult]:
        """One round, beginning `skip` seeds after the plan's first one."""
        first = ((plan.seed or 0) + skip) % (_MOST_SEEDS - self.number)
        jobs = replace(plan, seed=first).jobs(1, self.number)
        if not self.rest:
            results = self.session.run(jobs)
            self.made += len(results)
            return results
        results = []
        for spec in jobs:  # one at a time: a job that waits on the server would begin during the rest
            if self.made:
                self.rest.take(self.made, self.session.notice)
            results += self.session.run([spec])
            self.made += 1
        return results

    def run_all(self, plan: Plan, rounds: int) -> int:
        """`rounds` rounds (0: until Ctrl-C); returns the exit code.

        A picture that fails does not end it. A round in which every picture failed does: so would the next.
        """
        code = EXIT_OK
        for index in _count(rounds):
            errors = [result.error for result in self.run(plan, index * self.number) if result.error is not None]
            if errors and code == EXIT_OK:
                code = errors[0].exit_code
            if len(errors) == self.number:
                break
            if rounds != 1:
                self.session.notice(f"Round {index + 1}: {self.number - len(errors)} of {self.number} pictures made.")
        return code


def _count(rounds: int) -> Iterator[int]:
    return itertools.count() if rounds == 0 else iter(range(rounds))
