"""Whether a thing is the product of a reference: found in other light and size, not taken for its rivals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError
from prodgen_nodes.imaging.likeness import (
    FOUND,
    NOT_FOUND,
    PRESETS,
    UNSURE,
    Limits,
    Looks,
    Sighting,
    compare,
    judged,
    limits_of,
    looks_of,
)
from prodgen_nodes.imaging.objects import Thing

from tests.imaging.sightings import Drawn, sight

BAG = Drawn("bag", 0, 2)


def looks(product: Drawn, seed: int, side: int = 192) -> Looks:
    made = sight((product,), seed, side)
    return looks_of(made.photo, torch.from_numpy(made.alphas[0]))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_product_is_found_again(seed: int) -> None:
    likeness = compare(looks(BAG, 100), looks(BAG, seed))
    assert likeness.score >= 0.5, likeness
    assert not likeness.differs


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Drawn("bag", 2, 2), "colours"),
        (Drawn("bag", 4, 0), "colours"),
        (Drawn("bottle", 0, 2), "outline"),
        (Drawn("watch", 0, 2), "outline"),
        (Drawn("shoe", 0, 2), "its"),
    ],
)
def test_a_rival_is_not(other: Drawn, said: str) -> None:
    likeness = compare(looks(BAG, 100), looks(other, 7))
    assert likeness.score < 0.25, likeness
    assert said in likeness.differs


def test_likeness_is_the_same_both_ways_and_whole_with_itself() -> None:
    one, other = looks(BAG, 1), looks(Drawn("mug", 3), 2)
    assert compare(one, one).score > 0.9
    assert compare(one, other).colors == pytest.approx(compare(other, one).colors, rel=0.2)
    assert compare(one, other).outline == pytest.approx(compare(other, one).outline, abs=0.08)


def test_size_and_place_do_not_count() -> None:
    made = sight((BAG,), 3, 256)
    alpha = torch.from_numpy(made.alphas[0])
    padded = torch.nn.functional.pad(made.photo, (0, 0, 64, 0, 0, 64)), torch.nn.functional.pad(alpha, (64, 0, 0, 64))
    half = made.photo[::2, ::2], alpha[::2, ::2]
    whole = looks_of(made.photo, alpha)
    for photo, mask in (padded, half):
        assert compare(whole, looks_of(photo, mask)).score > 0.75


def test_too_little_to_compare_is_said() -> None:
    with pytest.raises(EmptyMaskError):
        looks_of(torch.rand(32, 32, 3), torch.zeros(32, 32))
    speck = torch.zeros(32, 32)
    speck[3:5, 3:5] = 1
    with pytest.raises(EmptyMaskError, match="small"):
        looks_of(torch.rand(32, 32, 3), speck)


def sighting(score: float, area: int = 100) -> Sighting:
    mask = torch.zeros(20, 20)
    mask.view(-1)[:area] = 1
    return Sighting(Thing(mask), score)


def test_the_verdict_is_that_of_the_best_and_a_doubt_forbids_a_no() -> None:
    limits = PRESETS["careful"]
    assert judged([], limits) == (NOT_FOUND, [])
    assert judged([sighting(0.1)], limits, "dark")[0] == UNSURE
    good, fair, poor = sighting(0.9), sighting(0.3), sighting(0.1)
    assert judged([poor, good, fair], limits) == (FOUND, [good])
    assert judged([poor, fair], limits) == (UNSURE, [fair])
    assert judged([poor], limits)[0] == NOT_FOUND
    many = [sighting(0.1 + 0.05 * n, 10 + n) for n in range(12)]
    assert len(judged(many, Limits(0.0, 0.0, 0.0, 10))[1]) == 10


def test_presets_and_what_is_set_beside_them() -> None:
    original = limits_of("original")
    assert (original.found_from, original.unsure_from, original.min_area, original.most) == (0.85, 0.85, 0.25, 10)
    mine = limits_of("careful", 0.8, 0.02)
    assert (mine.found_from, mine.unsure_from, mine.min_area) == (0.8, pytest.approx(0.4), 0.02)
    with pytest.raises(ParameterError, match="original"):
        limits_of("strict")


def test_a_photo_of_one_colour_can_be_compared() -> None:
    flat = torch.full((40, 40, 3), 0.5)
    mask = torch.zeros(40, 40)
    mask[10:30, 10:30] = 1
    assert np.isfinite(compare(looks_of(flat, mask), looks_of(flat, mask)).score)
