"""What is worn hangs on a person or a hanger, or lies spread out: it stands on nothing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

GARMENTS = {
    399: "abaya", 400: "academic gown", 411: "apron", 445: "bikini", 459: "brassiere", 465: "protective vest",
    474: "cardigan", 501: "cloak", 568: "fur coat", 578: "gown", 601: "hoop skirt", 608: "jeans",
    610: "jersey or T-shirt", 614: "kimono", 617: "lab coat", 638: "swimsuit", 639: "swimsuit", 655: "miniskirt",
    689: "overskirt", 697: "pyjamas", 735: "poncho", 775: "sarong",
    834: "suit", 841: "sweatshirt", 842: "swimming trunks", 869: "trench coat",
    887: "vestment",
}  # fmt: skip
"""ImageNet's classes of what is worn and would not stand by itself, by their number."""
_GARMENT = 0.2
"""All of them together get so much at least. Of 280 cut-outs the eleven garments have .23 (a suit of which a part was
lost) to .80, and a wall hanging .26; everything else has .09 at most (a cap, a massager)."""


@dataclass(frozen=True)
class Garment:
    """What it looks like most, and the probability of all garments together, 0..1."""

    name: str
    share: float


def garment(probabilities: Tensor) -> Garment | None:
    """What is worn, by the `probabilities` `[1000]` of ImageNet's classes; None for anything else."""
    found = probabilities[list(GARMENTS)]
    share = float(found.sum())
    return Garment(list(GARMENTS.values())[int(found.argmax())], share) if share >= _GARMENT else None
