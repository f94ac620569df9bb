"""One candidate and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from runner.best_of.gates import Gate, read_gates
from runner.best_of.score import COMFORTABLE, score_of
from runner.errors import InterruptedRunError, NodeFailedError, RunnerError
from runner.execution.dispatcher import NotNeededError
from runner.execution.failures import NodeExecutionError
from runner.execution.job import JobResult
from runner.execution.missing_verdicts import missing_verdicts
from runner.execution.save import SavedJob
from runner.workflow.schema import ObjectInfo


class Verdict(str, Enum):
    """How a candidate was judged."""

    PASSED = "passed"
    """It has a picture, and no gate says otherwise."""
    FAILED = "failed"
    """It has a picture that a gate does not let pass, or that was never judged by one."""
    REFUSED = "refused"
    """A node declined to work on it, and said why."""
    BROKEN = "broken"
    """Its picture is black, empty or unreadable."""
    ERROR = "error"
    """A node broke."""
    CANCELLED = "cancelled"
    """It was called off, by the search or by somebody else."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Candidate:
    """`number` counts from 1 within one search."""

    number: int
    result: JobResult
    verdict: Verdict
    score: float | None
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...] = ()

    @property
    def seed(self) -> int | None:
        return self.result.spec.seed

    @property
    def saved(self) -> SavedJob | None:
        return self.result.saved

    @property
    def is_comfortable(self) -> bool:
        return self.verdict == Verdict.PASSED and self.score is not None and self.score >= COMFORTABLE


def judge(number: int, result: JobResult, object_info: ObjectInfo, seeded: frozenset[str]) -> Candidate:
    """The verdict on a finished job.

    `seeded` are the nodes that the seed reaches. Raises the job's own error where every other candidate would end the
    same way (a node that the seed does not reach failed, the disk is full): there is nothing to choose from.
    """
    error = result.error
    if error is not None:
        verdict, reason = _why(error, seeded)
        return Candidate(number, result, verdict, None, (reason,))
    reports = result.saved.reports if result.saved is not None else ()
    gates = tuple(read_gates(reports, dict(result.spec.graph), object_info))
    failed = [gate for gate in gates if gate.passed is False]
    reasons = [reason for gate in failed for reason in gate.reasons or (f"{gate.name}: no reason given",)]
    missing = missing_verdicts(result.spec.graph, reports)
    verdict = Verdict.FAILED if failed or missing else Verdict.PASSED
    return Candidate(number, result, verdict, score_of(gates), (*missing, *reasons), gates)


def _why(error: RunnerError, seeded: frozenset[str]) -> tuple[Verdict, str]:
    if isinstance(error, NotNeededError):
        return Verdict.CANCELLED, "not needed any more"
    if isinstance(error, InterruptedRunError):
        return Verdict.CANCELLED, "cancelled on the server by somebody else"
    if isinstance(error, NodeExecutionError):
        if error.node_id not in seeded:
            raise error
        return (Verdict.REFUSED if error.is_refusal else Verdict.ERROR), error.message.splitlines()[0]
    if isinstance(error, NodeFailedError):
        return Verdict.BROKEN, error.message
    raise error


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Best first: comfortable passes in order, other passes, then what has a picture, each by score, then by order.

    Comfortable ones go by order alone: which of the later ones had ended when the first was found is chance.
    """

    def key(candidate: Candidate) -> tuple[bool, bool, bool, float, int]:
        score = candidate.score if candidate.score is not None else float("-inf")
        easy = candidate.is_comfortable
        passed = candidate.verdict == Verdict.PASSED
        return not easy, not passed, candidate.saved is None, 0.0 if easy else -score, candidate.number

    return sorted(candidates, key=key)
