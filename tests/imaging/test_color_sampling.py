"""The quick ways of the colour maths against the plain ones they stand for."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.color.fix import METHODS, Method, Settings, fix_color
from prodgen_nodes.imaging.color.sampling import quantile, sampled
from prodgen_nodes.imaging.color_planes import sparse
from prodgen_nodes.imaging.filters import area_reduced

from .color_pairs import jar


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("count", [1, 2, 21, 1000])
def test_quantiles_are_torchs(share: float, count: int) -> None:
    values = torch.rand(count, generator=torch.Generator().manual_seed(count))
    assert quantile(values, share) == pytest.approx(float(torch.quantile(values, share)), abs=1e-6)


def test_what_is_sampled_was_chosen_and_is_even() -> None:
    chosen = torch.rand(400, 300, generator=torch.Generator().manual_seed(1)) > 0.3
    index = sampled(chosen)
    assert 20_000 <= index.numel() <= 40_000
    assert bool(chosen.flatten()[index].all()) and int(index.diff().max()) < 60
    assert torch.equal(sampled(chosen[:20]), torch.nonzero(chosen[:20].flatten()).flatten())
    assert sampled(chosen & ~chosen).numel() == 0


@pytest.mark.parametrize(("height", "width", "factor"), [(12, 12, 3), (13, 17, 2), (31, 8, 5), (3, 2, 4)])
def test_a_reduced_view_is_a_pooled_one(height: int, width: int, factor: int) -> None:
    pixels = torch.rand(1, 7, height, width, generator=torch.Generator().manual_seed(2))
    kept = pixels.clone()
    assert float((area_reduced(pixels, factor) - F.avg_pool2d(pixels, factor, ceil_mode=True)).abs().max()) < 1e-6
    assert torch.equal(pixels, kept)


@pytest.mark.parametrize("method", METHODS[1:])
def test_picking_pixels_and_working_on_all_give_the_same(method: Method) -> None:
    """The same product, once filling its box and once in a box that two corners of hardly any weight make larger."""
    pair = jar(side=160)
    filling = pair.mask * (torch.rand(1, 160, 160, generator=torch.Generator().manual_seed(3)) > 0.1)
    alone = filling.clone()
    alone[0, 0, 0] = alone[0, -1, -1] = 1e-7
    assert [sparse(each[each > -1]) is None for each in (filling[:, 25:130, 45:115], alone)] == [True, False]
    results = [
        fix_color(pair.generated, pair.original, mask, None, Settings(method, 0.8))[0] for mask in (filling, alone)
    ]
    inside = filling > 0
    off = (results[0] - results[1])[inside].abs()
    assert float(off.max()) < 1e-3  # a bisected chroma may end one step aside
    assert float(off.mean()) < 2e-6
    assert torch.equal(results[0][~inside], pair.generated[~inside])
