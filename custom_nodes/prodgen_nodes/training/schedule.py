"""How the learning rate goes over a training."""

from __future__ import annotations

import math

from ..imaging.tensors import check_choice

SCHEDULES = ("cosine", "cosine_with_restarts", "constant")


def rate_factor(step: int, steps: int, schedule: str, warmup: float = 0.0, cycles: int = 1) -> float:
    """The share of the learning rate that counts at a step (0 is the first), 0..1.

    `warmup`: the share of the steps over which it rises in a line. Then as diffusers has it: `cosine` falls once to 0,
    `cosine_with_restarts` `cycles` times, `constant` stays. Raises ParameterError for an unknown schedule.
    """
    check_choice(schedule, SCHEDULES, "schedule")
    rising = round(steps * warmup)
    if step < rising:
        return (step + 1) / (rising + 1)
    if schedule == "constant":
        return 1.0
    done = (step - rising) / max(1, steps - rising)
    if done >= 1:
        return 0.0
    if schedule == "cosine_with_restarts":
        done = (done * cycles) % 1.0
    return 0.5 * (1 + math.cos(math.pi * done))


def draw_seed(seed: int, step: int) -> int:
    """The seed of what is drawn at random at one step: the same whether training got there at once or was resumed."""
    return (seed * 0x9E3779B97F4A7C15 + (step + 1) * 0xBF58476D1CE4E5B9) & 0x7FFFFFFFFFFFFFFF
