"""Holes of a few pixels that a network left in the product: rings that show the backdrop, and clasps that do not."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_model
from torch import Tensor

from tests.support.jpeg import as_jpeg

SIDE = 480
GOLD, BLACK, WHITE = (0.78, 0.5, 0.05), (0.03, 0.03, 0.03), (1.0, 1.0, 1.0)
RING = (240.0, 132.0)
"""Where the ring is, above the pendant that hangs on it: x, y."""


def disc(at: tuple[float, float], radius: float) -> Tensor:
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    return (torch.hypot(x - at[0], y - at[1]) < radius).float()


def pendant(inside: tuple[float, float, float], hole: float, quality: int) -> Cutout:
    """A black pendant on a gold ring before white, what is `inside` the ring, as JPEG; a network sees little there."""
    body, ring, middle = disc((240, 250), 105), disc(RING, 15), disc(RING, hole)
    photo = torch.ones(SIDE, SIDE, 3)
    for where, colour in ((body, BLACK), (ring, GOLD), (middle, inside)):
        photo = torch.where(where[..., None] > 0.5, torch.tensor(colour), photo)
    photo = as_jpeg(gaussian_blur(photo.permute(2, 0, 1)[None], 1.2)[0].permute(1, 2, 0), quality)
    mask = torch.where(middle > 0.5, 0.2, torch.maximum(body, ring))
    mask = gaussian_blur(mask[None, None], 1.5)[0, 0]
    return from_model(photo, mask)


@pytest.mark.parametrize("hole", [5.5, 6.5, 8.0])
@pytest.mark.parametrize("quality", [75, 90])
def test_a_small_ring_that_both_leave_open_is_open(hole: float, quality: int) -> None:
    """Its edge tints it all around: it was filled with the backdrop's white, and believed."""
    cut = pendant(WHITE, hole, quality)
    assert float(cut.alpha[disc(RING, hole - 3) > 0.5].mean()) < 0.15, cut.report
    assert float(cut.alpha[disc((240, 250), 100) > 0.5].min()) > 0.9


@pytest.mark.parametrize("hole", [5.5, 8.0])
@pytest.mark.parametrize("colour", [(0.2, 0.3, 0.7), (0.55, 0.08, 0.1)])
def test_a_clasp_that_the_network_lost_is_kept(colour: tuple[float, float, float], hole: float) -> None:
    cut = pendant(colour, hole, 90)
    assert float(cut.alpha[disc(RING, 14) > 0.5].min()) > 0.9, cut.report
    assert cut.confidence >= TRUSTED
