"""What was painted is in the cut-out: thin parts, strokes, small parts; and what is missing is told."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from prodgen_nodes.imaging.filters import dilate
from prodgen_nodes.imaging.segmentation import from_file_alpha, from_model, from_plain_backdrop
from prodgen_nodes.imaging.segmentation.painted import stated
from torch import Tensor

SIDE = 256
SLOPPY = round(0.03 * SIDE)


def plane(draw: object, side: int = SIDE) -> Tensor:
    image = Image.new("L", (side, side))
    draw(ImageDraw.Draw(image))  # type: ignore[operator]
    return torch.from_numpy(np.asarray(image, np.float32) / 255)


def body(pen: ImageDraw.ImageDraw) -> None:
    pen.rounded_rectangle((60, 120, 196, 226), 10, fill=255)


def handle(pen: ImageDraw.ImageDraw, width: int = 7) -> None:
    pen.arc((88, 40, 168, 200), 180, 360, fill=255, width=width)


def photo_of(product: Tensor, seed: int = 0, busy: bool = False) -> Tensor:
    noise = torch.rand(SIDE, SIDE, 3, generator=torch.Generator().manual_seed(seed))
    ground = torch.tensor((0.82, 0.8, 0.78)) + (0.01 if not busy else 0.35) * (noise - 0.5)
    thing = torch.tensor((0.5, 0.2, 0.15)) + 0.08 * (noise.flip(0) - 0.5)
    return torch.where(product.unsqueeze(-1) > 0.5, thing, ground)


def iou(cut: Tensor, truth: Tensor) -> float:
    one, other = cut > 0.5, truth > 0.5
    return float((one & other).sum() / (one | other).sum())


@settings(max_examples=40, deadline=None)
@example(angle=0.28125, width=15, length=54, sees=True)  # the core reaches into the branch
@given(
    angle=st.floats(0, math.pi),
    width=st.integers(5, 15),
    length=st.integers(45, 70),
    sees=st.booleans(),
)
def test_no_painted_branch_is_without_a_core(angle: float, width: int, length: int, sees: bool) -> None:
    """A model that sees the body alone decides nothing about what sticks out of it."""
    end = (128 + (50 + length) * math.cos(angle), 120 - (50 + length) * math.sin(angle))

    def draw(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((78, 70, 178, 170), fill=255)
        pen.line(((128, 120), end), fill=255, width=width)

    hint, ball = plane(draw), plane(lambda pen: pen.ellipse((78, 70, 178, 170), fill=255))
    said = stated(hint, ball if sees else None, torch.zeros(SIDE, SIDE, dtype=torch.bool))
    assert not said.strokes
    steps = torch.linspace(0.0, 1.0, 50)[:-6]
    for step in steps.tolist():
        x, y = 128 + (end[0] - 128) * step, 120 + (end[1] - 120) * step
        near = said.rough[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
        assert float(near.max()) > (0.99 if math.hypot(x - 128, y - 120) > 58 else 0.49), (step, x, y)
    assert float(said.rough[~(dilate(hint, SLOPPY + 1) > 0.5)].max()) == 0.0


@pytest.mark.parametrize("busy", [False, True])
def test_a_painted_handle_that_the_model_missed_is_in_the_cut_out(busy: bool) -> None:
    truth = torch.maximum(plane(body), plane(handle))
    hint = torch.maximum(dilate(plane(body), 4), plane(lambda pen: handle(pen, 13)))
    cut = from_model(photo_of(truth, busy=busy), plane(body), hint)
    thin = (plane(handle) > 0.5) & (plane(body) < 0.5)
    assert float((cut.alpha[thin] > 0.5).float().mean()) > 0.85
    assert float(cut.alpha[100:116, 110:146].max()) < 0.2, "the handle's opening was not painted"


def test_paint_where_nothing_is_lowers_the_confidence_and_says_where() -> None:
    hint = torch.maximum(dilate(plane(body), 4), plane(lambda pen: handle(pen, 13)))
    cut = from_model(photo_of(plane(body)), plane(body), hint)
    assert cut.confidence < 0.75
    assert any("painted, above, is missing" in reason for reason in cut.report["reasons"]), cut.report["reasons"]
    whole = from_model(photo_of(plane(body)), plane(body), dilate(plane(body), 4))
    assert whole.confidence > 0.9 and not whole.report["reasons"]


def zigzag(pen: ImageDraw.ImageDraw) -> None:
    points = [(72 if row % 2 else 184, 130 + 14 * row) for row in range(7)]
    pen.line(points, fill=255, width=6)


@pytest.mark.parametrize("sees", ["all", "nothing", "no model"])
def test_strokes_over_a_product_find_it(sees: str) -> None:
    truth = plane(body)
    photo = photo_of(torch.maximum(truth, plane(lambda pen: pen.ellipse((10, 10, 60, 60), fill=255))))
    mask = {"all": (photo[..., 1] < 0.5).float(), "nothing": torch.zeros(SIDE, SIDE), "no model": None}[sees]
    cut = from_model(photo, mask, plane(zigzag))
    assert iou(cut.alpha, truth) > 0.95
    assert 0.5 < cut.confidence < 0.75 and any("strokes" in reason for reason in cut.report["reasons"])
    assert iou(from_plain_backdrop(photo, plane(zigzag)).alpha, truth) > 0.95


def test_two_painted_products_stay_however_small_one_is() -> None:
    small = plane(lambda pen: pen.ellipse((16, 16, 44, 44), fill=255))
    both = torch.maximum(plane(body), small)
    cut = from_model(photo_of(both), plane(body), dilate(both, 3))
    assert float((cut.alpha[small > 0.5] > 0.5).float().mean()) > 0.9
    only = from_model(photo_of(both), both, dilate(plane(body), 3))
    assert float(only.alpha[small > 0.5].max()) < 0.1


def test_what_lies_all_around_a_hole_is_never_delivered() -> None:
    """Of a file, and of a mask that was inverted by mistake."""
    truth = plane(body)
    for cut in (
        from_file_alpha(photo_of(truth), 1.0 - truth),
        from_file_alpha(photo_of(truth), 1.0 - plane(lambda pen: pen.ellipse((60, 120, 196, 290), fill=255))),
        from_model(photo_of(truth), truth, 1.0 - truth),
        from_plain_backdrop(photo_of(truth), 1.0 - truth),
    ):
        assert cut.confidence < 0.5
