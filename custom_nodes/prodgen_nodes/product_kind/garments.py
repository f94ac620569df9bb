"""What is worn hangs on a person or a hanger, or lies spread out: it stands on nothing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..imaging.product.shape import solidity
from ..imaging.tensors import bounding_box

GARMENTS = {
    399: "abaya", 400: "academic gown", 411: "apron", 445: "bikini", 459: "brassiere", 465: "protective vest",
    474: "cardigan", 501: "cloak", 568: "fur coat", 578: "gown", 601: "hoop skirt", 608: "jeans",
    610: "jersey or T-shirt", 614: "kimono", 617: "lab coat", 638: "swimsuit", 639: "swimsuit", 655: "miniskirt",
    689: "overskirt", 697: "pyjamas", 735: "poncho", 775: "sarong",
    834: "suit", 841: "sweatshirt", 842: "swimming trunks", 869: "trench coat",
    887: "vestment",
}  # fmt: skip
"""ImageNet's classes of what is worn and would not stand by itself, by their number."""
_GARMENT = 0.3
"""All of them together get so much at least. Of 280 cut-outs ten garments have .37 to .80, a suit of which a part was
lost .23, a wall hanging .26; of everything else a cap has .09 at most, a white backpack (made pale) .26."""
_SURE = 0.5
"""From which on nobody need look: black headphones have .37, clothes on a stand with a foot .22 to .46."""
_SOLID = 0.985
"""Area over that of its convex hull from which a thing is a box or a tin with a shirt printed on it: those have .99 and
more, garments .67 to .984 (a cardigan); a skirt that is spread out is as solid, and keeps its shadow."""
_CELLS = 500
"""Pixels of a mask's longer side that are enough to tell its shape."""
_LEAST = 160
"""Pixels of its longer side below which a product is seen too badly: a doll of 90 is a cloak, one of 420 nothing."""


@dataclass(frozen=True)
class Garment:
    """What it looks like most, and the probability of all garments together, 0..1."""

    name: str
    share: float

    @property
    def is_sure(self) -> bool:
        return self.share >= _SURE


def garment(probabilities: Tensor, mask: Tensor) -> Garment | None:
    """What is worn, by the `probabilities` `[1000]` of ImageNet's classes and its `mask` `[H,W]`; None for anything
    else."""
    found = probabilities[list(GARMENTS)]
    share = float(found.sum())
    if share < _GARMENT or _is_too_small(mask) or _is_solid(mask):
        return None
    return Garment(list(GARMENTS.values())[int(found.argmax())], share)


def _is_too_small(mask: Tensor) -> bool:
    box = bounding_box(mask, 0.5, "mask")
    return max(box.width, box.height) < _LEAST


def _is_solid(mask: Tensor) -> bool:
    step = max(1, max(mask.shape) // _CELLS)
    return solidity((mask[::step, ::step] > 0.5).cpu().numpy()) >= _SOLID
