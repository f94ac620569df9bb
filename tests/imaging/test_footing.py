"""The line a product stands on, where a network took the darkest of the shadow under it for product."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import from_model, from_plain_backdrop
from prodgen_nodes.imaging.segmentation.footing import bites, risen
from scipy import ndimage

from tests.imaging.segmentation_products import errors, photographed, scene

BROWN, BLUE, OLIVE = (0.25, 0.10, 0.07), (0.05, 0.09, 0.30), (0.16, 0.17, 0.05)
GREY, CREAM = (0.80, 0.80, 0.80), (0.80, 0.74, 0.62)


def with_shadow(alpha: torch.Tensor, deep: int) -> torch.Tensor:
    """`alpha` `[H,W]` and a lens of shadow under its lowest rows, `deep` pixels in the middle."""
    solid = alpha > 0.5
    rows = torch.arange(alpha.shape[0]).unsqueeze(1)
    bottom = torch.where(solid, rows + 1, 0).amax(dim=0)
    columns = torch.nonzero(bottom).flatten()
    across = torch.linspace(-1, 1, len(columns))
    lens = torch.zeros(alpha.shape[1])
    lens[columns] = deep * (1 - across.square())
    below = (rows >= bottom) & (rows < bottom + lens) & (bottom > 0.75 * alpha.shape[0])
    return torch.where(below, 0.97, alpha)


@pytest.mark.each_once
@pytest.mark.parametrize("backdrop", [GREY, CREAM], ids=["grey", "cream"])
@pytest.mark.parametrize("product", [BROWN, BLUE, OLIVE], ids=["brown", "blue", "olive"])
@pytest.mark.parametrize("kind", ["bag", "twin"])
def test_a_shadow_that_a_network_took_for_the_foot_of_a_coloured_product_goes(
    kind: str, product: tuple[float, float, float], backdrop: tuple[float, float, float]
) -> None:
    made = scene(kind, 3, size=512, product=product, backdrop=backdrop)
    seen = with_shadow(made.alpha, 7)
    assert errors(seen, made.alpha)[1] > 0.04
    _, band, overlap = errors(from_model(made.photo, seen).alpha, made.alpha)
    assert band < 0.02
    assert overlap > 0.994


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.2])
@pytest.mark.parametrize("wide", [6, 20, 36])
def test_a_print_on_the_foot_is_no_rise_of_the_line(wide: int, slope: float) -> None:
    """Columns where the line jumps up and comes back are doubted; a slope, a rounded foot and an end are not."""
    columns = torch.arange(400.0)
    certain = (columns >= 50) & (columns < 350)
    line = 300 + slope * columns
    assert not bool(risen(line, certain, 77).any())
    assert not bool(risen(300 - (columns - 200).square() / 400, certain, 77).any())
    line[180 : 180 + wide] -= 4
    certain[100:120] = certain[260:290] = False  # here and there a column says nothing
    line[~certain] = 999.0
    found = risen(line, certain, 77)
    assert bool(found[182 : 178 + wide].all()) and int(found.sum()) <= wide + 4


@pytest.mark.each_once
@pytest.mark.parametrize("back", [(1.0, 1.0, 1.0), (0.75, 0.7, 0.6)])
@pytest.mark.parametrize("color", [(0.45, 0.3, 0.24), (0.12, 0.14, 0.3), (0.6, 0.1, 0.1)])
def test_the_straight_base_of_grained_colour_on_a_lit_floor_is_not_eaten(
    color: tuple[float, float, float], back: tuple[float, float, float]
) -> None:
    """Without a shadow the darkest rows near the base are the product's own texture."""
    generator = torch.Generator().manual_seed(1)
    grain = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 384, 384, generator=generator), 3, 1, 1)[0, 0]
    alpha = torch.zeros(384, 384)
    alpha[100:281, 90:300] = 1.0
    leather = (torch.tensor(color) * (1 + 0.75 * grain.unsqueeze(-1))).clamp(0, 1)
    photo = torch.where(alpha.unsqueeze(-1) > 0.5, leather, torch.tensor(back))
    photo = (photo + torch.randn(384, 384, 3, generator=generator) * 0.003).clamp(0, 1)
    lost = ((1 - from_model(photo, alpha).alpha) * alpha)[270:281].sum(dim=0)
    assert float(lost.mean()) < 0.15 and float(lost.max()) < 2.0, (float(lost.mean()), float(lost.max()))


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", [1, 4])
def test_the_base_of_grained_black_in_its_own_black_shadow_is_the_networks(seed: int) -> None:
    """Its darkest rows are pores of the leather: no line can be seen, and what a fine network drew stands."""
    rng = np.random.default_rng(seed)
    alpha = scene("bag", seed, size=512).alpha
    pores = np.maximum(0, 3.2 * ndimage.gaussian_filter(rng.standard_normal((512, 512)), 1.3)).astype(np.float32)
    leather = np.repeat(0.0035 + 0.014 * pores[..., None], 3, axis=2)
    made = photographed(alpha.numpy(), leather, rng, backdrop=(0.04, 0.041, 0.044), shadow=0.8)
    fine = torch.nn.functional.avg_pool2d(alpha[None, None], 3, 1, 1)[0, 0]
    cut = from_model(made.photo, fine)
    lost = ((1 - cut.alpha) * alpha)[int(0.78 * 512) :].sum(dim=0)
    assert float(lost.mean()) < 0.3, float(lost.mean())


@pytest.mark.each_once
@pytest.mark.parametrize("shadow", [0.0, 0.5], ids=["none", "soft"])
@pytest.mark.parametrize("tone", [0.05, 0.25, 0.45], ids=["black", "dark", "grey"])
def test_the_base_of_a_smooth_colourless_product_stays(tone: float, shadow: float) -> None:
    """Its last row was taken for shadow, and with it went all that is as smooth as that: the cut-out was refused."""
    side, bottom = 420, 378
    truth = torch.zeros(side, side)
    truth[70:190, 192:228] = truth[190:bottom, 160:260] = 1.0
    rows, columns = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    soft = torch.exp(-0.5 * (((columns - 210) / 50) ** 2 + ((rows - bottom) / 6.5) ** 2))
    photo = torch.where(truth > 0, tone, 1.0 - shadow * soft)[..., None].expand(-1, -1, 3).contiguous()
    cut = from_plain_backdrop((photo * 255).round() / 255)
    assert cut.confidence > 0.9
    assert float((cut.alpha - truth).abs()[bottom - 12 : bottom + 12, 164:256].max(dim=0).values.median()) < 0.3
    assert errors(cut.alpha, truth)[1] < 0.02


@pytest.mark.parametrize(("beyond", "bitten"), [(0.1, True), (0.6, False)], ids=["goes on", "ends"])
def test_a_dark_base_is_not_bitten_where_it_goes_on_beyond(beyond: float, bitten: bool) -> None:
    """Ten rows of black below a line of 60 columns: shadow only if what is beside them is another thing."""
    photo = torch.full((120, 200, 3), 0.8)
    photo[:90, 30:170] = 0.5
    photo[80:90, 30:170] = beyond
    photo[80:90, 70:130] = 0.1
    bottom, line = torch.full((200,), 90), torch.full((200,), 90.0)
    line[70:130] = 80.0
    cut = torch.zeros(200, dtype=torch.bool)
    cut[70:130] = True
    found = bites(photo, line, bottom, cut, 3)
    assert bool(found[70:130].all()) is bitten and not bool(found[:70].any()) and not bool(found[130:].any())
