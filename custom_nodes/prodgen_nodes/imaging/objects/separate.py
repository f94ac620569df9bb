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

from ..tensors import check_range
from .bridges import parted
from .holes import pinholes
from .things import Objects, Thing
from .touching import differently_coloured, seems_several

Labels = NDArray[np.int32]
Box = tuple[slice, slice]

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
"""Pixels that touch at a corner belong together, as in `handle.topology`."""
SEVERAL = "one outline: it may be several things that touch"


def separate(alpha: Tensor, min_area: float = MIN_AREA, colour: Tensor | None = None) -> Objects:
    """The objects of a matte `[H,W]` (1 = product), from the left to the right.

    Args:
        min_area: the least area of an object, as a share of the picture.
        colour: the picture `[H,W,3]`, sRGB: things of different colours that touch are noted, too.

    Returns:
        Their masks are disjoint: together they are the matte, without its specks and with its pinholes closed. The
        score of each is the mean of the matte where it is more than half covered.
    """
    check_range(min_area, 0.0, 1.0, "min_area")
    matte = alpha.detach().cpu().float().numpy()
    regions, count = ndimage.label(matte > 0.5, structure=_EIGHT)
    if count == 0:
        return Objects([])
    owner, specks = _owners(matte, regions, min_area * matte.size)
    seen = None if colour is None else colour.detach().cpu().float().numpy()
    things = [_thing(matte, owner, number, box, alpha.device, seen) for number, box in _from_the_left(owner)]
    things.sort(key=lambda thing: (thing.box.left, thing.box.top))  # where each is seen to begin, not its haze
    notes = [SEVERAL] if any(thing.notes for thing in things) else []
    return Objects(things, specks, notes)


def _owners(matte: NDArray[np.float32], regions: Labels, least: float) -> tuple[Labels, int]:
    """Which object (from 1) each pixel belongs to, 0 for none; and how many specks belong to none."""
    regions = parted(matte, regions, np.bincount(regions.ravel()), least)
    area = np.bincount(regions.ravel())
    area[0] = 0
    inside = _pixels_of(regions, area >= least)
    named = _pieces_joined(matte, area, inside)
    seeds = named[regions]
    hazes, count = ndimage.label(matte > _FAINT, structure=_EIGHT)
    # Each region lies in one haze: where it holds a single seed, it is that seed's, however far.
    held: dict[int, set[int]] = {}
    for number, pixel in inside.items():
        held.setdefault(int(hazes[pixel]), set()).add(int(named[number]))
    only = np.zeros(count + 1, dtype=np.int32)
    for haze, numbers in held.items():
        only[haze] = next(iter(numbers)) if len(numbers) == 1 else 0
    owner = only[hazes]
    _share_rest(owner, hazes, only == 0, {haze for haze, numbers in held.items() if len(numbers) > 1}, seeds)
    kept = np.zeros(len(area), dtype=bool)
    kept[regions[(owner > 0) & (regions > 0)]] = True
    return owner, int((area > 0).sum() - kept.sum())


def _pixels_of(regions: Labels, large: NDArray[np.bool_]) -> dict[int, tuple[int, int]]:
    """A pixel of each `large` region."""
    pixels = {}
    for number, box in enumerate(ndimage.find_objects(regions), 1):
        if box is not None and large[number]:
            row, column = np.unravel_index(np.argmax(regions[box] == number), regions[box].shape)
            pixels[number] = (int(row) + box[0].start, int(column) + box[1].start)
    return pixels


def _pieces_joined(
    matte: NDArray[np.float32], area: NDArray[np.int64], inside: dict[int, tuple[int, int]]
) -> NDArray[np.int32]:
    """For each region the object it is: itself, the much larger one that a bridge joins it to, or none (0)."""
    bridged, _ = ndimage.label(matte > _BRIDGE, structure=_EIGHT)
    named = np.zeros(len(area), dtype=np.int32)
    largest: dict[int, int] = {}
    for number in sorted(inside, key=lambda number: -area[number]):
        mate = largest.setdefault(int(bridged[inside[number]]), number)
        named[number] = mate if area[number] <= _PIECE * area[mate] else number
    return named


def _share_rest(owner: Labels, hazes: Labels, rest: NDArray[np.bool_], several: set[int], seeds: Labels) -> None:
    """Write into `owner` whose the pixels of the hazes `rest` are, which hold no seed or `several`.

    Around several seeds each pixel is the nearest one's; around none it is a piece of what it lies beside, or a speck.
    """
    rest[0] = False
    near = max(2.0, _NEAR * min(owner.shape))
    rows, columns = np.flatnonzero(rest[hazes].any(axis=1)), np.flatnonzero(rest[hazes].any(axis=0))
    if not rows.size or not seeds.any():
        return
    around = int(near) + 1
    box = (
        slice(max(0, rows[0] - around), rows[-1] + around + 1),
        slice(max(0, columns[0] - around), columns[-1] + around + 1),
    )
    here = seeds[box]
    if not here.any():
        return
    distance, place = ndimage.distance_transform_cdt(here == 0, "chessboard", return_indices=True)
    always = np.zeros(len(rest), dtype=bool)
    always[list(several)] = True
    mine = rest[hazes[box]] & (always[hazes[box]] | (distance <= near))
    owner[box][mine] = here[tuple(place)][mine]


def _from_the_left(owner: Labels) -> list[tuple[int, Box]]:
    """The objects' numbers as people count them, by where each begins, from the left; and the box of each."""
    boxes = [(number, box) for number, box in enumerate(ndimage.find_objects(owner), 1) if box is not None]
    return sorted(boxes, key=lambda entry: (entry[1][1].start, entry[1][0].start, entry[0]))


def _thing(
    matte: NDArray[np.float32],
    owner: Labels,
    number: int,
    box: Box,
    device: torch.device,
    seen: NDArray[np.float32] | None,
) -> Thing:
    mask = np.zeros_like(matte)
    part = np.where(owner[box] == number, matte[box], np.float32(0))
    solid = part > 0.5
    score = float(part[solid].mean())
    part[pinholes(solid, matte.size)] = 1.0
    mask[box] = part
    several = seems_several(solid) or (seen is not None and differently_coloured(solid, seen[box]))
    notes = (SEVERAL,) if several else ()
    return Thing(torch.from_numpy(mask).to(device), score, notes=notes)
