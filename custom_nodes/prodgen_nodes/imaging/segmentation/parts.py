"""Which separate parts of a cut-out are the product, and which only lie in the picture: a stamp, a logo, a card.

Things of like size are a pair or a set, and what lies close to them belongs to them. What is small and far away does
not; it is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from .regions import Regions

Parts = Literal["auto", "all", "largest"]
_SPECK = 0.002
"""Parts smaller than this share of the largest are noise."""
_PEER = 0.2
"""Parts of at least this share of the largest are products themselves."""
_NEAR = 0.03
"""Parts within this fraction of the picture's short side belong together."""
_LETTERS, _ALIKE = 3, 0.6
"""How many small parts in a row are writing; and how alike their heights are at least."""


@dataclass(frozen=True)
class Extra:
    """Something beside the product: `kind` (`text`, `mark`, `object`) and its box (left, top, right, bottom)."""

    kind: str
    box: tuple[int, int, int, int]

    def scaled(self, factor: float, left: int = 0, top: int = 0) -> dict[str, object]:
        """For the report, in the photo's own pixels."""
        x0, y0, x1, y1 = (round(value * factor) for value in self.box)
        return {"kind": self.kind, "bbox": [x0 + left, y0 + top, x1 + left, y1 + top]}


def choose_parts(likelihood: Tensor, parts: Parts) -> tuple[Tensor, list[Extra], int]:
    """`likelihood` `[H,W]` with the product's parts alone, what was left out, and how many products there are."""
    solid = likelihood > 0.5
    regions = Regions(solid)
    if regions.count == 0:
        return likelihood, [], 0
    largest = regions.area.max()
    peers = regions.area >= _PEER * largest
    near = max(1, round(_NEAR * min(solid.shape)))
    if parts == "largest":
        keep = regions.area == largest
        peers = keep
    else:
        keep = peers.copy()
        keep |= _close_to(regions, keep, near)
        if parts == "all":
            keep |= regions.area >= _SPECK * largest
        keep &= regions.area >= _SPECK * largest
    dropped = ~keep & (regions.area >= _SPECK * largest)
    extras = list(describe(regions.labels, dropped, solid.shape))
    groups = _groups(regions, peers, near)
    return torch.where(regions.chosen(~keep), 0.0, likelihood), extras, groups


def _close_to(regions: Regions, keep: NDArray[np.bool_], near: int) -> NDArray[np.bool_]:
    """Which regions lie within `near` pixels of the kept ones."""
    away = ndimage.distance_transform_cdt(~np.concatenate(([False], keep))[regions.labels], "chessboard")
    nearest = ndimage.minimum(away, regions.labels, np.arange(1, regions.count + 1))
    return np.asarray(nearest) <= near


def _groups(regions: Regions, peers: NDArray[np.bool_], near: int) -> int:
    """How many products the `peers` are: parts close to each other are one."""
    grown = ndimage.binary_dilation(np.concatenate(([False], peers))[regions.labels], iterations=max(1, near // 2))
    return int(ndimage.label(grown)[1])


def describe(labels: NDArray[np.int32], chosen: NDArray[np.bool_], size: tuple[int, ...]) -> Iterator[Extra]:
    """The `chosen` `[count]` regions of `labels` `[H,W]` as things beside the product; letters in a row: one text."""
    boxes = ndimage.find_objects(labels)
    found = [boxes[index] for index in np.flatnonzero(chosen)]
    found.sort(key=lambda box: (box[1].start, box[0].start))
    while found:
        first = found.pop(0)
        row = [first]
        rest: list[tuple[slice, ...]] = []
        for box in found:
            last = row[-1]
            tall = max(last[0].stop - last[0].start, 1)
            overlap = min(last[0].stop, box[0].stop) - max(last[0].start, box[0].start)
            apart = box[1].start - last[1].stop
            (row if overlap > _ALIKE * min(tall, box[0].stop - box[0].start) and apart < 2 * tall else rest).append(box)
        found = rest
        bounds = (
            min(box[1].start for box in row),
            min(box[0].start for box in row),
            max(box[1].stop for box in row),
            max(box[0].stop for box in row),
        )
        large = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) > 0.01 * size[0] * size[1]
        yield Extra("text" if len(row) >= _LETTERS else "object" if large else "mark", bounds)
