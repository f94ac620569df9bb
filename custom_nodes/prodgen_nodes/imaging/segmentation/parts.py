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
_COLLECTION, _NEXT = 4, 0.4
"""So many products are a collection; a smaller one belongs to it that has this share of the next larger one's area."""
_NEAR = 0.03
"""Parts within this fraction of the picture's short side belong together."""
_BESIDE = 0.12
"""What is left out within this fraction of the short side of the product may have belonged to it."""
_LETTERS, _ALIKE = 3, 0.6
"""How many small parts in a row are writing; and how alike their heights are at least."""


@dataclass(frozen=True)
class Extra:
    """Something beside the product: `kind` (`text`, `mark`, `object`) and its box (left, top, right, bottom)."""

    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Chosen:
    """The `likelihood` `[H,W]` of the product's parts alone, the `extras` that were left out, and which of their pixels
    lie `close` `[H,W]` bool to the product, so that they may have belonged to it."""

    likelihood: Tensor
    extras: list[Extra]
    close: Tensor


def choose_parts(likelihood: Tensor, parts: Parts) -> Chosen:
    """The parts of a soft mask `[H,W]` that are product."""
    regions = Regions(likelihood > 0.5)
    if regions.count == 0:
        return Chosen(likelihood, [], torch.zeros_like(likelihood, dtype=torch.bool))
    side, largest = min(likelihood.shape), regions.area.max()
    real = regions.area >= _SPECK * largest
    first = np.arange(regions.count) == regions.area.argmax()
    keep = first if parts == "largest" else regions.area >= _least_product(regions.area)
    if parts == "all":
        keep |= real
    away = _distances(regions, keep)
    if parts == "auto":
        keep |= real & (away <= _NEAR * side)
    dropped = real & ~keep
    extras = list(describe(regions.labels, dropped, tuple(likelihood.shape)))
    close = regions.chosen(dropped & (away < _BESIDE * side) & (parts == "auto"))
    return Chosen(torch.where(regions.chosen(~keep), 0.0, likelihood), extras, close)


def _least_product(area: NDArray[np.int64]) -> float:
    """The area from which a region is a product itself. A collection goes on as long as its sizes do."""
    least = _PEER * area.max()
    sizes = np.sort(area)[::-1]
    count = int((sizes >= least).sum())
    if count >= _COLLECTION:
        while count < sizes.size and sizes[count] >= max(_NEXT * sizes[count - 1], _SPECK * sizes[0]):
            count += 1
        return float(sizes[count - 1])
    return float(least)


def _distances(regions: Regions, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each region lies from the kept ones, in pixels."""
    away = ndimage.distance_transform_cdt(~np.concatenate(([False], keep))[regions.labels], "chessboard")
    return np.asarray(ndimage.minimum(away, regions.labels, np.arange(1, regions.count + 1)), dtype=np.float64)


def describe(labels: NDArray[np.int32], chosen: NDArray[np.bool_], size: tuple[int, ...]) -> Iterator[Extra]:
    """The `chosen` `[count]` regions of `labels` `[H,W]` as things beside the product; letters in a row: one text."""
    boxes = ndimage.find_objects(labels)
    remaining = [boxes[index] for index in np.flatnonzero(chosen)]
    remaining.sort(key=lambda box: (box[1].start, box[0].start))
    while remaining:
        first = remaining.pop(0)
        row = [first]
        rest: list[tuple[slice, ...]] = []
        for box in remaining:
            last = row[-1]
            tall = max(last[0].stop - last[0].start, 1)
            overlap = min(last[0].stop, box[0].stop) - max(last[0].start, box[0].start)
            apart = box[1].start - last[1].stop
            (row if overlap > _ALIKE * min(tall, box[0].stop - box[0].start) and apart < 2 * tall else rest).append(box)
        remaining = rest
        bounds = (
            min(box[1].start for box in row),
            min(box[0].start for box in row),
            max(box[1].stop for box in row),
            max(box[0].stop for box in row),
        )
        large = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) > 0.01 * size[0] * size[1]
        yield Extra("text" if len(row) >= _LETTERS else "object" if large else "mark", bounds)
