"""The shadow: darkest at the contact, never above it, gone before the border; the product itself untouched."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.compositing import mask_on_canvas, place_on_background
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.shadow import Grounded, Light, ground_and_shadow

from tests.imaging.shadow_sketches import STANDING, Sketch, bag, chair

WHITE = torch.ones(3)


def grounded(mask: torch.Tensor, *, scene: torch.Tensor = WHITE, **light: object) -> tuple[torch.Tensor, Grounded]:
    """A teal product of this mask on a plain scene, composited in linear light, and what became of it."""
    product = srgb_to_linear(torch.tensor([0.1, 0.45, 0.5]))
    alpha = mask[None, ..., None]
    image = linear_to_srgb(product * alpha + srgb_to_linear(scene) * (1 - alpha))
    image = torch.where(alpha == 0, scene, image)
    return image, ground_and_shadow(image, mask[None], Light(**light))  # type: ignore[arg-type]


def last_row(mask: torch.Tensor) -> torch.Tensor:
    """Per column the last row of the product, -1 where there is none."""
    rows = torch.arange(mask.shape[0])[:, None]
    return torch.where(mask > 0.5, rows, -1).amax(0)


@pytest.mark.parametrize("softness", [0.0, 0.5, 1.0])
def test_it_is_darkest_at_the_contact_and_fades_downwards(softness: float) -> None:
    mask = bag().mask()
    _, result = grounded(mask, softness=softness)
    column = result.shadow[0, :, 200]
    assert int(column.argmax()) in (319, 320, 321)
    assert float(column.max()) > 0.4
    below = column[321:]
    assert bool((below[1:] <= below[:-1] + 2e-3).all())
    assert float(below[3]) > 0.02


@pytest.mark.parametrize("name", STANDING)
def test_only_the_ground_beside_the_product_is_shaded(name: str) -> None:
    """Behind the product the ground rises a little in the picture; above that nothing is shaded."""
    mask = STANDING[name]().mask()
    _, result = grounded(mask)
    box = mask.nonzero()
    highest, tall = result.reports[0]["contact_line"][0], int(box[:, 0].max() - box[:, 0].min())
    assert float(result.shadow[0, : int(highest - 0.7 * tall)].max()) == 0


def test_the_product_and_the_unshaded_ground_keep_their_bits() -> None:
    mask = bag().mask()
    image, result = grounded(mask)
    whole = (mask >= 1)[None]
    assert torch.equal(result.image[whole], image[whole])
    clear = (result.shadow == 0) & (mask == 0)[None]
    assert torch.equal(result.image[clear], image[clear])
    assert float(clear.float().mean()) > 0.35
    changed = (result.image != image).any(-1)
    assert 0.01 < float(changed.float().mean()) < 0.4


@given(st.floats(0, 1), st.floats(0.05, 1), st.booleans(), st.floats(-360, 360), st.floats(5, 90))
@settings(max_examples=10, deadline=None)
def test_it_ends_before_the_border_whatever_the_light(
    softness: float, opacity: float, contact_only: bool, angle: float, height: float
) -> None:
    """The border of a white packshot stays exactly white when the product leaves it room."""
    mask = torch.nn.functional.avg_pool2d(bag().mask()[None], 2)[0]
    image, result = grounded(
        mask, softness=softness, opacity=opacity, contact_only=contact_only, angle=angle, height=height
    )
    for edge in ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1)):
        assert torch.equal(result.image[0][edge], image[0][edge])
    assert not result.reports[0]["reaches_border"]
    assert float(result.shadow.min()) >= 0 and float(result.shadow.max()) <= Light(opacity=opacity).darkest + 1e-6
    assert float(result.image.min()) >= 0 and float(result.image.max()) <= 1
    assert bool((result.image <= image + 1e-6).all())


def test_it_fades_smoothly() -> None:
    """No visible line: one pixel step below the contact's own columns is small once past the contact."""
    _, result = grounded(bag().mask())
    picture = result.image[0, 330:, :, 0]
    assert float((picture[1:] - picture[:-1]).abs().max()) < 0.03
    assert float((picture[:, 1:] - picture[:, :-1]).abs().max()) < 0.03
    tail = picture[picture < 1]
    assert float(tail.max()) > 254.5 / 255


def test_light_is_taken_in_linear_light_and_the_mask_says_how_much() -> None:
    image, result = grounded(bag().mask(), scene=torch.tensor([0.8, 0.6, 0.4]))
    ground = (bag().mask() == 0)[None]
    expected = srgb_to_linear(image[ground]) * (1 - result.shadow[ground])[:, None]
    apart = (srgb_to_linear(result.image[ground]) - expected).abs().amax(dim=-1)
    # But for a pixel or two where a pale seam was closed, by less than can be seen.
    assert float((apart > 1e-5).float().mean()) < 1e-4
    assert float(apart.max()) < 0.02


def test_no_bright_rim_remains_between_product_and_shadow() -> None:
    """A soft edge of a dark product: from product to shadow no pixel is brighter than the shaded ground beside it."""
    mask = torch.nn.functional.avg_pool2d(bag().mask()[None, None], 5, 1, 2)[0, 0]
    image, result = grounded(mask)
    column, before = result.image[0, 310:330, 200, 0], image[0, 310:330, 200, 0]
    assert float(before.max()) == 1
    assert float(column[:14].max()) <= float(column[14]) + 0.02
    assert bool((column[1:] >= column[:-1] - 0.02).all())


def test_feet_have_a_shadow_each() -> None:
    _, result = grounded(chair().mask())
    for touch in result.reports[0]["contacts"]:
        below = result.shadow[0, int(touch["bottom"]) : int(touch["bottom"]) + 3, touch["left"] : touch["right"]]
        assert float(below.max()) > 0.3
    between = result.shadow[0, 345:350, 165:185]
    assert 0.01 < float(between.max()) < 0.2


def test_softer_is_wider_and_more_opaque_is_darker() -> None:
    mask = bag().mask()
    crisp, soft = (grounded(mask, softness=softness)[1].shadow for softness in (0.1, 0.9))
    assert float((soft > 0.02).sum()) > 1.3 * float((crisp > 0.02).sum())
    light, dark = (grounded(mask, opacity=opacity)[1].shadow for opacity in (0.2, 0.8))
    share = Light(opacity=0.8).darkest / Light(opacity=0.2).darkest
    assert float(dark.max()) == pytest.approx(share * float(light.max()), rel=0.01)


@pytest.mark.parametrize("opacity", [0.0, 0.3, 0.7, 1.0])
def test_opacity_is_that_of_a_layer_of_black(opacity: float) -> None:
    darkest = linear_to_srgb(torch.tensor(1 - Light(opacity=opacity).darkest))
    assert float(darkest) == pytest.approx(1 - opacity, abs=1e-4)


def test_opacity_0_changes_nothing() -> None:
    image, result = grounded(bag().mask(), opacity=0.0, contact_only=False)
    assert torch.equal(result.image, image)
    assert float(result.shadow.max()) == 0


def test_the_cast_shadow_falls_away_from_the_light() -> None:
    mask = bag().mask()
    plain = grounded(mask)[1].shadow[0]

    def extra(angle: float) -> torch.Tensor:
        cast = grounded(mask, angle=angle, height=40.0, contact_only=False)[1].shadow[0]
        return cast - plain

    columns = torch.arange(400) + 0.5

    def middle(shade: torch.Tensor) -> float:
        return float((shade.clamp(min=0).sum(0) * columns).sum() / shade.clamp(min=0).sum())

    assert middle(extra(60.0)) < 190  # light from the right, shadow to the left
    assert middle(extra(300.0)) > 210
    towards, away = extra(0.0), extra(180.0)
    assert float(towards[:290].max()) < 0.01 and float(towards[325:].max()) > 0.05
    assert float(away[:310].max()) > 0.05


def test_the_cast_shadow_grows_softer_with_distance() -> None:
    shade = grounded(bag().mask(), angle=0.0, height=25.0, softness=0.6, contact_only=False)[1].shadow[0]

    def sharpest(row: int) -> float:
        line = shade[row, :200]
        return float((line[1:] - line[:-1]).max() / line.max())

    assert sharpest(326) > 1.5 * sharpest(350)


def test_the_ground_lies_under_the_product_with_a_soft_horizon() -> None:
    _, result = grounded(chair().mask())
    ground = result.ground[0]
    highest = int(result.reports[0]["contact_line"][0])
    assert bool((ground[highest + 1 :] == 1).all())
    assert bool((ground[: highest - 80] == 0).all())
    rise = ground[:, 0]
    assert bool((rise[1:] >= rise[:-1]).all()) and float((rise[1:] - rise[:-1]).max()) < 0.1


def test_a_product_on_the_border_is_shaded_as_far_as_there_is_room_and_said_so() -> None:
    mask = torch.zeros(100, 100)
    mask[30:, 20:80] = 1
    _, result = grounded(mask)
    assert any("border" in note for note in result.reports[0]["notes"])
    assert bool(torch.isfinite(result.image).all())


def test_every_picture_of_a_batch_has_its_own_shadow() -> None:
    masks = torch.stack((bag().mask(), torch.roll(bag().mask(), (-60, 40), (0, 1))))
    result = ground_and_shadow(torch.ones(1, 400, 400, 3), masks)
    assert result.image.shape == (2, 400, 400, 3) and len(result.reports) == 2
    first, second = (report["contact_line"][1] for report in result.reports)
    assert first - second == pytest.approx(60, abs=1)
    with pytest.raises(ShapeError, match=r"\(3, 400, 400, 3\).*\(2, 400, 400\)"):
        ground_and_shadow(torch.ones(3, 400, 400, 3), masks)


def test_wrong_inputs_are_named() -> None:
    image, mask = torch.ones(1, 40, 50, 3), torch.zeros(1, 40, 50)
    with pytest.raises(EmptyMaskError):
        ground_and_shadow(image, mask)
    with pytest.raises(ShapeError, match="64×64"):
        ground_and_shadow(image, torch.ones(1, 64, 64))
    mask[:, 10:30, 10:30] = 1
    for name, value in (("opacity", 2.0), ("softness", -1.0), ("height", 0.0), ("angle", float("nan"))):
        with pytest.raises(ParameterError, match=name):
            ground_and_shadow(image, mask, dataclasses.replace(Light(), **{name: value}))
    with pytest.raises(ShapeError):
        ground_and_shadow(torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1))


def test_no_input_is_changed() -> None:
    image, mask = torch.rand(1, 400, 400, 3), bag().mask()[None]
    before = image.clone(), mask.clone()
    ground_and_shadow(image, mask, Light(contact_only=False))
    assert torch.equal(image, before[0]) and torch.equal(mask, before[1])


def test_the_photos_own_mask_is_placed_and_the_canvas_mask_is_taken_as_it_is() -> None:
    mask = torch.roll(bag().mask(), (30, -50), (0, 1))[None]
    placement, _ = pose_product(mask, 300, 360, "on_surface")
    _, placed = place_on_background(torch.rand(1, 400, 400, 3), mask, placement, (1.0, 1.0, 1.0))
    assert torch.equal(mask_on_canvas(mask, placement, 300, 360), placed)
    assert torch.equal(mask_on_canvas(placed, placement, 300, 360), placed)
    same, _ = pose_product(mask, 400, 400, "on_surface")
    _, placed = place_on_background(torch.rand(1, 400, 400, 3), mask, same, (1.0, 1.0, 1.0))
    assert torch.equal(mask_on_canvas(mask, same, 400, 400), placed)
    assert torch.equal(mask_on_canvas(placed, same, 400, 400), placed)
    with pytest.raises(ShapeError, match=r"200×200.*300×360.*400×400"):
        mask_on_canvas(torch.ones(1, 200, 200), placement, 300, 360)


def test_sketches_are_antialiased() -> None:
    mask = Sketch(40, 40).ellipse(5, 5, 35, 35).mask()
    assert bool(((mask > 0.2) & (mask < 0.8)).any())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device (needs an NVIDIA GPU and its torch)")
def test_cuda_gives_what_the_cpu_gives() -> None:
    image, mask, light = torch.ones(1, 400, 400, 3), chair().mask()[None], Light(contact_only=False)
    here, there = ground_and_shadow(image, mask, light), ground_and_shadow(image.cuda(), mask.cuda(), light)
    assert there.image.is_cuda
    assert float((there.shadow.cpu() - here.shadow).abs().max()) < 1e-3
