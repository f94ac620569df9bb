"""Why no candidate passed, and what to try, for the person who took the photo."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from runner.best_of.candidate import Candidate, Verdict
from runner.best_of.gates import Gate
from runner.best_of.score import margin_of

_OWN = re.compile(r"\d+(?:[.,]\d+)?|(?<=changed) from [a-z -]+? to [a-z -]+")
"""Of a reason, what differs from candidate to candidate: figures, and the colours that they got."""
_MOST = 5
"""Kinds of reasons that are told; the table has the others."""
_NARROW = -10.0
"""A score (`score`: 0 is a limit just kept) from which a miss is one that the next seed may not make."""
_WHAT_HELPS = (
    (
        ("delta_e", "hue"),
        "Colours: photograph it in even, white light, or lower `denoise` so that less of it is redrawn.",
    ),
    (("ssim", "iou"), "Shape: lower `denoise`, or use a photo from the same side as in the picture you want."),
    (("edge_halo",), "Outline: a photo on a plain backdrop of another colour than the product cuts out cleaner."),
    (("floating",), "Standing: choose a pose on a surface, or add Ground and Shadow to the workflow."),
    (("hand", "people", "person", "score"), "Hands and people: ask for one person in the prompt, or for another pose."),
)
_BLACK = "Black pictures: start ComfyUI with --fp32-vae, or use another VAE."
_REFUSED = "A node refused to work on some of them: its words above say what it needs."


def why_none_passed(candidates: Sequence[Candidate]) -> list[str]:
    """The reasons, the most frequent first, each with how many candidates it concerns."""
    judged = [candidate for candidate in candidates if candidate.verdict != Verdict.CANCELLED]
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for candidate in judged:
        kinds = {_OWN.sub("#", reason): reason for reason in candidate.reasons}
        counts.update(kinds.keys())
        for kind, reason in kinds.items():
            examples.setdefault(kind, reason)
    lines = [f"{number} of {len(judged)}: {examples[kind]}" for kind, number in counts.most_common(_MOST)]
    if len(counts) > _MOST:
        lines.append(f"… and {len(counts) - _MOST} other reasons (see the table)")
    return lines


def what_to_try(candidates: Sequence[Candidate], best: Candidate | None) -> list[str]:
    """Advice, the most frequent trouble first."""
    troubles: Counter[str] = Counter()
    for candidate in candidates:
        if candidate.verdict == Verdict.BROKEN:
            troubles[_BLACK] += 1
        elif candidate.verdict == Verdict.REFUSED:
            troubles[_REFUSED] += 1
        elif candidate.verdict == Verdict.FAILED:
            troubles.update({_help(name) for gate in candidate.gates for name in _troubles(gate)} - {""})
    lines = [text for text, _ in troubles.most_common(3)]
    if best is not None and best.score is not None and best.score >= _NARROW:
        lines.append("The best one missed narrowly: look at it, or try more seeds with a larger --best-of.")
    else:
        lines.append("More seeds (a larger --best-of, another --seed) help only when some candidates come close.")
    return lines


def _troubles(gate: Gate) -> list[str]:
    """The figures because of which a gate did not pass, or else its reasons."""
    if gate.passed is not False:
        return []
    missed = [figure.name for figure in gate.figures if figure.value is True or (margin_of(figure) or 0.0) < 0]
    return missed or list(gate.reasons)


def _help(figure: str) -> str:
    return next((text for words, text in _WHAT_HELPS if any(word in figure for word in words)), "")
