"""A photo that shows less than it has pixels is not trusted to show an outline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_looks
from prodgen_nodes.imaging.segmentation.detail import is_blurred
from torch import Tensor

from .segmentation_products import scene

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTOS = ["handbag", "jar", "shoes", "brown_bag", "berry_bag_terrace"]


def photo(name: str, side: int = 640) -> Image.Image:
    opened = Image.open(EXAMPLES / f"{name}.jpg").convert("RGB")
    opened.thumbnail((side, side))
    return opened


def tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture, np.float32) / 255)


def enlarged(picture: Tensor, times: int) -> Tensor:
    """Reduced to so small a part of its size, and enlarged again."""
    small = F.interpolate(picture.permute(2, 0, 1)[None], scale_factor=1 / times, mode="area")
    return F.interpolate(small, size=picture.shape[:2], mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)


@pytest.mark.first(2)
@pytest.mark.parametrize("name", PHOTOS)
def test_what_was_enlarged_is_told_from_what_is_sharp(name: str, tmp_path: Path) -> None:
    sharp = tensor(photo(name))
    photo(name).save(tmp_path / "small.jpg", quality=60)
    noisy = (sharp + 0.03 * torch.randn(sharp.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    half = tensor(photo(name, 320))
    dim = 0.6 * sharp
    for usual in (sharp, tensor(Image.open(tmp_path / "small.jpg")), noisy, half, dim, 0.5 + sharp / 2):
        assert not is_blurred(usual)
    for times in (6, 8):
        assert is_blurred(enlarged(sharp, times))


def test_nothing_to_see_says_nothing() -> None:
    assert not is_blurred(torch.full((400, 400, 3), 0.5))
    assert not is_blurred(torch.rand(20, 500, 3))


def test_an_enlarged_photo_is_cut_out_and_not_trusted() -> None:
    made = scene("bag", 1, size=480)

    def cut_out(picture: Tensor) -> Cutout:
        return from_looks(picture, lambda seen: made.alpha if torch.equal(seen[0], picture) else made.alpha.flip(1))

    sharp, blurred = cut_out(made.photo), cut_out(enlarged(made.photo, 6))
    assert sharp.confidence >= TRUSTED, sharp.report
    assert 0.5 <= blurred.confidence < TRUSTED
    assert "blurred" in blurred.report["reasons"][-1]
