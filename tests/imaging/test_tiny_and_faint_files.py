"""Files at the edge of what a cut-out can be made of: a pixel, a line, an alpha that is see-through all over."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.segmentation import from_file_alpha, from_looks, from_plain_backdrop

from .segmentation_products import scene


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (2, 2), (3, 3), (5, 400)])
def test_a_picture_of_any_size_is_cut_or_doubted(height: int, width: int) -> None:
    photo = torch.rand((height, width, 3), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros((320, 320))
    mask[100:200, 100:200] = 1.0
    for cut in (from_plain_backdrop(photo), from_looks(photo, lambda _: mask), from_looks(photo, lambda _: mask * 0)):
        assert cut.alpha.shape == (height, width) and cut.product.shape == (height, width, 3)
        assert bool(torch.isfinite(cut.alpha).all()) and 0.0 <= cut.confidence <= 1.0


@pytest.mark.parametrize("most", [0.2, 0.5, 0.8])
def test_a_cut_out_that_is_see_through_all_over_is_said_to_be(most: float) -> None:
    made = scene("bag", 1, size=256)
    cut = from_file_alpha(made.color, made.alpha * most)
    assert cut.confidence < 0.5 and "see-through all over" in cut.report["reasons"][0]
    assert from_file_alpha(made.color, made.alpha).confidence > 0.9
