"""What a text-prompted detector answers, as objects with masks: score times presence, best first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..tensors import check_range


@dataclass(frozen=True)
class Proposal:
    """One find: its `mask` `[h,w]`, the probability of each pixel, and its `score` 0..1."""

    mask: Tensor
    score: float


def proposals(scores: Tensor, presence: Tensor | None, masks: Tensor, threshold: float, most: int) -> list[Proposal]:
    """The finds whose score reaches `threshold`, best first, at most so many.

    Args:
        scores: logits `[N]`, one a find: how well it fits the words.
        presence: logit, whether what the words name is in the picture at all; None where the network does not say.
            Without it, a network that must choose finds the likest thing in a picture that has none.
        masks: logits `[N,h,w]`.
    """
    check_range(threshold, 0.0, 1.0, "threshold")
    likely = scores.sigmoid()
    if presence is not None:
        likely = likely * presence.float().reshape(-1)[0].sigmoid().to(likely)
    order = likely.argsort(descending=True)[:most].tolist()
    return [
        Proposal(torch.sigmoid(masks[index]), float(likely[index]))
        for index in order
        if float(likely[index]) >= threshold and bool((masks[index] > 0).any())
    ]
