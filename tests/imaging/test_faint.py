"""The outline where the picture shows none: a fine network's contour instead of a frayed matte."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.segmentation import from_model
from prodgen_nodes.imaging.segmentation.faint import find_faint
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from .segmentation_products import edge_band


def grained(size: int, contrast: float) -> tuple[Tensor, Tensor]:
    """A disc of grained leather on grey, and its exact alpha; its mean is `contrast` (sRGB) darker."""
    y, x = torch.meshgrid(torch.arange(size * 4) / 4.0, torch.arange(size * 4) / 4.0, indexing="ij")
    disc = (torch.hypot(x - 0.5 * size, y - 0.5 * size) < 0.3 * size).float()
    alpha = avg_pool2d(disc[None, None], 4)[0, 0]
    made = torch.Generator().manual_seed(5)
    grain = interpolate(torch.randn((1, 1, size // 3, size // 3), generator=made), size=(size, size), mode="bilinear")
    leather = (0.42 - contrast + 0.1 * grain[0, 0]).unsqueeze(-1)
    photo = leather * alpha.unsqueeze(-1) + 0.42 * (1 - alpha.unsqueeze(-1))
    photo = photo.expand(-1, -1, 3) + torch.randn((size, size, 3), generator=made) * 0.004
    return photo.clamp(0, 1), alpha


def seen(alpha: Tensor, side: int = 1024) -> Tensor:
    """What a network of `side` pixels says of it: a soft edge in the right place."""
    small = interpolate(alpha[None, None], size=(side, side), mode="area")
    return avg_pool2d(small, 5, stride=1, padding=2)[0, 0]


def band_error(alpha: Tensor, truth: Tensor) -> float:
    return float((alpha - truth).abs()[torch.from_numpy(edge_band(truth.numpy()))].mean())


@pytest.mark.first(1)
@pytest.mark.parametrize("size", [700, 1500])
def test_a_grained_edge_is_not_frayed(size: int) -> None:
    photo, alpha = grained(size, contrast=0.08)
    cut = from_model(photo, seen(alpha))
    assert band_error(cut.alpha, alpha) < 0.06
    far = (alpha == 0) & (avg_pool2d(alpha[None, None], 17, stride=1, padding=8)[0, 0] == 0)
    assert float(cut.alpha[far].max()) < 0.02, "no halo beside the outline"
    assert float(cut.alpha[torch.roll(alpha, 8, 0) * torch.roll(alpha, -8, 0) >= 1].mean()) > 0.99


def test_a_clear_edge_is_the_pictures_own() -> None:
    """Wherever the network has it: here two pixels too far out."""
    photo, alpha = grained(600, contrast=0.4)
    wide = avg_pool2d(alpha[None, None], 5, stride=1, padding=2)[0, 0].gt(0.01).float()
    assert band_error(from_model(photo, seen(wide)).alpha, alpha) < 0.05


def test_it_can_be_drawn_at_every_size_and_stays_the_same() -> None:
    photo, alpha = grained(400, contrast=0.02)
    faint = find_faint(photo, alpha > 0.5, seen(alpha, 400), 1.0, torch.zeros_like(alpha, dtype=torch.bool))
    assert faint is not None
    first = faint.drawn(alpha.clone())
    assert torch.equal(faint.drawn(alpha.clone()), first)
    large = interpolate(alpha[None, None], size=(1200, 1200), mode="bilinear")[0, 0]
    drawn = faint.drawn(large.clone())
    assert drawn.shape == large.shape and float(drawn.min()) >= 0 and float(drawn.max()) <= 1
    assert float((drawn - large).abs().mean()) < 0.01


def test_a_coarse_network_draws_nothing() -> None:
    photo, alpha = grained(400, contrast=0.02)
    assert find_faint(photo, alpha > 0.5, alpha, 3.2, torch.zeros_like(alpha, dtype=torch.bool)) is None


@pytest.mark.parametrize("frayed", [True, False])
def test_a_frayed_outline_is_the_networks_and_an_even_one_may_be_another_edge(frayed: bool) -> None:
    """Both lie four pixels within the network's in the mean."""
    photo, alpha = grained(600, contrast=0.02)
    y, x = torch.meshgrid(torch.arange(600.0) - 300, torch.arange(600.0) - 300, indexing="ij")
    depth = 4.0
    if frayed:
        bites = torch.randn(90, generator=torch.Generator().manual_seed(3)).mul(4).add(4).clamp(0, 8)
        depth = bites[((torch.atan2(y, x) / 6.2832 + 0.5) * 89).long()]
    product = torch.hypot(x, y) < 180 - depth
    faint = find_faint(photo, product, seen(alpha, 600), 1.0, torch.zeros_like(product))
    weight = torch.ones_like(alpha) if faint is None else faint.weight
    mean = float(weight[(torch.hypot(x, y) - 178).abs() < 3].mean())
    assert mean < 0.5 if frayed else mean > 0.8, mean
