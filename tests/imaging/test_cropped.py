"""A file's own transparency in a plain figure: a flat product, or a photo that was only cropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from prodgen_nodes.imaging.file_alpha import is_plain_figure, outlines
from prodgen_nodes.imaging.segmentation import TRUSTED, from_own_alpha
from torch import Tensor

from .segmentation_products import Scene, errors, scene

SIDE = 300
Draw = Callable[[ImageDraw.ImageDraw, tuple[float, float, float, float]], None]


def box(pen: ImageDraw.ImageDraw, corners: tuple[float, float, float, float]) -> None:
    pen.rectangle(corners, fill=255)


def rounded(pen: ImageDraw.ImageDraw, corners: tuple[float, float, float, float]) -> None:
    pen.rounded_rectangle(corners, 0.12 * min(corners[2] - corners[0], corners[3] - corners[1]), fill=255)


def ellipse(pen: ImageDraw.ImageDraw, corners: tuple[float, float, float, float]) -> None:
    pen.ellipse(corners, fill=255)


FIGURES = [box, rounded, ellipse]


def figure(draw: Draw, corners: tuple[float, float, float, float], height: int = SIDE, width: int = SIDE) -> Tensor:
    """Alpha `[H,W]` with soft edges of a figure whose box is given in shares of the picture."""
    image = Image.new("L", (4 * width, 4 * height))
    left, top, right, bottom = corners
    draw(ImageDraw.Draw(image), (left * 4 * width, top * 4 * height, right * 4 * width, bottom * 4 * height))
    return torch.from_numpy(np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255)


def cropped(draw: Draw, made: Scene, margin: float = 0.12, blank: float = 0.0) -> tuple[Tensor, Tensor]:
    """A photo of which only a figure around the product is left, and that figure's alpha."""
    rows, columns = torch.where(made.alpha > 0.5)
    side = made.alpha.shape[0]
    stretch = 0.25 if draw is ellipse else 0.0  # an ellipse around a box needs room
    left, right = int(columns.min()) / side - margin - stretch, int(columns.max()) / side + margin + stretch
    top, bottom = int(rows.min()) / side - margin - stretch / 2, int(rows.max()) / side + margin + stretch / 2
    alpha = figure(draw, (max(left, 0.03), max(top, 0.04), min(right, 0.96), min(bottom, 0.97)), side, side)
    return torch.where(alpha.unsqueeze(-1) > 0, made.photo, blank), alpha


def never(_: Tensor) -> Tensor:
    raise AssertionError("no network has to look at this")


@pytest.mark.each_once
@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("blank", [0.0, 1.0])
def test_a_photo_that_was_only_cropped_is_cut_out(draw: Draw, blank: float) -> None:
    made = scene("bag", 2, size=SIDE)
    photo, alpha = cropped(draw, made, blank=blank)
    assert outlines(alpha)[0] and is_plain_figure(alpha)
    cut = from_own_alpha(photo, alpha, lambda _: made.alpha)
    assert errors(cut.alpha, made.alpha)[2] > 0.97 and "only crops" in cut.report["notes"][-1], cut.report
    assert 0.5 <= cut.confidence < TRUSTED, "a poster of this bag with an even border looks the same"


@pytest.mark.parametrize("draw", FIGURES)
def test_without_a_network_it_is_delivered_and_not_trusted(draw: Draw) -> None:
    photo, alpha = cropped(draw, scene("bag", 2, size=SIDE))
    cut = from_own_alpha(photo, alpha, None)
    assert 0.5 <= cut.confidence < TRUSTED and "plain figure" in cut.report["reasons"][-1], cut.report
    assert cut.confidence == cut.report["confidence"] and torch.equal(cut.alpha, alpha)


@given(
    seed=st.integers(0, 99),
    draw=st.sampled_from(FIGURES),
    margin=st.floats(0.04, 0.2),
    noise=st.floats(0.0, 3.0),
    backdrop=st.tuples(*[st.floats(0.3, 1.0)] * 3),
)
@settings(max_examples=12, deadline=None)
def test_no_figure_around_a_backdrop_is_believed_unseen(
    seed: int, draw: Draw, margin: float, noise: float, backdrop: tuple[float, float, float]
) -> None:
    photo, alpha = cropped(draw, scene("jar", seed, size=200, backdrop=backdrop, noise=noise), margin)
    assert from_own_alpha(photo, alpha, None).confidence < TRUSTED


def flat(draw: Draw, inside: str, seed: int = 1) -> tuple[Tensor, Tensor]:
    """A flat product: of one colour, with a print on it, or all picture."""
    alpha = figure(draw, (0.2, 0.1, 0.8, 0.9))
    picture = torch.full((SIDE, SIDE, 3), 0.8) * torch.tensor([1.0, 0.9, 0.6])
    if inside == "a print":
        picture[120:180, 120:180] = torch.tensor([0.1, 0.2, 0.5])
    if inside == "all picture":
        small = torch.rand((12, 12, 3), generator=torch.Generator().manual_seed(seed))
        picture = small.repeat_interleave(25, 0).repeat_interleave(25, 1)
    return picture * (alpha > 0).unsqueeze(-1), alpha


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("inside", ["one colour", "all picture"])
def test_a_flat_product_without_a_margin_around_something_is_believed(draw: Draw, inside: str) -> None:
    photo, alpha = flat(draw, inside)
    cut = from_own_alpha(photo, alpha, never)
    assert cut.confidence == 1.0 and torch.equal(cut.alpha, alpha)


@pytest.mark.parametrize("draw", FIGURES)
def test_a_flat_product_that_a_network_sees_whole_is_believed(draw: Draw) -> None:
    photo, alpha = flat(draw, "a print")
    cut = from_own_alpha(photo, alpha, lambda _: alpha)
    assert cut.confidence == 1.0 and torch.equal(cut.alpha, alpha), cut.report
    half = alpha * (torch.arange(SIDE) < SIDE // 2)
    undecided = from_own_alpha(photo, alpha, lambda _: half)
    assert 0.5 <= undecided.confidence < TRUSTED and torch.equal(undecided.alpha, alpha), "a network that is torn"


@pytest.mark.parametrize("draw", FIGURES)
def test_what_is_whole_on_one_ground_and_a_backdrop_on_the_other_is_undecided(draw: Draw) -> None:
    """Networks see a round photo as a round thing, and a printed plate as its print: an honest doubt, no refusal."""
    photo, alpha = flat(draw, "a print")
    thing = torch.zeros_like(alpha)
    thing[120:180, 120:180] = 1.0
    seen = iter([alpha, thing])
    cut = from_own_alpha(photo, alpha, lambda _: next(seen))
    assert 0.5 <= cut.confidence < TRUSTED and torch.equal(cut.alpha, alpha), cut.report


def test_the_network_sees_the_figure_on_a_ground_it_stands_out_from() -> None:
    """Whatever colours the file keeps where it is transparent."""
    photo, alpha = flat(box, "a print")
    seen: list[Tensor] = []
    from_own_alpha(torch.where(alpha.unsqueeze(-1) > 0, photo, 0.77), alpha, lambda p: (seen.append(p), alpha)[1])
    inside, outside = photo[alpha == 1].mean(), seen[0][0][alpha == 0]
    assert bool((outside == outside[0]).all()) and float((inside - outside.mean()).abs()) > 0.5


@pytest.mark.parametrize("kind", ["bag", "jar", "twin"])
def test_a_products_own_outline_is_no_plain_figure(kind: str) -> None:
    made = scene(kind, 3, size=SIDE)
    if kind != "jar":
        assert not is_plain_figure(made.alpha)
        cut = from_own_alpha(made.photo, made.alpha, never)
        assert cut.confidence == 1.0 and torch.equal(cut.alpha, made.alpha)


@given(turn=st.floats(0.0, 180.0), wide=st.floats(0.2, 0.9), draw=st.sampled_from([box, ellipse]))
@settings(max_examples=25, deadline=None)
def test_a_plain_figure_is_one_at_any_angle(turn: float, wide: float, draw: Draw) -> None:
    alpha = figure(draw, (0.5 - 0.35 * wide, 0.15, 0.5 + 0.35 * wide, 0.85))
    image = Image.fromarray((alpha.numpy() * 255).astype(np.uint8)).rotate(turn, Image.Resampling.BICUBIC)
    assert is_plain_figure(torch.from_numpy(np.asarray(image, np.float32) / 255))
