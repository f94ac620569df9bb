"""A rough mask, whatever program made it, is read as the same area; and fits a photo it was painted on a copy of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.hint import fit_hint, painted_over, read_hint
from torch import Tensor

HEIGHT, WIDTH = 60, 80


def area(top: int = 15, left: int = 20, bottom: int = 50, right: int = 60) -> Tensor:
    mask = torch.zeros(HEIGHT, WIDTH)
    mask[top:bottom, left:right] = 1.0
    return mask


def grey(mask: Tensor) -> Tensor:
    return mask.unsqueeze(-1).expand(*mask.shape, 3)


def photo(seed: int = 0) -> Tensor:
    """Colours and mid-tones, as in any photo."""
    return 0.2 + 0.6 * torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(seed))


boxes = st.tuples(st.integers(1, 28), st.integers(1, 38), st.integers(32, 59), st.integers(42, 79))


@settings(max_examples=25, deadline=None)
@given(box=boxes, color=st.tuples(*[st.floats(0, 1)] * 3))
def test_every_way_to_paint_it_says_the_same(box: tuple[int, int, int, int], color: tuple[float, ...]) -> None:
    mask = area(*box)
    stroke = torch.tensor(color).expand(HEIGHT, WIDTH, 3)
    made = {
        "white on black": (grey(mask), None),
        "with a channel that is opaque everywhere": (grey(mask), torch.ones_like(mask)),
        "strokes on an empty layer": (stroke, mask),
        "the photo, painted over in the mask editor": (photo(), 1.0 - mask),
    }
    for way, (picture, alpha) in made.items():
        assert torch.equal(read_hint(picture, alpha)[0], mask), way


def test_soft_and_noisy_strokes_are_read_too() -> None:
    """As JPEG leaves them."""
    soft = torch.nn.functional.avg_pool2d(area()[None, None], 5, 1, 2)[0, 0]
    noisy = (soft + 0.05 * torch.randn(soft.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    assert ((read_hint(grey(noisy), None)[0] > 0.5).float() - area()).abs().mean() < 0.01


@pytest.mark.parametrize("alpha", [None, torch.ones(HEIGHT, WIDTH)], ids=["no alpha", "opaque"])
def test_a_photo_is_no_mask(alpha: Tensor | None) -> None:
    with pytest.raises(ParameterError, match=r"bag\.jpg is no mask.*Paint the product white"):
        read_hint(photo(), alpha, "bag.jpg")


def test_strokes_in_a_colour_on_black_are_not_guessed_at() -> None:
    red = torch.zeros(HEIGHT, WIDTH, 3)
    red[..., 0] = area()
    with pytest.raises(ParameterError, match="no mask"):
        read_hint(red, None)


@pytest.mark.parametrize("alpha", [None, torch.zeros(HEIGHT, WIDTH)], ids=["all black", "all transparent"])
def test_an_empty_mask_is_refused(alpha: Tensor | None) -> None:
    with pytest.raises(EmptyMaskError, match="marks no product"):
        read_hint(torch.zeros(HEIGHT, WIDTH, 3), alpha)


def test_a_cut_out_was_not_painted_over() -> None:
    assert painted_over(area(), photo()) is None
    assert painted_over(torch.ones(HEIGHT, WIDTH), photo()) is None
    one = torch.ones(HEIGHT, WIDTH)
    one[30, 40] = 0.0
    assert painted_over(one, photo()) is None, "a single pixel"


def before_a_wall(mask: Tensor) -> Tensor:
    """A photo of something where the mask is, before a plain wall."""
    return torch.where(mask.unsqueeze(-1) > 0, 0.5 * photo(), torch.tensor(0.8))


reaching = st.builds(
    lambda side, across, along, deep: (side, across, across + along, deep),
    st.sampled_from(["left", "top", "right", "bottom"]),
    st.floats(0.0, 0.3),
    st.floats(0.3, 0.7),
    st.floats(0.2, 0.7),
)


def at_the_edge(side: str, start: float, end: float, deep: float) -> Tensor:
    """A box that reaches the picture's edge on one side."""
    mask = torch.zeros(HEIGHT, WIDTH)
    if side in ("left", "right"):
        mask[round(start * HEIGHT) : round(end * HEIGHT), : round(deep * WIDTH)] = 1.0
        return mask.flip(1) if side == "right" else mask
    mask[: round(deep * HEIGHT), round(start * WIDTH) : round(end * WIDTH)] = 1.0
    return mask.flip(0) if side == "bottom" else mask


@settings(max_examples=60, deadline=None)
@given(box=reaching, brush=st.integers(0, 4))
def test_paint_over_a_product_that_reaches_the_edge_is_no_cut_out(
    box: tuple[str, float, float, float], brush: int
) -> None:
    """However the brush went: what was painted, and not all the rest."""
    product = at_the_edge(*box)
    paint = torch.nn.functional.max_pool2d(product[None, None], 2 * brush + 1, 1, brush)[0, 0]
    for picture in (before_a_wall(product), photo()):
        over = painted_over(1.0 - paint, picture)
        if float(torch.cat((paint[0], paint[-1], paint[:, 0], paint[:, -1])).mean()) < 0.3 or brush > 2:
            assert over is not None and torch.equal(over, paint)


@settings(max_examples=60, deadline=None)
@given(box=reaching, kept=st.booleans())
def test_a_cut_out_that_the_edge_cuts_off_is_one(box: tuple[str, float, float, float], kept: bool) -> None:
    """With its photo kept under what is transparent, or not."""
    alpha = at_the_edge(*box)
    picture = before_a_wall(alpha)
    assert painted_over(alpha, picture if kept else picture * alpha.unsqueeze(-1)) is None


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(40, 700),
    width=st.integers(40, 700),
    scale=st.floats(0.1, 4.0),
    rounding=st.sampled_from([np.floor, np.round, np.ceil]),
)
def test_a_copy_of_the_photo_at_any_size_fits(height: int, width: int, scale: float, rounding: object) -> None:
    size = [max(1, int(rounding(side * scale))) for side in (height, width)]  # type: ignore[operator]
    mask = torch.zeros(1, *size)
    mask[:, : (size[0] + 1) // 2] = 1.0
    fitted = fit_hint(mask, height, width)
    assert fitted.shape == (1, height, width)
    assert abs(float(fitted.mean()) - float(mask.mean())) < 0.05


@pytest.mark.parametrize("size", [(80, 60), (60, 60), (60, 84), (30, 42), (120, 150)])
def test_other_proportions_are_named(size: tuple[int, int]) -> None:
    wanted = rf"hint is {size[1]}×{size[0]} pixels and the photo 80×60: they have different proportions"
    with pytest.raises(ShapeError, match=wanted):
        fit_hint(torch.ones(1, *size), HEIGHT, WIDTH)


def test_a_hint_of_the_photos_own_size_stays_as_it_is() -> None:
    mask = area().unsqueeze(0)
    assert torch.equal(fit_hint(mask, HEIGHT, WIDTH), mask)
