"""Pixels that several objects claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ..tensors import check_choice
from .things import Thing

OVERLAPS = ("keep", "split")


def shared_out(things: Sequence[Thing], overlap: str) -> list[Thing]:
    """The `things` of one picture, their shared pixels as asked.

    `keep`: every object has all that was found of it. `split`: a pixel belongs to the object that covers it most (to
    the one with the higher score where they cover it alike), and the others have what that one leaves; no pixel is
    covered more than once.
    """
    check_choice(overlap, OVERLAPS, "overlap")
    if overlap == "keep" or len(things) < 2:
        return list(things)
    masks = torch.stack([thing.mask for thing in things])
    if float(masks.sum(dim=0).max()) <= 1.0:  # nobody shares anything
        return list(things)
    rank = torch.tensor([thing.score for thing in things]).argsort(descending=True, stable=True).to(masks.device)
    most, place = masks[rank].max(dim=0)
    first, left = rank[place], 1.0 - most
    shares = []
    for number in range(len(things)):
        shares.append(torch.where(first == number, most, 0.0))
    for number in rank.tolist():
        rest = torch.where(first == number, 0.0, torch.minimum(masks[number], left))
        shares[number] += rest
        left = left - rest
    return [replace(thing, mask=share) for thing, share in zip(things, shares, strict=True)]
