"""Blurs and morphology against scipy, and the properties the pack relies on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging import filters
from scipy import ndimage


def picture(height: int = 160, width: int = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(1, 2, height, width, generator=generator)


@pytest.mark.parametrize("sigma", [0.6, 1.5, 4.0, 6.0])
def test_small_blur_agrees_with_scipy(sigma: float) -> None:
    x = picture()
    ours = filters.gaussian_blur(x, sigma)[0, 1].numpy()
    theirs = ndimage.gaussian_filter(x[0, 1].numpy(), sigma, mode="nearest", truncate=np.ceil(3 * sigma) / sigma)
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("sigma", [2.0, 2.2, 5.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (31, 3), (32, 33), (65, 62), (97, 128)])
def test_blur_of_any_size_agrees_with_scipy(size: tuple[int, int], sigma: float) -> None:
    x = picture(*size)
    ours = filters.gaussian_blur(x, sigma)[0, 1].numpy()
    theirs = ndimage.gaussian_filter(x[0, 1].numpy(), sigma, mode="nearest", truncate=np.ceil(3 * sigma) / sigma)
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("sigma", [8.0, 14.0, 30.0])
def test_large_blur_stays_close_to_scipy(sigma: float) -> None:
    step = torch.zeros(1, 240, 240)
    step[:, 60:170, 80:150] = 1.0
    ours = filters.gaussian_blur(step, sigma)[0].numpy()
    theirs = ndimage.gaussian_filter(step[0].numpy(), sigma, mode="nearest")
    assert np.abs(ours - theirs).max() < 0.02


def test_blur_keeps_shape_mean_and_input() -> None:
    x = picture()
    kept = x.clone()
    blurred = filters.gaussian_blur(x, 12.0)
    assert blurred.shape == x.shape and torch.equal(x, kept)
    assert torch.allclose(filters.gaussian_blur(torch.full((1, 50, 60), 0.3), 9.0), torch.tensor(0.3), atol=1e-5)
    assert torch.equal(filters.gaussian_blur(x, 0.0), x)


def test_masked_blur_ignores_what_is_outside() -> None:
    mask = torch.zeros(1, 100, 100)
    mask[:, 30:70, 30:70] = 1.0
    inside = torch.full((1, 1, 100, 100), 0.4)
    outside = torch.where(mask.unsqueeze(1) > 0, inside, torch.tensor(50.0))
    blurred = filters.masked_blur(outside, mask, 5.0)
    assert torch.allclose(blurred[0, 0, 30:70, 30:70], torch.tensor(0.4), atol=1e-4)


def test_half_weights_count_half() -> None:
    x = torch.zeros(1, 1, 40, 40)
    x[..., 20:] = 1.0
    weight = torch.ones(1, 40, 40)
    weight[..., 20:] = 0.5
    middle = float(filters.masked_blur(x, weight, 200.0)[0, 0, 20, 20])
    assert middle == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("radius", [1, 2, 5, 9])
def test_dilation_is_about_a_disc(radius: int) -> None:
    dot = torch.zeros(1, 41, 41)
    dot[0, 20, 20] = 1.0
    grown = filters.dilate(dot, radius)[0] > 0
    y, x = np.mgrid[-20:21, -20:21]
    assert bool(grown[20, 20 + radius]) and not bool(grown[20, 20 + radius + 1])
    area = float(grown.sum())
    assert 0.8 * np.pi * radius**2 < area < 1.25 * float((np.hypot(x, y) <= radius + 0.5).sum())


def test_erosion_mirrors_dilation_and_spares_the_frame() -> None:
    mask = (picture()[:, 0] > 0.3).float()
    assert torch.equal(filters.erode(mask, 3), 1 - filters.dilate(1 - mask, 3))
    assert float(filters.erode(torch.ones(1, 30, 30), 4).min()) == 1.0


def test_opening_and_closing() -> None:
    mask = torch.zeros(1, 60, 60)
    mask[:, 10:50, 10:50] = 1.0
    mask[:, 30, :] = 1.0
    mask[:, 20, 20:40] = 0.0
    assert float(filters.opened(mask, 2)[0, 30, 3]) == 0.0 and float(filters.opened(mask, 2)[0, 40, 40]) == 1.0
    assert float(filters.closed(mask, 2)[0, 20, 30]) == 1.0 and float(filters.closed(mask, 2)[0, 5, 5]) == 0.0
