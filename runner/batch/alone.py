"""What helps a photo of a batch that was refused, as a command for this photo alone.

A setting that is pasted behind the batch's own command would count for all of its photos: a mask painted over one of
them, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from runner.batch.plan import CUTTING, BatchJob
from runner.invocation import spell

_SETTING = re.compile(rf"--set ((?:{'|'.join(CUTTING)})=[^\s;]*[^\s;.])[.;]?")
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")


def without_commands(advice: str) -> str:
    """What is the same for every photo."""
    return "\n".join(line for line in advice.split("\n") if not line.strip().startswith(f"{spell()} "))


def for_this_photo(advice: str, job: BatchJob, alone: Callable[[BatchJob, str], str] | None) -> str:
    """The same advice, in which each way to cut this photo out otherwise is a command (`BatchOrder.alone`)."""
    if alone is None or not job.images or _SETTING.search(advice) is None:
        return advice
    kept: list[str] = []
    steps: list[str] = []
    for sentence in _SENTENCE.split(advice):
        *parts, rest = _SETTING.split(sentence)
        if not parts:
            kept.append(sentence)
            continue
        for said, setting in zip(parts[::2], parts[1::2], strict=True):
            what = said.strip(" ;:")
            head = "or" if what in ("", "or") else f"for this photo alone, {what[:1].lower()}{what[1:]}"
            steps += [f"{head[:1].upper()}{head[1:]}:", f"  {alone(job, setting)}"]
        kept += [rest.strip()] if rest.strip() else []
    return "\n  ".join([*([" ".join(kept)] if kept else []), *steps])
