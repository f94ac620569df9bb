"""The outline around the ends of the line under a product: smooth there, as it was everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
from prodgen_nodes.imaging.segmentation.ends import smooth_ends
from prodgen_nodes.imaging.segmentation.footing import Footing
from torch import Tensor

from tests.support.comfy import REPO

SIDE = 512


def footing(left: int, right: int, row: float, side: int = SIDE) -> Footing:
    """A line at `row` (pixel edges) under the columns `left` … `right`."""
    nothing = torch.zeros(side, side, dtype=torch.bool)
    certain = torch.zeros(side, dtype=torch.bool)
    certain[left:right] = True
    line = torch.full((side,), row)
    return Footing(nothing, nothing, line, certain, torch.zeros(side), (side, side), torch.zeros_like(certain))


def box(side: int = SIDE) -> Tensor:
    alpha = torch.zeros(side, side)
    alpha[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 1.0
    return alpha


@pytest.mark.parametrize("scale", [1, 3])
def test_a_spur_at_the_lines_end_goes_and_the_rest_stays(scale: int) -> None:
    side = SIDE * scale
    clean = box(side)
    frayed = clean.clone()
    bottom, column = side * 3 // 4, side // 2
    frayed[bottom : bottom + 3 * scale, column - scale : column + scale] = 0.6
    frayed[bottom - 2 * scale : bottom, column + 4 * scale : column + 6 * scale] = 0.0
    mended = smooth_ends(frayed, footing(SIDE // 4, SIDE // 2, SIDE * 0.75))
    beyond = slice(bottom + 2 * scale, bottom + 4 * scale), slice(column - 8 * scale, column + 10 * scale)
    assert float(frayed[beyond].max()) == pytest.approx(0.6)
    assert float(mended[beyond].max()) < 0.1  # what stuck out is gone
    above = slice(bottom - 4 * scale, bottom - 2 * scale), beyond[1]
    assert float(mended[above].min()) > 0.9
    reach = round(0.05 * side)
    far = torch.ones_like(clean, dtype=torch.bool)
    far[bottom - reach : bottom + reach, column - reach : column + reach] = False
    far[bottom - reach : bottom + reach, side // 4 - reach : side // 4 + reach] = False
    assert torch.equal(mended[far], frayed[far])


def test_a_thin_leg_is_left_alone() -> None:
    alpha = torch.zeros(SIDE, SIDE)
    alpha[100:400, 200:203] = 1.0
    assert torch.equal(smooth_ends(alpha, footing(200, 203, 400.0)), alpha)


def test_without_a_line_nothing_changes() -> None:
    alpha = box()
    assert torch.equal(smooth_ends(alpha, footing(0, 0, 0.0)), alpha)


@pytest.mark.first(1)
@pytest.mark.parametrize("name", ["handbag", "jar"])
def test_the_foot_of_the_examples_is_not_frayed(name: str) -> None:
    """Below the middle of a rendered product every half-transparent pixel lies at the outline itself."""
    with Image.open(REPO / "examples" / f"{name}.jpg") as photo:
        pixels = np.asarray(photo.convert("RGB"), dtype=np.float32) / 255
    alpha = from_plain_backdrop(torch.from_numpy(pixels)).alpha
    left, top, right, bottom = (int(side) for side in Image.fromarray(alpha.numpy() > 0.5).getbbox() or ())
    foot = alpha[bottom - (bottom - top) // 6 : bottom + 12, max(0, left - 12) : right + 12]
    solid = foot > 0.5
    inside = torch.nn.functional.max_pool2d((~solid).float()[None, None], 7, 1, 3)[0, 0] < 0.5
    outside = torch.nn.functional.max_pool2d(solid.float()[None, None], 7, 1, 3)[0, 0] < 0.5
    stray = ((foot > 0.1) & outside) | ((foot < 0.9) & inside)
    assert int(stray.sum()) <= 1
