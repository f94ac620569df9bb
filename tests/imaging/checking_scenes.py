"""Pictures of a drawn product for `check`: as it is, and changed in one way."""

from __future__ import annotations

import torch
from prodgen_nodes.imaging.checking import Seen, check_picture
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.tensors import bounding_box
from torch import Tensor

from tests.imaging.fidelity_scenes import product
from tests.support.jpeg import as_jpeg

SIDE = 300
CANVAS = 340


class Desk:
    """A product with its photo, and pictures made of it: 0.8 times as large, a little to the right."""

    def __init__(self, kind: str = "arch_bag", seed: int = 3) -> None:
        drawn = product(kind, seed, SIDE)
        rgb, alpha = drawn.tensors
        self.product, self.mask = rgb[0], alpha[0]
        backdrop = torch.tensor([0.9, 0.89, 0.87])
        self.photo = torch.lerp(backdrop.expand_as(self.product), self.product, self.mask[..., None])
        self.to_picture = Affine.scale_translate(0.8, 62.0, 40.0)

    def picture(
        self, rgb: Tensor | None = None, mask: Tensor | None = None, ground: float = 1.0, mirrored: bool = False
    ) -> Tensor:
        rgb, mask = self.product if rgb is None else rgb, self.mask if mask is None else mask
        where = Placement(CANVAS, CANVAS, SIDE, SIDE, (self.to_picture,), (bounding_box(mask),))
        scene = torch.full((1, CANVAS, CANVAS, 3), ground)
        done = paste_back(scene, rgb[None], mask[None], where, 1.0).image[0]
        return as_jpeg(done.flip(1) if mirrored else done)

    def report(self, picture: Tensor, mask: Tensor | None = None) -> dict[str, object]:
        ground = picture[2, 2]
        alpha = ((picture - ground).abs().amax(dim=-1) > 0.06).float()
        seen = Seen(alpha, [alpha] if bool(alpha.any()) else [], True)
        return check_picture(picture, self.product, self.mask if mask is None else mask, self.photo, seen).report


def without_foot(mask: Tensor) -> Tensor:
    box, kept = bounding_box(mask), mask.clone()
    kept[box.bottom - box.height // 7 :, : box.left + box.width // 3] = 0
    return kept


def with_part(picture: Tensor) -> Tensor:
    """Something red on the right of its outline."""
    picture = picture.clone()
    box = bounding_box(((picture - 1).abs().amax(dim=-1) > 0.06).float())
    middle = (box.top + 3 * box.bottom) // 4
    right = int(torch.nonzero((picture[middle] - 1).abs().amax(dim=-1) > 0.06).max())
    picture[middle - 12 : middle + 12, right : right + 23] = torch.tensor([0.5, 0.1, 0.1])
    return picture
