"""One matte of all products, taken apart into objects that do not touch.

An object is what hangs together. Where only a faint edge joins two, each pixel of it goes to the nearer one; a piece
that a glint has cut off goes back to the object beside it; what is too small for an object is a speck.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from .bridges import parted
from .found import Objects, Thing
from .holes import pinholes
from .touching import seems_several

Labels = NDArray[np.int32]

MIN_AREA = 0.001
"""The least area of an object, as a share of the picture: a ring in a catalogue picture of 1000² is some 30 pixels
wide. Half of it lets dust through, double of it loses earrings."""
_FAINT = 0.02
"""Alpha from which a pixel belongs to anything."""
_BRIDGE, _PIECE = 0.2, 0.1
"""A region of at most this share of a larger one's area, joined to it by an alpha of at least so much, is a piece of
it: a strap that thins out."""
_NEAR = 0.01
"""Specks within this fraction of the short side of an object are pieces of it."""
_EIGHT = np.ones((3, 3), dtype=bool)
SEVERAL = "one outline: it may be several things that touch"


def separate(alpha: Tensor, min_area: float = MIN_AREA) -> Objects:
    """The objects of a matte `[H,W]` (1 = product), from the left to the right.

    Args:
        min_area: the least area of an object, as a share of the picture.

    Returns:
        Their masks are disjoint: together they are the matte, without its specks and with its pinholes closed. The
        score of each is the mean of the matte where it is more than half covered.
    """
    matte = alpha.detach().cpu().float().numpy()
    regions, count = ndimage.label(matte > 0.5, structure=_EIGHT)
    if count == 0:
        return Objects([])
    owner, specks = _owners(matte, regions, count, min_area * matte.size)
    order = _from_the_left(owner)
    things = [_thing(matte, owner == number, alpha.device) for number in order]
    notes = [SEVERAL] if any(thing.notes for thing in things) else []
    return Objects(things, specks, notes)


def _owners(matte: NDArray[np.float32], regions: Labels, count: int, least: float) -> tuple[Labels, int]:
    """Which object (from 1) each pixel belongs to, 0 for none; and how many specks belong to none."""
    area = np.bincount(regions.ravel(), minlength=count + 1)
    regions = parted(matte, regions, area, least)
    area = np.bincount(regions.ravel())
    area[0] = 0
    large = area >= least
    seeds = _joined(matte, regions, area, large)
    if not seeds.any():
        return seeds, count
    hazes, number = ndimage.label(matte > _FAINT, structure=_EIGHT)
    many, only = _seeds_of(hazes, number, seeds)
    distance, place = ndimage.distance_transform_cdt(seeds == 0, "chessboard", return_indices=True)
    nearest = seeds[tuple(place)]
    near = distance <= max(2.0, _NEAR * min(matte.shape))
    # A haze around one object is that object's, however far; around several, each pixel is the nearest one's; around
    # none it is a piece of what it lies beside, or a speck.
    owner = np.where(many[hazes], nearest, np.where(only[hazes] > 0, only[hazes], np.where(near, nearest, 0)))
    owner = np.where(matte > _FAINT, owner, 0).astype(np.int32)
    kept = np.unique(regions[(owner > 0) & (regions > 0)])
    return owner, max(0, len(np.unique(regions)) - 1 - len(kept))


def _joined(matte: NDArray[np.float32], regions: Labels, area: NDArray[np.int64], large: NDArray[np.bool_]) -> Labels:
    """The `large` regions; a small one that a bridge joins to a much larger one has that one's number."""
    bridged, _ = ndimage.label(matte > _BRIDGE, structure=_EIGHT)
    numbers = np.flatnonzero(large)
    new = np.where(large, np.arange(len(area)), 0)
    first = {number: bridged[np.unravel_index(np.argmax(regions == number), regions.shape)] for number in numbers}
    for number in numbers:
        mates = [other for other in numbers if first[other] == first[number]]
        largest = max(mates, key=lambda other: area[other])
        if area[number] <= _PIECE * area[largest]:
            new[number] = largest
    return np.asarray(new[regions], dtype=np.int32)


def _seeds_of(hazes: Labels, number: int, seeds: Labels) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """For each haze: whether several seeds lie in it, and the seed where there is only one."""
    inside = seeds > 0
    pairs = np.unique(np.stack((hazes[inside], seeds[inside])), axis=1)
    held = np.bincount(pairs[0], minlength=number + 1)
    only = np.zeros(number + 1, dtype=np.int32)
    only[pairs[0]] = pairs[1]
    return held > 1, np.where(held == 1, only, 0).astype(np.int32)


def _from_the_left(owner: Labels) -> list[int]:
    """The objects' numbers as people count them: by where each begins, from the left."""
    boxes = ndimage.find_objects(owner)
    found = [(box[1].start, box[0].start, number) for number, box in enumerate(boxes, 1) if box is not None]
    return [number for _, _, number in sorted(found)]


def _thing(matte: NDArray[np.float32], mine: NDArray[np.bool_], device: torch.device) -> Thing:
    mask = np.where(mine, matte, np.float32(0))
    solid = mask > 0.5
    score = float(mask[solid].mean())
    mask[pinholes(solid)] = 1.0
    notes = (SEVERAL,) if seems_several(solid) else ()
    return Thing(torch.from_numpy(mask).to(device), score, notes=notes)
