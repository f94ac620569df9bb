"""A part of a product in another colour: what it then has, what keeps its bits, and how a colour may be said."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.colorspace import chroma, delta_e00, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.recolor import recolor, swatch_color, target_color
from torch import Tensor

SIDE = 96
GOLD = torch.tensor([0.75, 0.6, 0.2])
TAN, RED, BLACK, WHITE = "#a8743f", "#a3212b", "#17171a", "#ece6da"


def lit(color: str) -> tuple[Tensor, Tensor, Tensor]:
    """A ball-like thing of `color` with a white highlight and a gold bar: picture, mask, the part of `color`."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    mask = ((x.square() + y.square()) < 0.8).float()
    shade = (0.75 - 0.4 * x - 0.2 * y).clamp(0.15, 1.2)[..., None]
    gloss = 0.03 + 0.5 * torch.exp(-((x + 0.35) ** 2 + (y + 0.3) ** 2) / 0.02)[..., None]
    picture = target_color(color) * shade + gloss
    bar = (y.abs() < 0.1) & (mask > 0)
    picture[bar] = GOLD
    picture[mask == 0] = 0.8
    return linear_to_srgb(picture.clamp(0, 1)), mask, mask * (~bar).float()


def median(picture: Tensor, part: Tensor) -> Tensor:
    return srgb_to_linear(picture[part > 0.9]).median(dim=0).values


@pytest.mark.parametrize(
    ("source", "wanted", "most"), [(TAN, RED, 1.5), (TAN, BLACK, 2.5), (TAN, WHITE, 2.5), (RED, TAN, 1.5)]
)
def test_it_comes_near_the_same_thing_made_in_that_colour(source: str, wanted: str, most: float) -> None:
    photo, mask, part = lit(source)
    truth, _, _ = lit(wanted)
    done = recolor(photo[None], mask[None], median(truth, part), part[None])
    inside = part > 0.9
    difference = delta_e00(srgb_to_lab(done.image[0][inside]), srgb_to_lab(truth[inside]))
    assert float(difference.mean()) < most


def test_a_highlight_keeps_the_lights_hue_and_all_else_its_bits() -> None:
    photo, mask, part = lit(TAN)
    done = recolor(photo[None], mask[None], target_color(RED), part[None])
    assert torch.equal(done.image[0][part == 0], photo[part == 0])
    lab = srgb_to_lab(done.image[0][part > 0.9])
    assert float(chroma(lab[lab[:, 0].argmax()])) < 0.6 * float(chroma(lab).median())


def test_a_material_is_found_by_its_colour_and_listed() -> None:
    photo, mask, part = lit(TAN)
    done = recolor(photo[None], mask[None], target_color("#224488"))
    agreed = ((done.part[0] > 0.5) == (part > 0.5)).float().mean()
    assert float(agreed) > 0.93
    listed = done.reports[0]["materials"]
    assert [one["number"] for one in listed] == list(range(1, len(listed) + 1)) and listed[0]["share"] > 0.5
    with pytest.raises(ParameterError, match="material is 8"):
        recolor(photo[None], mask[None], target_color(RED), material=8)


def test_a_black_and_a_white_thing_take_a_colour_too() -> None:
    for source in (BLACK, WHITE):
        photo, mask, part = lit(source)
        done = recolor(photo[None], mask[None], target_color(RED), part[None])
        after = linear_to_srgb(median(done.image[0], part))
        assert float(delta_e00(srgb_to_lab(after), srgb_to_lab(linear_to_srgb(target_color(RED))))) < 4
        assert not done.image.isnan().any()


def test_strength_and_batches() -> None:
    photo, mask, part = lit(TAN)
    same = recolor(photo[None], mask[None], target_color(RED), part[None], strength=0.0)
    assert torch.allclose(same.image[0], photo, atol=1e-5)
    two = recolor(torch.stack((photo, photo.flip(1))), torch.stack((mask, mask.flip(1))), target_color(RED))
    assert two.image.shape == (2, SIDE, SIDE, 3) and len(two.reports) == 2


def test_how_a_colour_is_said() -> None:
    assert torch.allclose(linear_to_srgb(target_color("#aa2211")), torch.tensor([170, 34, 17]) / 255, atol=1e-4)
    lab = srgb_to_lab(linear_to_srgb(target_color("Lab( 60, 20 ,-30.5)"))[None])[0]
    assert torch.allclose(lab, torch.tensor([60.0, 20.0, -30.5]), atol=0.05)
    swatch = torch.full((1, 50, 50, 3), 0.9)
    swatch[:, 8:42, 8:42] = torch.tensor([0.2, 0.4, 0.3])
    assert torch.allclose(linear_to_srgb(swatch_color(swatch)), torch.tensor([0.2, 0.4, 0.3]), atol=2e-3)
    for wrong in ("lab(200, 0, 0)", "lab(1,2)", "navvy", "#aa221180", ""):
        with pytest.raises(ParameterError):
            target_color(wrong)


def test_what_cannot_be_is_refused_in_words() -> None:
    photo, mask, part = lit(TAN)
    with pytest.raises(EmptyMaskError):
        recolor(photo[None], torch.zeros_like(mask)[None], target_color(RED))
    with pytest.raises(EmptyMaskError):
        recolor(photo[None], mask[None], target_color(RED), torch.zeros_like(part)[None])
    with pytest.raises(ShapeError):
        recolor(photo[None], mask[None], target_color(RED), part[None, :50])
