"""What stands on its own in one mask: two bottles, three cans, a pair of shoes, each with a shadow of its own.

Pieces that do not touch each other stand for themselves, unless one is right above a larger one: a handle whose ends
were erased is still its bag's. A lid that leans on nothing in front of its can is smaller than what it is below. Specks
of dirt stand nowhere.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

_CELLS = 512
"""Cells of the canvas' longer side in which pieces are told apart."""
_SPECK = 0.003
"""Of the largest piece: what is smaller is dirt, or a mark beside the product."""
_OVER = 0.34
"""Share of a piece's columns in which another lies below it, from which on it is above that one."""
_MOST = 12
"""More things than these are taken as one, a string of beads."""


def standing_things(alpha: Tensor) -> list[Tensor]:
    """The masks `[H,W]` of what stands on its own in `alpha` `[H,W]`, largest first; `alpha` itself where it is one."""
    step = max(1, -(-max(alpha.shape) // _CELLS))
    cells = F.max_pool2d(alpha[None, None], step, ceil_mode=True)[0, 0].cpu().numpy() > 0.5
    pieces, count = ndimage.label(cells, np.ones((3, 3)))
    if count < 2:
        return [alpha]
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    kept = [int(k) + 1 for k in np.flatnonzero(areas >= _SPECK * areas.max())]
    thing_of = _together(pieces, kept, areas)
    things = sorted(set(thing_of.values()), key=lambda thing: -sum(areas[k - 1] for k in kept if thing_of[k] == thing))
    if len(things) > _MOST or (len(things) == 1 and len(kept) == count):
        return [alpha]
    numbers = np.zeros(count + 1, np.uint8)
    for piece, thing in thing_of.items():
        numbers[piece] = things.index(thing) + 1
    # A cell beside a piece holds the rest of its edge.
    nearest = ndimage.distance_transform_edt(pieces == 0, return_distances=False, return_indices=True)
    owner = torch.from_numpy(numbers[pieces[tuple(nearest)]]).to(alpha.device)
    owner = owner.repeat_interleave(step, 0)[: alpha.shape[0]].repeat_interleave(step, 1)[:, : alpha.shape[1]]
    return [alpha * (owner == number + 1) for number in range(len(things))]


def _together(pieces: npt.NDArray[np.int32], kept: list[int], areas: npt.NDArray[np.int64]) -> dict[int, int]:
    """For each of the `kept` pieces the one that stands for its thing."""
    boxes = ndimage.find_objects(pieces)
    masks = {k: pieces[:, boxes[k - 1][1]] == k for k in kept}
    thing_of = {piece: piece for piece in masks}
    for piece, other in permutations(masks, 2):
        if areas[piece - 1] > areas[other - 1]:
            continue
        rows, columns = boxes[piece - 1]
        below = (pieces[rows.stop :, columns] == other).any(axis=0) & masks[piece].any(axis=0)
        if below.mean() > _OVER:
            old, new = thing_of[piece], thing_of[other]
            thing_of = {name: new if thing == old else thing for name, thing in thing_of.items()}
    return thing_of
