"""How the product is held, by pose: the words, the shot that shows it, and what words mean which pose."""

from __future__ import annotations

import re

from ..imaging.product.measure import Facts
from .choice import choose

POSES = ("held_beside_hips", "held_in_front", "held_in_hand", "held_by_legs", "on_surface", "centered")
"""Those of `imaging.posing.POSES` that a picture with a person uses (`marketplace` has none)."""

_SHOTS_OF = {
    "held_beside_hips": ("half body shot", "full body shot"),
    "held_in_front": ("half body shot", "close shot"),
    "held_in_hand": ("half body shot", "close shot"),
    "held_by_legs": ("full body shot",),
    "on_surface": ("full body shot", "half body shot"),
    "centered": ("close shot", "half body shot"),
}
_POSE_WORDS = (
    ("on_surface", r"\b(table|floor|surface|ground|shelf|counter|pedestal|bench)\b"),
    ("held_by_legs", r"\b(legs?|knees?|thighs?|calf|calves|arms? (hanging )?straight down|shoulders?|crossbody)\b"),
    ("held_beside_hips", r"\b(hips?|waist|by (the|her|his|their) side|at (the|her|his|their) side)\b"),
    ("held_in_hand", r"\b(fingers|hand) (closed )?around\b"),
    ("held_in_front", r"\b(in front|chest|both hands|before (the|her|his|their) body|palms?)\b"),
)
_SHOT_WORDS = (
    ("full body shot", r"\bfull[- ]?(body|length)\b|\bwide shot\b|\bhead to toe\b"),
    ("half body shot", r"\bhalf[- ]?(body|length)\b|\bmedium( close-up)? shot\b|\bwaist[- ]up\b|\bupper body\b"),
    ("close shot", r"\bclose([- ]?up)?\b"),
)


def shots_of(pose: str) -> tuple[str, ...]:
    """Shots in which the place that Place Product gives a pose makes sense, the usual one first."""
    return _SHOTS_OF[pose]


def pose_in(text: str) -> str | None:
    """The pose that words like "beside the hips" mean, or a pose's own name; None where nothing is said."""
    plain = text.strip().lower()
    if plain.replace(" ", "_").replace("-", "_") in POSES:
        return plain.replace(" ", "_").replace("-", "_")
    return next((pose for pose, pattern in _POSE_WORDS if re.search(pattern, plain)), None)


def shot_in(text: str) -> str | None:
    """The shot that the words mean, or None."""
    return next((shot for shot, pattern in _SHOT_WORDS if re.search(pattern, text.lower())), None)


def usual_pose(facts: Facts, seed: int, shot: str = "", *, one_hand: bool = False) -> str:
    """The pose by kind and size: what is large hangs by the legs. `shot`, where given, should show it.

    `one_hand`: what has no handle and is not large is held in one hand, as Grip Zone opens it.
    """
    poses = tuple(pose for pose in facts.kind.poses if shot in ("", *shots_of(pose))) or facts.kind.poses
    if one_hand and not facts.handle_word and facts.guess.size != "large":
        return "held_in_hand"
    if facts.guess.size == "large" and "held_by_legs" in poses:
        return "held_by_legs"
    return choose(seed, "pose", poses)


def holding(facts: Facts, pose: str) -> str:
    """How the product is held in `pose`, in the prompt's words."""
    item, grip = f"the {facts.noun}", f" by its {facts.handle_word}" if facts.handle_word else ""
    if pose in ("held_beside_hips", "held_in_hand"):
        place = "beside the hips, arm relaxed" if pose == "held_beside_hips" else "with the fingers around it"
        return f"holding {item}{grip} in one hand {place}, the other hand empty"
    if pose == "held_by_legs":
        return f"carrying {item}{grip} in one hand beside the legs, arm straight down, the other hand empty"
    if pose == "held_in_front":
        return f"holding {item}{grip} with both hands in front of the body"
    if pose == "centered":
        return f"presenting {item} to the camera{grip}, both hands around it"
    if facts.guess.kind == "furniture":
        return f"standing behind {item}, one hand resting on it"
    return f"{item} stands on a plain table in front of the person, both hands resting beside it"
