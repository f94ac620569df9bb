"""What people read of an event, the same in a live display and in plain lines."""

from __future__ import annotations

from runner import events


def job_label(job: int, jobs: int | None) -> str:
    """`2/8 ` where there is more than one job to tell apart."""
    if jobs == 1 or job == 0:
        return ""
    return f"{job}/{jobs} " if jobs else f"#{job} "


def done_text(event: events.Done) -> str:
    return "\n".join([f"done in {event.seconds:.1f} s", *(f"  not passed: {line}" for line in event.warnings)])


def failed_text(event: events.Failed) -> str:
    return f"failed: {event.message}" + (f"\n  {event.advice}" if event.advice else "")


def preview_text(event: events.Preview) -> str:
    return f"preview, renewed as it goes: {event.path}"


def candidate_text(event: events.Candidate) -> str:
    score = "" if event.score is None else f", score {event.score:g}"
    why = f": {event.reasons[0]}" if event.reasons else ""
    more = f" (and {len(event.reasons) - 1} more)" if len(event.reasons) > 1 else ""
    return f"seed {event.seed}: {event.verdict}{score}{why}{more}"


def seed_text(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"
