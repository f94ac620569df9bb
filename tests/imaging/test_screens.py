"""A screen that shows a picture is taken by its straight frame where a network sees only what the picture shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks
from prodgen_nodes.imaging.segmentation.cutout import Cutout
from prodgen_nodes.imaging.segmentation.screens import FRAMED
from torch import Tensor

HEIGHT, WIDTH = 240, 320
WHITE, DARK, GREY = (0.98, 0.98, 0.98), (0.1, 0.1, 0.11), (0.6, 0.61, 0.62)


def seen(picture: Tensor) -> Tensor:
    """A network that takes the red thing in a picture `[1,H,W,3]` for the product."""
    return ((picture[0, ..., 0] - picture[0, ..., 1]) > 0.3).float()


def shown(
    frame: tuple[float, float, float] | None, lean: float, stand: bool = True, spread: float = 0.0
) -> tuple[Tensor, Tensor]:
    """A photo `[H,W,3]` of a screen with a `frame` (none: a sheet) whose sides `lean`, on a stand; its mask `[H,W]`.

    `spread`: by how much the picture's own light falls off.
    """
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    half = 70 - lean * (x - 160)
    screen = (np.abs(x - 160) < 110) & (np.abs(y - 110) < half)
    inside = (np.abs(x - 160) < 103) & (np.abs(y - 110) < half - 7)
    foot = (np.abs(x - 160) < 12) & (y > 110) & (y < 205) | (np.abs(x - 160) < 45) & (y > 196) & (y < 206)
    photo = np.full((HEIGHT, WIDTH, 3), WHITE)
    if stand:
        photo[foot] = GREY
    picture = np.stack((0.45 + spread * (x - 160), 0.62 + 0 * x, 0.75 - spread * (x - 160)), axis=-1)
    photo[screen] = picture[screen] if frame is None else frame
    photo[inside] = picture[inside]
    photo[np.hypot(x - 150, y - 115) < 28] = (0.8, 0.15, 0.1)
    photo = np.clip(photo + rng.normal(0, 0.6 / 255, photo.shape), 0, 1)
    whole = screen | foot if stand else screen
    return torch.from_numpy(photo).float(), torch.from_numpy(whole)


def cut_out(photo: Tensor) -> Cutout:
    return from_looks(photo, seen)


@pytest.mark.parametrize(("frame", "lean", "stand"), [(DARK, 0.0, True), (GREY, 0.05, True), (DARK, -0.06, False)])
def test_the_whole_screen_is_taken_and_somebody_asked_to_look(
    frame: tuple[float, float, float], lean: float, stand: bool
) -> None:
    photo, whole = shown(frame, lean, stand)
    cut = cut_out(photo)
    taken = cut.alpha > 0.5
    assert float((taken & whole).sum()) >= 0.985 * float(whole.sum()), cut.report
    assert float((taken & ~whole).sum()) <= 0.015 * float(whole.sum()), cut.report
    assert 0.5 <= cut.confidence < TRUSTED and FRAMED in cut.report["reasons"]


def test_a_sheet_under_a_product_has_no_frame_and_stays_behind() -> None:
    photo, whole = shown(None, 0.0, stand=False)
    cut = cut_out(photo)
    assert float((cut.alpha > 0.5).sum()) < 0.2 * float(whole.sum())
    assert FRAMED not in cut.report["reasons"]
