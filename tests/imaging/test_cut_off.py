"""What the photo's lower border cuts off stands on nothing: no shadow there, and no word that it floats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.cut_off import lower_border
from prodgen_nodes.imaging.fidelity.judge import judge
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.shadow import Grounded, ground_and_shadow
from prodgen_nodes.imaging.tensors import bounding_box
from torch import Tensor

from .shadow_sketches import Sketch, bag, jar

CANVAS = 640
WHITE = (1.0, 1.0, 1.0)


def cut(mask: Tensor, left: int = 0, top: int = 0, right: int | None = None, bottom: int | None = None) -> Tensor:
    return mask[top:bottom, left:right].contiguous()


def trimmed(mask: Tensor) -> Tensor:
    box = bounding_box(mask)
    return cut(mask, box.left, box.top, box.right, box.bottom)


def worn(lean: float = 0.0, hem: float = 0.0) -> Tensor:
    """A shirt with arms and legs, which the photo cuts off at the knees; `hem`: how far its sides open downwards."""
    body = Sketch().polygon((140, 60), (260, 60), (270 + hem + lean, 260), (130 - hem + lean, 260))
    for x in (150, 220):
        body.polygon((x, 250), (x + 40, 250), (x + 36 + lean, 400), (x + 4 + lean, 400))
    return body.polygon((140, 70), (110, 80), (80, 250), (100, 255)).mask()


def placed(mask: Tensor, scale: float = 1.2) -> tuple[Tensor, Tensor, Placement]:
    """A photo's product, its mask and where it is on a white canvas."""
    height, width = mask.shape
    box = bounding_box(mask)
    shift = [CANVAS / 2 - scale * (low + high) / 2 for low, high in ((box.left, box.right), (box.top, box.bottom))]
    where = Placement(CANVAS, CANVAS, width, height, (Affine.scale_translate(scale, *shift),), (box,))
    product = torch.full((1, height, width, 3), 0.4)
    product[:, :, width // 2 :, 2] = 0.7
    return product, mask[None], where


def grounded(mask: Tensor, scale: float = 1.2) -> Grounded:
    product, own, where = placed(mask, scale)
    image, laid = place_on_background(product, own, where, WHITE)
    return ground_and_shadow(image, laid, borders=[lower_border(where, 0)])


def told(done: Grounded) -> dict[str, Any]:
    report: dict[str, Any] = done.reports[0]
    return report


@settings(max_examples=25, deadline=None)
@given(st.floats(-25, 25), st.floats(0, 40), st.integers(290, 395), st.floats(0.6, 1.5))
def test_what_is_cut_off_below_has_no_shadow(lean: float, hem: float, bottom: int, scale: float) -> None:
    done = grounded(cut(worn(lean, hem), bottom=bottom), scale)
    assert float(done.shadow.max()) == 0
    assert told(done)["kind"] == "none" and "lower border cuts the product off" in told(done)["notes"][0]


@pytest.mark.parametrize("bottom", [250, 300, 318])
def test_a_bottle_and_a_bag_without_their_base_have_none(bottom: int) -> None:
    for mask in (bag().mask(), jar().mask()):
        assert float(grounded(cut(mask, bottom=bottom)).shadow.max()) == 0


def test_what_ends_within_the_photo_stands() -> None:
    for mask in (bag().mask(), jar().mask()):
        done = grounded(mask)
        assert float(done.shadow.max()) > 0.2 and told(done)["notes"] == []
        assert torch.equal(done.image, ground_and_shadow(*plain(mask)).image)


def plain(mask: Tensor) -> tuple[Tensor, Tensor]:
    product, own, where = placed(mask)
    return place_on_background(product, own, where, WHITE)


def test_a_photo_trimmed_to_its_product_shows_all_of_it() -> None:
    """On all four sides; or below and above alone, where its round corners say that it ends."""
    for mask in (trimmed(bag().mask()), trimmed(jar().mask())):
        assert float(grounded(mask).shadow.max()) > 0.2
    box = bounding_box(jar().mask())
    assert float(grounded(cut(jar().mask(), top=box.top, bottom=box.bottom)).shadow.max()) > 0.2


def test_cut_off_at_another_side_it_stands() -> None:
    """A shoe whose toe is beyond the photo."""
    assert float(grounded(cut(bag().mask(), left=200)).shadow.max()) > 0.2
    assert float(grounded(cut(bag().mask(), top=200)).shadow.max()) > 0.2


def test_of_two_things_the_one_that_is_cut_off_has_none() -> None:
    both = Sketch().polygon((40, 100), (160, 100), (160, 300), (40, 300))
    both.polygon((240, 60), (360, 60), (360, 400), (240, 400))
    done = grounded(cut(both.mask(), bottom=380), 1.0)
    middle = CANVAS // 2
    assert float(done.shadow[0, :, :middle].max()) > 0.2
    assert float(done.shadow[0, CANVAS // 2 + 150 :, middle + 40 :].max()) < 0.02
    assert "lower border cuts the product off" in told(done)["notes"][0]


def test_what_is_cut_off_is_not_said_to_float() -> None:
    for mask, floating in ((cut(worn(), bottom=300), None), (bag().mask(), True)):
        product, own, where = placed(mask)
        image, _ = place_on_background(product, own, where, WHITE)
        report = judge(image, product, own, where)[0].report
        assert report["floating"] is floating, report["reasons"]
        assert report["passed"] is (floating is None)
    assert "lower border" in judge(*judged(cut(worn(), bottom=300)))[0].report["floating_note"]


def test_what_hangs_is_not_said_to_float() -> None:
    """A shoe in the air: nothing was expected below it; the shadow's own report asks to look at it."""
    shoe = Sketch().polygon((80, 120), (130, 90), (290, 250), (330, 330), (300, 335), (180, 260)).mask()
    report = judge(*judged(shoe))[0].report
    assert report["floating"] is None and "hang" in report["floating_note"] and report["passed"] is True


def judged(mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Placement]:
    product, own, where = placed(mask)
    return place_on_background(product, own, where, WHITE)[0], product, own, where


def test_a_turned_product_is_left_as_it_is() -> None:
    _, _, where = placed(cut(worn(), bottom=300))
    assert lower_border(where, 0) is not None
    turned = replace(where, transforms=(Affine(1.0, 0.1, 0.0, -0.1, 1.0, 0.0),))
    assert lower_border(turned, 0) is None
