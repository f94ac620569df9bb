"""Every object of a picture: found once, with its edge; twins, nested parts, shared pixels, pinholes, names, COCO."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.objects import (
    Objects,
    Thing,
    file_label,
    labels_of,
    rle,
    separate,
    shared_out,
    without_twins,
)
from prodgen_nodes.imaging.objects.proposals import proposals
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
from torch import Tensor

from tests.imaging.object_scenes import Group, group
from tests.imaging.segmentation_products import edge_band
from tests.runner.test_cutouts import decoded

SIDE = 384


def objects(made: Group) -> Objects:
    return separate(from_plain_backdrop(made.scene.photo, None, None, "all").alpha)


def box(left: int, top: int, right: int, bottom: int, size: int = 100) -> Tensor:
    mask = torch.zeros(size, size)
    mask[top:bottom, left:right] = 1.0
    return mask


@pytest.mark.first(3)
@pytest.mark.parametrize(("seed", "count"), [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (16, 2), (17, 6)])
def test_every_product_is_found_once_with_its_edge(seed: int, count: int) -> None:
    made = group(seed, count, SIDE)
    found = objects(made)
    assert len(found.things) == count
    for thing, truth in zip(found.things, made.alphas, strict=True):
        mask = thing.mask.numpy()
        assert ((mask > 0.5) & (truth > 0.5)).sum() > 0.9 * ((mask > 0.5) | (truth > 0.5)).sum()
        assert np.abs(mask - truth)[edge_band(truth)].mean() <= 0.05
        assert thing.score > 0.9 and not thing.notes


def test_a_grey_product_ends_where_its_shadow_begins() -> None:
    made = group(0, 2, SIDE, grey=True)
    for thing, truth in zip(objects(made).things, made.alphas, strict=True):
        assert np.abs(thing.mask.numpy() - truth)[edge_band(truth)].mean() <= 0.05


def test_what_touches_is_one_with_a_note() -> None:
    alpha = torch.maximum(box(10, 20, 45, 90), box(45, 30, 85, 90))
    alpha[:30, 40:50] = 0
    two_bottles = torch.maximum(box(10, 30, 40, 90), box(42, 30, 72, 90))
    two_bottles[80:84, 38:44] = 1.0
    (thing,) = separate(two_bottles).things
    assert "several" in thing.notes[0]
    bag = torch.maximum(box(20, 50, 80, 90), box(30, 20, 34, 52))
    bag = torch.maximum(bag, torch.maximum(box(66, 20, 70, 52), box(30, 20, 70, 24)))
    (thing,) = separate(bag).things
    assert not thing.notes


def drawn(*parts: tuple[np.ndarray[Any, Any], tuple[float, float, float]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The matte and the colours `[400,400,3]` of shapes, one over the other, in a falling light and noise."""
    y = np.mgrid[0:400, 0:400][0][..., None] / 400
    alpha, colour = np.zeros((400, 400), np.float32), np.full((400, 400, 3), 0.9)
    for shape, tone in parts:
        alpha[shape], colour[shape] = 1.0, tone
    colour += np.random.default_rng(1).normal(0, 0.02, colour.shape) + 0.05 * y
    return torch.from_numpy(alpha), torch.from_numpy(colour.clip(0, 1).astype(np.float32))


def shapes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Two or three things that touch, and single products of two colours."""
    y, x = np.mgrid[0:400, 0:400].astype(float)
    red, green, blue, black, white = (0.7, 0.1, 0.1), (0.1, 0.5, 0.2), (0.1, 0.2, 0.6), (0.05,) * 3, (0.6, 0.6, 0.65)

    def rect(left: int, top: int, right: int, bottom: int) -> Any:
        return (x >= left) & (x < right) & (y >= top) & (y < bottom)

    def oval(cx: int, cy: int, a: int, b: int) -> Any:
        return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1

    def cone(cx: int, base: int, top: int, half: int) -> Any:
        return (y < base) & (y > top) & (np.abs(x - cx) < half * (y - top) / (base - top))

    heart = oval(145, 160, 80, 80) | oval(255, 160, 80, 80) | ((np.abs(x - 200) < 0.87 * (350 - y)) & (y > 200))
    several = {
        "three": [(rect(40, 150, 140, 350), red), (oval(195, 290, 60, 60), green), (cone(280, 350, 180, 60), blue)],
        "boxes": [(rect(80, 120, 200, 350), red), (rect(200, 200, 320, 350), blue)],
        "balls": [(oval(140, 220, 80, 80), red), (oval(255, 230, 75, 75), black)],
        "row": [(rect(40, 200, 150, 350), red), (rect(150, 130, 250, 350), green), (rect(250, 230, 360, 350), blue)],
        "tall and short": [(oval(130, 220, 60, 130), blue), (oval(240, 280, 65, 70), red)],
        "box and ball": [(rect(60, 140, 200, 350), green), (oval(240, 280, 70, 70), white)],
        "three balls": [(oval(90, 260, 70, 70), red), (oval(210, 250, 80, 80), blue), (oval(320, 270, 62, 62), green)],
        "cone and box": [(cone(140, 350, 130, 90), black), (rect(195, 210, 330, 350), red)],
    }
    single = {
        "bottle": [(rect(150, 150, 250, 360), green), (rect(175, 90, 225, 150), black)],
        "tote": [(rect(100, 120, 200, 350), red), (rect(200, 120, 300, 350), blue)],
        "bag": [(rect(140, 70, 260, 180) & ~rect(155, 85, 245, 180), black), (rect(100, 180, 300, 350), red)],
        "shoe": [(rect(60, 250, 340, 310), white), (rect(50, 300, 350, 335), black)],
        "mug": [(oval(265, 245, 70, 70) & ~oval(265, 245, 45, 45), blue), (rect(100, 150, 250, 340), red)],
        "shirt": [(rect(140, 100, 260, 350), white), (rect(80, 100, 140, 190) | rect(260, 100, 320, 190), red)],
        "hammer": [(rect(60, 120, 140, 300), black), (rect(140, 180, 360, 230), red)],
        "heart": [(heart & (x < 200), red), (heart & (x >= 200), black)],
        "bands": [(rect(120, 120, 280, 200), red), (rect(110, 200, 290, 280), green), (rect(120, 280, 280, 350), blue)],
    }
    return several, single


@pytest.mark.parametrize("name", list(shapes()[0]))
def test_different_colours_that_touch_are_noted(name: str) -> None:
    alpha, colour = drawn(*shapes()[0][name])
    (thing,) = separate(alpha, colour=colour).things
    assert "several" in thing.notes[0]


@pytest.mark.parametrize("name", list(shapes()[1]))
def test_one_product_of_two_colours_is_one(name: str) -> None:
    alpha, colour = drawn(*shapes()[1][name])
    (thing,) = separate(alpha, colour=colour).things
    assert not thing.notes


def test_a_shade_across_one_colour_is_no_edge() -> None:
    """A round jar, dark on one side and light on the other, under a wider lid that slants in the picture."""
    y, x = np.mgrid[0:400, 0:400]
    body, lid = (np.abs(x - 200) < 120) & (y > 150) & (y < 350), (np.abs(x - 200) < 130) & (y > 80) & (y < 150 + x // 8)
    alpha, colour = drawn((body, (0.0, 0.0, 0.0)), (lid, (0.8, 0.8, 0.8)))
    shade = torch.from_numpy(((x - 80) / 240).clip(0, 1).astype(np.float32))[..., None] * torch.tensor([0.3, 0.5, 0.4])
    colour = torch.where(torch.from_numpy(body & ~lid)[..., None], colour + shade, colour)
    (thing,) = separate(alpha, colour=colour).things
    assert not thing.notes


def test_a_bridge_of_shadow_parts_and_a_wall_of_glass_does_not() -> None:
    bottles = torch.maximum(box(50, 100, 150, 380, 400), box(170, 150, 260, 380, 400))
    bottles[360:380, 150:170] = 0.7  # their contact shadows meet
    assert len(separate(bottles).things) == 2
    flask = torch.maximum(box(100, 150, 200, 380, 400), box(110, 80, 190, 140, 400))
    flask[140:150, 110:190] = 0.7  # glass between liquid and cap
    assert len(separate(flask).things) == 1


def test_specks_are_dropped_and_pieces_stay() -> None:
    alpha = torch.maximum(box(100, 100, 300, 300, 400), box(20, 20, 22, 22, 400))
    alpha = torch.maximum(alpha, box(302, 150, 304, 160, 400))  # a glint has cut it off
    alpha[150:152, 200:202] = 0.0  # a pinhole
    alpha[200:240, 200:240] = 0.0  # the gap of a handle
    found = separate(alpha)
    assert found.specks == 1
    (thing,) = found.things
    assert float(thing.mask[155, 303]) == 1.0 and float(thing.mask[20, 20]) == 0.0
    assert float(thing.mask[151, 201]) == 1.0 and float(thing.mask[220, 220]) == 0.0


def test_a_strap_that_thins_out_is_no_second_object() -> None:
    alpha = torch.maximum(box(50, 200, 350, 380, 400), box(100, 60, 110, 180, 400))
    alpha[180:200, 102:108] = 0.3
    assert len(separate(alpha).things) == 1


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(0, 6))
def test_the_objects_are_the_matte_taken_apart(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = torch.zeros(80, 90)
    for _ in range(count):
        left, top = rng.integers(0, 70, 2)
        width, height = rng.integers(1, 20, 2)
        alpha[top : top + height, left : left + width] = float(rng.choice([0.1, 0.4, 0.8, 1.0]))
    found = separate(alpha)
    masks = torch.stack([thing.mask for thing in found.things] or [torch.zeros_like(alpha)])
    assert float((masks > 0).sum(dim=0).max()) <= 1  # nobody has another's pixel
    grown = masks.amax(dim=0) > alpha
    assert bool((masks.amax(dim=0)[~grown] <= alpha[~grown]).all())
    assert all(thing.area >= 0.001 * alpha.numel() for thing in found.things)
    assert sorted(thing.box.left for thing in found.things) == [thing.box.left for thing in found.things]


def test_twins_and_parts_are_one_object() -> None:
    whole, again = Thing(box(10, 10, 60, 60), 0.9), Thing(box(12, 10, 62, 60), 0.8)
    lid, other = Thing(box(20, 10, 40, 20), 0.95), Thing(box(70, 10, 90, 60), 0.7)
    beside = Thing(box(50, 10, 100, 60), 0.6)  # overlaps the other, and is more than it
    assert without_twins([again, whole, lid, other]) == [whole, other]
    assert beside in without_twins([whole, beside])
    swallows = Thing(box(0, 0, 100, 100), 0.3)
    assert without_twins([whole, swallows, other]) == [whole, other]


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 40)] * 2, st.floats(0.01, 1)), max_size=7))
def test_no_two_kept_mean_the_same(drawn: list[tuple[int, int, int, int, float]]) -> None:
    things = [Thing(box(x, y, x + w, y + h), score) for x, y, w, h, score in drawn]
    kept = without_twins(things)
    assert bool(kept) == bool(things)
    assert kept == [thing for thing in things if any(thing is one for one in kept)]
    for number, one in enumerate(kept):
        for other in kept[number + 1 :]:
            both = float(((one.mask > 0.5) & (other.mask > 0.5)).sum())
            assert both <= 0.6 * (one.area + other.area - both)
            assert both <= 0.85 * min(one.area, other.area)
    assert without_twins(kept) == kept


def test_shared_pixels() -> None:
    soft = box(40, 0, 80, 100) * 0.4
    one, other = Thing(box(0, 0, 50, 100), 0.5), Thing(torch.maximum(soft, box(50, 0, 80, 100)), 0.9)
    kept = shared_out([one, other], "keep")
    assert [float(thing.mask[0, 45]) for thing in kept] == [1.0, pytest.approx(0.4)]
    split = shared_out([one, other], "split")
    assert [float(thing.mask[0, 45]) for thing in split] == [1.0, 0.0]
    twice = shared_out([Thing(one.mask, 0.5), Thing(one.mask, 0.9)], "split")
    assert [float(thing.mask.sum()) for thing in twice] == [0.0, 5000.0]
    with pytest.raises(ParameterError, match="keep, split"):
        shared_out([one], "merge")


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(2, 5))
def test_split_covers_nothing_twice_and_loses_nothing(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    masks = [torch.from_numpy(rng.random((6, 7)).astype(np.float32)) for _ in range(count)]
    things = [Thing(mask, float(rng.random())) for mask in masks]
    split = torch.stack([thing.mask for thing in shared_out(things, "split")])
    assert float(split.sum(dim=0).max()) <= 1 + 1e-6
    assert float(split.min()) >= 0
    assert bool((split <= torch.stack(masks) + 1e-6).all())
    assert torch.allclose(split.amax(dim=0), torch.stack(masks).amax(dim=0))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("bag, shoe", ["bag", "shoe"]), (" Bag ,bag;\nBAG,, ", ["Bag"]), ("", []), ("a\x1b[31mb", ["a [31mb"])],
)
def test_labels(text: str, wanted: list[str]) -> None:
    assert labels_of(text) == wanted


@given(st.text(max_size=80))
def test_a_label_in_a_file_name_is_letters_and_digits(text: str) -> None:
    name = file_label(text)
    assert name and name.replace("_", "x").isprintable()
    assert not set(name) & set('/\\.:*?"<>|{}%-= ') and name.strip("_") == name
    assert len(name.encode("utf-8")) <= 40
    assert file_label(name) == name


# Made by pycocotools 2.0.11: mask.encode(np.asfortranarray(mask)) of `coded(seed)`.
CODED = {
    0: "S95P10000000QOMl0330000000000000H350000000MK800000000000000000oN42Kb01\\O42Kb01\\O42Kb01\\O42Kb01\\O42Kb01"
    "\\O42Kb01\\O42Kb01\\O42Kb0950000000000000000000[O",
    1: "01Y1?\\O00000000000000GD14OL1KL1341KL1341KL1341KL1341KL1341KL1341KL1341KL133J03JN353J03JN353J03JN353J03JN3=LO6"
    "1JO61JO61LM43JO61JO61JOe0100000000000000000000000000000000_7",
}


def coded(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((37, 53), dtype=bool)
    for _ in range(5):
        left, top = rng.integers(0, 40, 2)
        mask[top : top + rng.integers(1, 20), left : left + rng.integers(1, 30)] ^= True
    mask[0, 0] = seed % 2 == 1
    return mask


@pytest.mark.parametrize("seed", list(CODED))
def test_masks_are_written_as_coco_writes_them(seed: int) -> None:
    assert rle.encoded(coded(seed)) == {"size": [37, 53], "counts": CODED[seed]}


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**31))
def test_masks_come_back(height: int, width: int, share: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    assert (decoded(rle.encoded(mask)) == mask).all()


def test_a_find_counts_only_as_far_as_the_thing_is_there_at_all() -> None:
    scores, masks = torch.tensor([3.0, -4.0, 2.0]), torch.full((3, 4, 4), 5.0)
    assert [round(one.score, 2) for one in proposals(scores, torch.tensor([6.0]), masks, 0.5, 9)] == [0.95, 0.88]
    assert proposals(scores, torch.tensor([[-6.0]]), masks, 0.5, 9) == []
    assert len(proposals(scores, None, masks, 0.5, 1)) == 1
    assert proposals(scores, None, -masks, 0.5, 9) == []
