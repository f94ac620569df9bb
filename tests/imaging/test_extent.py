"""How far a product reaches: see-through parts count, shadows that a file brings along do not."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.errors import EmptyMaskError
from prodgen_nodes.imaging.extent import product_box
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.tensors import Box, bounding_box
from prodgen_nodes.shops.inspection import product_fill

SIDE = 480
BODY = (190, 240, 290, 410)
"""Left, top, right and bottom of what is opaque."""


def rectangle(left: float, top: float, right: float, bottom: float, side: int = SIDE) -> torch.Tensor:
    """A sharp box with edges of a pixel and a half."""
    plane = torch.zeros(1, side, side)
    plane[:, round(top) : round(bottom), round(left) : round(right)] = 1.0
    return gaussian_blur(plane, 0.5)[0]


def ellipse(x: float, y: float, across: float, down: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    return ((((columns - x) / across) ** 2 + ((rows - y) / down) ** 2) < 1).float()


def body() -> torch.Tensor:
    return rectangle(*BODY)


def beside(alpha: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    """`more` under what is there already."""
    return alpha + more * (1 - alpha)


SEE_THROUGH = {
    "neck": ((226, 70, 254, 240), (190, 70, 290, 410)),
    "lid": ((170, 210, 310, 240), (170, 210, 310, 410)),
    "foot": ((200, 410, 280, 440), (190, 240, 290, 440)),
    "handle": ((290, 280, 340, 330), (190, 240, 340, 410)),
}
"""Parts of glass, and the box of the whole product."""
SHADOWS = {
    "soft": (gaussian_blur(ellipse(250, 405, 110, 14)[None], 9.0)[0], 0.45),
    "broad": (gaussian_blur(ellipse(270, 405, 140, 20)[None], 25.0)[0], 0.4),
    "contact": (gaussian_blur(ellipse(240, 408, 54, 4)[None], 1.5)[0], 0.45),
    "falls aside": (rectangle(240, 385, 460, 405) * ((460 - torch.arange(SIDE)) / 170).clamp(0, 1), 0.45),
}


def close(box: Box, wanted: tuple[int, int, int, int], within: int = 3) -> bool:
    return max(abs(a - b) for a, b in zip((box.left, box.top, box.right, box.bottom), wanted, strict=True)) <= within


@pytest.mark.parametrize("cover", [0.2, 0.3, 0.45])
@pytest.mark.parametrize("part", list(SEE_THROUGH))
@pytest.mark.parametrize("shadow", [None, "soft", "broad", "contact"])
def test_what_is_see_through_counts(part: str, cover: float, shadow: str | None) -> None:
    where, wanted = SEE_THROUGH[part]
    alpha = beside(body(), cover * rectangle(*where))
    if shadow is not None and part != "foot":
        plane, most = SHADOWS[shadow]
        alpha = beside(alpha, most * plane / plane.max())
    assert close(product_box(alpha), wanted)


@pytest.mark.parametrize("shadow", list(SHADOWS))
def test_a_shadow_that_a_file_brings_along_does_not_count(shadow: str) -> None:
    plane, most = SHADOWS[shadow]
    alpha = beside(body(), most * plane / plane.max())
    assert bounding_box(alpha, 0.1) != bounding_box(alpha)
    assert product_box(alpha) == bounding_box(alpha)


def test_nor_does_a_black_one_with_a_hard_edge_where_colours_are_known() -> None:
    shadow = 0.4 * ellipse(270, 405, 120, 10)
    own = body()
    alpha = beside(own, shadow)
    grey = torch.full((SIDE, SIDE, 3), 0.6)
    photo = grey * (own / alpha.clamp(min=1e-3)).clamp(max=1)[..., None]
    assert product_box(alpha, photo) == bounding_box(alpha)
    wanted = (150, 240, 390, 412)
    assert close(product_box(alpha, grey), wanted), "a grey foot of glass is one"
    placed = pose_product(alpha[None], 600, 600, "centered", 0.8, product=photo[None])[0]
    assert placed.box(0) == bounding_box(alpha)


def test_hair_and_what_lies_apart_do_not() -> None:
    hairs = torch.zeros(SIDE, SIDE)
    hairs[200:240, 200:280:9] = 0.4
    alpha = beside(beside(body(), hairs), 0.4 * rectangle(30, 30, 80, 80))
    assert product_box(alpha) == bounding_box(alpha)


def test_a_solid_product_has_the_box_it_always_had() -> None:
    alpha = gaussian_blur(body()[None], 3.0)[0]
    assert product_box(alpha) == bounding_box(alpha)


def test_nothing_that_covers_more_than_half_is_no_product() -> None:
    with pytest.raises(EmptyMaskError):
        product_box(0.4 * body())


@pytest.mark.parametrize("pose", ["centered", "marketplace", "on_surface"])
def test_a_bottle_with_a_neck_of_glass_lies_on_its_canvas_whole(pose: str) -> None:
    """It was placed by what is opaque of it, and its neck reached beyond the canvas."""
    alpha = beside(body(), 0.3 * rectangle(226, 40, 254, 240))
    photo = torch.full((1, SIDE, SIDE, 3), 0.3)
    placement, fits = pose_product(alpha[None], 500, 500, pose, product=photo)
    assert fits[0].cropped == 0
    image, mask = place_on_background(photo, alpha[None], placement, (1.0, 1.0, 1.0))
    fill, box = product_fill(mask[0].numpy())
    assert fill == pytest.approx(fits[0].fill, abs=0.005)
    assert box is not None and box[1] > 0
    assert float(image[0, : box[1] - 2].min()) == 1.0, "nothing of it lies above its box"
