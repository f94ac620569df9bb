"""What a network sees of a picture, and what is made of its answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from prodgen_nodes.background_removal import ISNET, U2NETP, Architecture
from prodgen_nodes.background_removal.pixels import enlarge, prepare, stretch


def _photo(height: int, width: int) -> torch.Tensor:
    """8-bit levels as 0..1: large shapes, fine grain, saturated colours."""
    rng = np.random.default_rng(height * width)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [0.5 + 0.5 * np.sin(6 * x + k) * np.cos(9 * y - k) for k in range(3)]
    noisy = np.stack(waves, axis=-1) + rng.normal(0, 0.1, (height, width, 3))
    return torch.from_numpy((noisy.clip(0, 1) * 255).round().astype(np.float32) / 255).unsqueeze(0)


@pytest.mark.parametrize(("height", "width"), [(700, 900), (2100, 1300), (200, 260)])
def test_isnet_sees_what_its_authors_code_shows_it(height: int, width: int) -> None:
    photo = _photo(height, width)
    levels = Image.fromarray((photo[0].numpy() * 255).round().astype(np.uint8))
    wanted = (np.asarray(levels.resize((1024, 1024), Image.Resampling.BILINEAR), dtype=np.float32) - 128) / 256
    seen, box = prepare(photo, ISNET, 1024, squash=True)
    assert box is None
    assert np.abs(seen[0].permute(1, 2, 0).numpy() - wanted).max() < 1.01 / 256  # the reference rounds to 8 bits


@pytest.mark.parametrize("dimmed", [0.8, 0.5, 0.1])
def test_u2net_sees_a_picture_divided_by_its_maximum(dimmed: float) -> None:
    photo = _photo(600, 800) * 0.7  # the kernel's overshoot stays below 1
    seen, _ = prepare(photo, U2NETP, 320, squash=True)
    darker, _ = prepare(photo * dimmed, U2NETP, 320, squash=True)
    assert torch.allclose(seen, darker, atol=1e-4)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (U2NETP.mean, U2NETP.std))
    assert float((seen * std + mean).max()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("architecture", [ISNET, U2NETP], ids=lambda architecture: architecture.kind)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, float("nan"), float("inf")])
def test_a_constant_picture_is_finite(architecture: Architecture, value: float) -> None:
    for squash in (True, False):
        seen, _ = prepare(torch.full((1, 40, 90, 3), value), architecture, 64, squash=squash)
        assert seen.shape == (1, 3, 64, 64)
        assert bool(torch.isfinite(seen).all())


@given(low=st.floats(0, 0.4), reach=st.floats(0, 0.6))
def test_the_stretch_never_more_than_doubles(low: float, reach: float) -> None:
    mask = low + reach * torch.linspace(0, 1, 50)
    out = stretch(mask)
    assert 0 <= float(out.min()) <= 1e-6
    assert float(out.max()) <= min(1.0, 2 * reach) + 1e-5
    if reach >= 0.5:
        assert float(out.max()) == pytest.approx(1.0, abs=1e-5)


@given(st.integers(1, 70), st.integers(1, 70))
def test_a_mask_takes_any_size(height: int, width: int) -> None:
    out = enlarge(torch.linspace(0, 1, 1024).view(1, 32, 32), height, width)
    assert out.shape == (1, height, width)
    assert float(out.min()) >= 0 and float(out.max()) <= 1
