"""Whether a cut-out holds all of the product: what the photo shows beside the mask's outline."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.fidelity.judge import Settings, judge, merged
from prodgen_nodes.imaging.fidelity.whole import judge_whole
from scipy import ndimage
from torch import Tensor

from tests.imaging import whole_scenes
from tests.imaging.registration_scenes import Photo
from tests.support.reference import drawn

CUTS = {
    "foot": ("satchel", (0.34, 0.78), "lower left"),
    "corner": ("satchel", (0.69, 0.53), "right"),
    "base": ("satchel", (0.5, 0.8), "bottom"),
    "handle": ("satchel", (0.5, 0.31), "top"),
    "lid": ("cream jar", (0.5, 0.33), "top"),
    "toe": ("red shoe", (0.15, 0.62), "left"),
    "dark corner in its own shadow": ("briefcase", (0.74, 0.78), "lower right"),
}


@cache
def scene(name: str) -> tuple[Tensor, Tensor]:
    made = drawn(name)
    return made.photo, made.alpha


def bitten(alpha: Tensor, at: tuple[float, float], radius: float = 0.045, soft: float = 0.8) -> Tensor:
    """`alpha` without a disc about a point, both in shares of the side; its edge is as wide as `soft` pixels."""
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width]
    gone = np.hypot(x / width - at[0], y / height - at[1]) < radius
    return alpha * (1 - torch.from_numpy(ndimage.gaussian_filter(gone.astype(np.float32), soft)))


@pytest.mark.each_once
@pytest.mark.parametrize("soft", [0.8, 3.5])
@pytest.mark.parametrize("cut", list(CUTS))
def test_what_was_cut_away_is_found_and_named(cut: str, soft: float) -> None:
    name, at, words = CUTS[cut]
    photo, alpha = scene(name)
    mask = bitten(alpha, at, soft=soft)
    assert float(mask.sum()) < 0.998 * float(alpha.sum()), "something was cut away"
    found = judge_whole(photo, mask)
    assert found.whole is False, found
    assert any(words in piece.place for piece in found.missing), found


DRAWN = [("box", "standing"), ("arch_bag", "cast"), ("shoe", "gloss"), ("mug", "hanging"), ("chair", "cloth")]


@cache
def photo_of(kind: str, ground: str) -> Photo:
    return whole_scenes.scene(kind, ground, seed=3, side=600)


@pytest.mark.first(2)
@pytest.mark.parametrize(("kind", "ground"), DRAWN)
def test_no_bite_that_is_seen_passes_as_whole(kind: str, ground: str) -> None:
    photo = photo_of(kind, ground)
    found = []
    for number, place in enumerate(whole_scenes.PLACES):
        piece = whole_scenes.bite(photo, place, np.random.default_rng(number))
        if piece is None or piece.seen < 8:
            continue
        rgb, alpha = piece.photo.tensors
        found.append(judge_whole(rgb[0], alpha[0]).whole)
    assert found and True not in found, found
    assert False in found, "some are certain"


@pytest.mark.each_once
@pytest.mark.parametrize("change", list(whole_scenes.GOOD))
@pytest.mark.parametrize(("kind", "ground"), DRAWN)
def test_no_good_cut_out_is_called_bitten(kind: str, ground: str, change: str) -> None:
    photo = whole_scenes.GOOD[change](photo_of(kind, ground), np.random.default_rng(1))
    rgb, alpha = photo.tensors
    assert judge_whole(rgb[0], alpha[0]).whole is not False


def test_a_part_that_begins_in_another_colour_is_left_open() -> None:
    """A sole of another colour that the mask lacks looks like a thing that the product stands on."""
    rng = np.random.default_rng(2)
    rgb = np.full((300, 300, 3), 0.85)
    rgb[80:180, 80:220] = (0.6, 0.2, 0.15)
    rgb[180:190, 80:220] = (0.2, 0.3, 0.7)
    rgb += rng.normal(0, 0.004, rgb.shape)
    mask = torch.zeros(300, 300)
    mask[80:180, 80:220] = 1.0
    photo = torch.from_numpy(rgb.astype(np.float32))
    left_open = judge_whole(photo, mask)
    assert left_open.whole is None and left_open.note is not None and "bottom" in left_open.note, left_open
    mask[180:190, 80:220] = 1.0
    assert judge_whole(photo, mask).whole is True


def test_a_shadow_that_may_be_a_piece_is_told_as_one() -> None:
    """The handbag of the examples in its own hard shadow: a seller is told what to look at, and where."""
    rgb = np.full((300, 300, 3), 0.85)
    rgb[80:180, 80:220] = (0.36, 0.2, 0.15)
    rgb[180:195, 100:200] = (0.25, 0.235, 0.22)
    rgb[195:199] = 0.85
    rgb += np.random.default_rng(2).normal(0, 0.004, rgb.shape)
    mask = torch.zeros(300, 300)
    mask[80:180, 80:220] = 1.0
    found = judge_whole(torch.from_numpy(rgb.astype(np.float32)), mask)
    assert found.whole is None and found.note == (
        "bottom: what is dark beside the product is its shadow, or a piece of it that was cut away"
    ), found


@pytest.mark.parametrize("name", ["satchel", "tote", "briefcase", "jar", "sports bag", "red shoe", "teal bag", "chair"])
def test_a_whole_product_is_whole(name: str) -> None:
    photo, alpha = scene(name)
    assert judge_whole(photo, alpha).whole is not False


@pytest.mark.parametrize("side", ["left", "right", "bottom"])
def test_a_product_that_the_frame_cuts_lacks_nothing_of_the_photo(side: str) -> None:
    photo, alpha = scene("satchel")
    height, width = alpha.shape
    area = {
        "left": (slice(None), slice(round(0.4 * width), None)),
        "right": (slice(None), slice(0, round(0.6 * width))),
        "bottom": (slice(0, round(0.7 * height)), slice(None)),
    }[side]
    assert judge_whole(photo[area], alpha[area]).whole is not False


def test_where_it_cannot_be_told_nothing_is_said() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand(300, 300, 3, generator=generator)
    mask = torch.zeros(300, 300)
    mask[100:200, 100:200] = 1.0
    busy = judge_whole(noise, mask)
    assert busy.whole is None and busy.note is not None and "busy" in busy.note
    same = judge_whole(torch.full((300, 300, 3), 0.9), mask)
    assert same.whole is None and same.note is not None and "colour" in same.note
    assert judge_whole(noise, torch.zeros(300, 300)).whole is None
    assert judge_whole(noise, torch.ones(300, 300)).whole is None


def test_the_verdict_needs_the_photo_and_believes_it() -> None:
    photo, alpha = scene("satchel")
    mask = bitten(alpha, CUTS["foot"][1])
    unchecked = replace(Settings(), check_floating=False)
    without = judge(photo[None], photo[None], mask[None], None, unchecked)[0].report
    assert without["whole"] is None and without["missing"] == []
    both = judge(
        photo[None], photo[None], torch.stack((alpha, mask)), None, unchecked, photo=photo[None].expand(2, -1, -1, -1)
    )
    assert [result.report["whole"] for result in both] == [True, False]
    assert both[1].report["passed"] is False and "lower left" in both[1].report["missing"]
    assert any("cut away" in reason for reason in both[1].report["reasons"])
    assert merged(both)["whole"] is False


@pytest.mark.parametrize("cover", [0.2, 0.47, 0.8])
def test_what_is_see_through_in_the_mask_was_not_cut_away(cover: float) -> None:
    """A glass neck above a firm body, cut out as half covered: the photo shows it beyond the body's outline."""
    side = 400
    mask, photo = torch.zeros(side, side), torch.full((side, side, 3), 0.9)
    mask[160:360, 120:280] = 1.0
    mask[40:160, 170:230] = cover
    photo[mask > 0] = torch.tensor([0.1, 0.42, 0.24])
    assert judge_whole(photo, mask).whole is True
    gone = mask.clone()
    gone[:160] = 0.0
    assert judge_whole(photo, gone).whole is False, "the same neck, cut away"
