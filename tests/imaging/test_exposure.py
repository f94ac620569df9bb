"""A photo that was exposed too short is cut as the same photo in good light, and keeps its own colours."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks
from prodgen_nodes.imaging.segmentation.cutout import Look
from prodgen_nodes.imaging.segmentation.exposure import lift_of, lit
from torch import Tensor

from .segmentation_products import errors, scene


def darker(photo: Tensor, light: float) -> Tensor:
    """The photo as an 8-bit file with this share of its light."""
    return (linear_to_srgb(srgb_to_linear(photo) * light) * 255).round() / 255


def seeing(alpha: Tensor) -> Look:
    """A network that sees a product of this outline in a photo, and then in its mirror image."""
    seen = iter((alpha, alpha.flip(1)))
    return lambda _: next(seen)


@pytest.mark.each_once
@pytest.mark.parametrize("kind", ["bag", "twin", "jar"])
@pytest.mark.parametrize("light", [0.45, 0.2])
def test_in_less_light_it_is_the_same_cut_out(kind: str, light: float) -> None:
    made = scene(kind, 3, size=480, backdrop=(0.9, 0.9, 0.9), product=(0.55, 0.5, 0.45), noise=0.3)
    dark = darker(made.photo, light)
    good, dim = from_looks(made.photo, seeing(made.alpha)), from_looks(dark, seeing(made.alpha))
    assert lift_of(made.photo) == 1.0 < lift_of(dark)
    assert dim.confidence >= TRUSTED and abs(dim.confidence - good.confidence) <= 0.15, (dim.report, good.report)
    assert errors(dim.alpha, made.alpha)[2] >= 0.98
    solid = made.alpha > 0.999
    assert float((dim.product - dark).abs()[solid].mean()) < 1.5 / 255, "the product's colours are the photo's own"
    shown = dim.report["backdrop"]["color"]
    assert abs(int(shown[1:3], 16) / 255 - float(dark[:8].mean())) < 0.06, "and so is the backdrop's in the report"


def test_what_more_light_would_make_white_keeps_its_colour() -> None:
    made = scene("bag", 1, size=256)
    dark = darker(made.photo, 0.2)
    rows, columns = torch.where(made.alpha > 0.999)
    y, x = int(rows.max()) - 20, int(columns.float().mean())
    dark[y : y + 6, x : x + 6] = torch.tensor([0.98, 0.97, 0.9])
    cut = from_looks(dark, seeing(made.alpha))
    assert torch.allclose(cut.product[y + 2, x + 2], dark[y + 2, x + 2], atol=0.02)


@given(
    light=st.floats(0.02, 1.0),
    color=st.tuples(*[st.floats(0.0, 1.0)] * 3),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
@settings(max_examples=40, deadline=None)
def test_light_is_only_ever_added_and_taken_away_again(
    light: float, color: tuple[float, ...], size: tuple[int, int]
) -> None:
    photo = torch.tensor(color).expand(*size, 3) * light
    kept = photo.clone()
    lift = lift_of(photo)
    assert 1.0 <= lift <= 6.0
    bright = lit(photo, lift)
    assert torch.equal(photo, kept) and float(bright.max()) <= 1.0 and bool((bright >= photo - 1e-6).all())
    assert torch.allclose(lit(bright, 1 / lift), photo, atol=2e-3)
