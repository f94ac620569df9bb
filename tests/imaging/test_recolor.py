"""A part of a product in another colour: what it then has, what keeps its bits, and how a colour may be said."""

from __future__ import annotations

import re

import pytest
import torch
from prodgen_nodes.imaging.colorspace import chroma, delta_e00, linear_to_srgb, parse_hex, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.product.palette import name_of
from prodgen_nodes.imaging.product.words import listing_words
from prodgen_nodes.imaging.recolor import in_photo, recolor, swatch_color, target_color
from torch import Tensor

from tests.support.jpeg import as_jpeg

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


def patches(*colors: str) -> Tensor:
    """Upright bands of equal width, in the order of `colors`: `[SIDE,SIDE,3]` sRGB."""
    picture = torch.zeros(SIDE, SIDE, 3)
    wide = SIDE // len(colors)
    for number, color in enumerate(colors):
        picture[:, number * wide :] = linear_to_srgb(target_color(color))
    return picture


def test_black_leather_and_its_brown_trim_are_two_materials() -> None:
    """In the dark they lie next to each other in CIELAB: the trim was recoloured with the leather."""
    picture = patches("#2b2b2c", "#2b2b2c", "#543a2a")
    done = recolor(picture[None], torch.ones(1, SIDE, SIDE), target_color(RED))
    assert torch.equal(done.image[0][:, -SIDE // 4 :], picture[:, -SIDE // 4 :])
    assert float(done.part[0][:, : SIDE // 2].min()) > 0.9


def test_a_colour_that_fades_into_gloss_is_one_material() -> None:
    """A round red thing that mirrors more and more of a white room towards its side."""
    mirrored = torch.linspace(0, 0.75, SIDE)[None, :, None].square().expand(SIDE, SIDE, 3)
    picture = linear_to_srgb(target_color(RED) * 0.6 * (1 - mirrored) + 0.5 * mirrored)
    done = recolor(picture[None], torch.ones(1, SIDE, SIDE), target_color("#2a4f86"))
    assert float(done.part[0].mean()) > 0.97


def test_what_metal_mirrors_of_the_leather_stays_metal() -> None:
    picture = patches(TAN, TAN)
    picture[20:60, 20:60] = linear_to_srgb(GOLD)
    picture[36:42, 28:52] = linear_to_srgb(target_color(TAN))
    done = recolor(picture[None], torch.ones(1, SIDE, SIDE), target_color(RED))
    assert torch.equal(done.image[0][22:58, 22:58], picture[22:58, 22:58])
    assert any("another material encloses it" in line for line in done.reports[0]["warnings"]), "it may be no mirror"
    assert float(done.part[0][70:].min()) > 0.9


def test_a_material_is_named_by_its_colour() -> None:
    photo, mask, part = lit(TAN)
    gold = linear_to_srgb(GOLD)
    done = recolor(photo[None], mask[None], target_color(RED), part_color=srgb_to_linear(gold))
    assert done.reports[0]["material"] == 2 and float(done.part[0][part > 0.9].mean()) < 0.1
    with pytest.raises(ParameterError, match="no material of this product is #00aa55"):
        recolor(photo[None], mask[None], target_color(RED), part_color=target_color("#00aa55"))


def test_the_photo_around_keeps_its_bits_and_no_rim_of_the_old_colour() -> None:
    """An edge pixel is half product, half ground: the product's half alone changes."""
    old, new, ground = target_color(TAN), target_color("#101820"), 0.7
    mask = torch.zeros(8, 8)
    mask[:, :3], mask[:, 3] = 1.0, 0.5
    seen = linear_to_srgb(mask[..., None] * old + (1 - mask[..., None]) * ground)
    before, after = (linear_to_srgb(color).expand(8, 8, 3) for color in (old, new))
    done = in_photo(seen, before, after, mask)
    truth = linear_to_srgb(mask[..., None] * new + (1 - mask[..., None]) * ground)
    assert torch.allclose(done, truth, atol=1e-4) and torch.equal(done[:, 4:], seen[:, 4:])
    clear = 1 - mask
    assert torch.equal(in_photo(seen, before, after, mask, clear)[:, 4:], torch.ones(8, 4, 3))


def test_what_was_done_is_said_and_where_it_cannot_be_believed() -> None:
    photo, mask, part = lit(TAN)
    (told,) = recolor(photo[None], mask[None], target_color(RED)).reports
    assert told["said"][0].startswith("The ") and "is now" in told["said"][0] and "Left as it was" in told["said"][1]
    assert told["warnings"] == []
    black, mask, part = lit(BLACK)
    (told,) = recolor(black[None], mask[None], target_color(WHITE), part[None]).reports
    assert any("hold it beside the real thing" in line for line in told["warnings"])
    (told,) = recolor(patches(TAN, TAN, "#2255aa")[None], torch.ones(1, SIDE, SIDE), target_color(RED),
                      torch.ones(1, SIDE, SIDE)).reports  # fmt: skip
    assert any("not one colour" in line for line in told["warnings"])
    (told,) = recolor(photo[None], 0.6 * mask[None], target_color(RED), part[None]).reports
    assert any("behind it" in line for line in told["warnings"])


def printed() -> tuple[Tensor, Tensor, Tensor]:
    """A blue thing with white rings printed on it, each with a counter in the blue: picture, mask, the counters."""
    side = 240
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    mask = ((x > 20) & (x < 220) & (y > 20) & (y < 220)).float()
    picture = torch.full((side, side, 3), 0.95)
    shade = (0.9 + 0.1 * x / side)[..., None]
    picture = torch.where(mask[..., None] > 0, torch.tensor([0.1, 0.25, 0.6]) * shade, picture)
    counters = torch.zeros(side, side, dtype=torch.bool)
    for left in (60, 110, 160):
        away = ((x - left).square() + (y - 120).square()).float().sqrt()
        cover = ((20.5 - away).clamp(0, 1) * (away - 9.5).clamp(0, 1))[..., None]
        picture = picture * (1 - cover) + cover
        counters |= away < 7
    return picture, mask, counters


def test_what_print_encloses_is_recoloured_with_its_material() -> None:
    photo, mask, counters = printed()
    done = recolor(photo[None], mask[None], target_color(RED))
    assert float(done.part[0][counters].min()) > 0.9
    away = delta_e00(srgb_to_lab(done.image[0][counters]), srgb_to_lab(linear_to_srgb(target_color(RED))))
    assert float(away.max()) < 6


def test_no_rim_of_the_old_colour_is_left_at_a_hard_edge() -> None:
    """What is drawn in the old colour and recoloured is what is drawn in the new one, its soft pixels too."""
    photo, mask, _ = printed()
    done = recolor(photo[None], mask[None], target_color(RED)).image[0]
    blue = srgb_to_lab(done)[..., 2][30:210, 30:210]
    assert float(blue.min()) > -4, "b* of a blue rim is far below 0; that of white and of red is not"


def test_the_shares_that_are_said_are_one_whole() -> None:
    photo, mask, _ = printed()
    said = " ".join(recolor(photo[None], mask[None], target_color(RED)).reports[0]["said"])
    assert sum(map(int, re.findall(r"(\d+)%", said))) == 100, said


def test_a_title_calls_the_new_colour_as_the_report_does() -> None:
    photo, mask, _ = lit(TAN)
    done = recolor(photo[None], mask[None], target_color("white"))
    after = srgb_to_lab(torch.tensor(parse_hex(done.reports[0]["after"])))
    assert name_of(after) in listing_words(done.image[0], mask, after)["title"].casefold()


def shaded_card(color: Tensor) -> Tensor:
    """A card of linear `color` `[3]` in light that falls off to the right, a soft highlight on it."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 240), torch.linspace(0, 1, 240), indexing="ij")
    gloss = 0.03 + 0.12 * torch.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2) / 0.02)
    return linear_to_srgb(color * (1.0 - 0.3 * x)[..., None] + gloss[..., None]).clamp(0, 1)


@pytest.mark.parametrize("quality", [75, 93])
def test_the_squares_of_a_jpegs_colour_are_not_seen_on_what_was_pale(quality: int) -> None:
    """A cream box made navy was full of blocks: of a pale colour a step is a large part."""
    cream, navy = (srgb_to_linear(torch.tensor(color)) for color in ((0.92, 0.86, 0.72), (0.11, 0.11, 0.5)))
    truth = srgb_to_lab(shaded_card(navy))
    whole = torch.ones(240, 240)
    target = median(shaded_card(navy), whole)
    done = recolor(as_jpeg(shaded_card(cream), quality)[None], whole[None], target, whole[None]).image[0]
    lab = srgb_to_lab(done)
    assert float(delta_e00(lab, truth).mean()) < 1.25
    steps = [(lab.diff(dim=side) - truth.diff(dim=side)).square().sum(dim=-1).mean().sqrt() for side in (0, 1)]
    assert max(map(float, steps)) < 0.4  # 0.9 and 1.2 with each pixel by itself
