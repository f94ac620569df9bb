"""Is the product in a picture still the seller's: what passes, what does not, and which place the reason names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from prodgen_nodes.imaging.checking import reduced
from prodgen_nodes.imaging.checking.additions import additions
from prodgen_nodes.imaging.checking.light import light_of
from prodgen_nodes.imaging.colorspace import lab_to_srgb, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError
from prodgen_nodes.imaging.tensors import bounding_box
from torch import Tensor

from tests.imaging.checking_scenes import SIDE, Desk, with_part, without_foot
from tests.imaging.fidelity_scenes import product


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(("ground", "light"), [(1.0, 1.0), (0.25, 0.5)])
def test_the_product_passes_in_another_place_size_and_light(desk: Desk, ground: float, light: float) -> None:
    report = desk.report(desk.picture(linear_to_srgb(srgb_to_linear(desk.product) * light), ground=ground))
    assert report["passed"] and report["verdict"] == "the seller's product", report["reasons"]
    assert report["light_ratio"] == pytest.approx(light, abs=0.06)
    assert report["scale"] == pytest.approx(0.8, abs=0.01)


def _hue(desk: Desk) -> Tensor:
    lab = srgb_to_lab(desk.product)
    turned = torch.stack((lab[..., 0], -lab[..., 2], lab[..., 1]), dim=-1)
    return desk.picture(lab_to_srgb(turned).clamp(0, 1))


def _greys(desk: Desk) -> Tensor:
    return desk.picture(linear_to_srgb(srgb_to_linear(desk.product) * 0.12))


def _foot(desk: Desk) -> Tensor:
    return desk.picture(mask=without_foot(desk.mask))


def _patch(desk: Desk) -> Tensor:
    box, rgb = bounding_box(desk.mask), desk.product.clone()
    rows = slice(box.bottom - box.height // 3, box.bottom - box.height // 5)
    columns = slice(box.right - box.width // 3, box.right - box.width // 6)
    rgb[rows, columns] = 1 - rgb[rows, columns]
    return desk.picture(rgb)


def _part(desk: Desk) -> Tensor:
    return with_part(desk.picture())


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_hue, "all over: its colour changed from"),
        (_greys, "brightness in a bright place"),
        (_foot, "lower left: a piece of its outline is missing"),
        pytest.param(_patch, "lower right:", marks=pytest.mark.slow),
        (_part, "right: something is there beyond its outline"),
        pytest.param(lambda desk: desk.picture(mirrored=True), "mirror image", marks=pytest.mark.slow),
    ],
    ids=["hue", "darker grey", "foot", "patch", "added", "mirrored"],
)
def test_what_is_changed_does_not_pass_and_is_named(desk: Desk, spoil: Callable[[Desk], Tensor], word: str) -> None:
    report = desk.report(spoil(desk))
    assert report["passed"] is False
    assert any(word in reason for reason in report["reasons"]), report["reasons"]  # type: ignore[attr-defined]


def test_what_the_cut_out_lacks_does_not_pass_though_the_picture_lacks_it_too(desk: Desk) -> None:
    bitten = without_foot(desk.mask)
    report = desk.report(desk.picture(mask=bitten), mask=bitten)
    assert report["passed"] is False and report["whole"] is False
    assert report["missing"] and "cut away" in " ".join(report["reasons"])  # type: ignore[arg-type]


@pytest.mark.slow
def test_another_product_is_not_found(desk: Desk) -> None:
    rgb, alpha = product("jar", 8, SIDE).tensors
    report = desk.report(desk.picture(rgb[0], alpha[0]))
    assert report["passed"] is False and report["verdict"] == "not found" and report["bbox"] is None
    assert "not found" in report["reasons"][0]  # type: ignore[index]


def test_a_mask_without_product_is_refused(desk: Desk) -> None:
    with pytest.raises(EmptyMaskError):
        desk.report(desk.picture(), mask=torch.zeros_like(desk.mask))


def test_one_material_that_changes_its_grey_is_told_from_light() -> None:
    expected = torch.full((120, 120, 3), 0.2)
    expected[:, 60:] = 0.7
    cover = torch.zeros(120, 120)
    cover[10:110, 10:110] = 1
    darker = linear_to_srgb(srgb_to_linear(expected) * 0.5)
    assert light_of(darker, expected, cover).reasons() == []
    other = expected.clone()
    other[:, :60] = 0.5
    (reason,) = light_of(other, expected, cover).reasons()
    assert "no light does that" in reason


def test_a_shadow_is_no_addition() -> None:
    picture, cover = torch.full((200, 200, 3), 0.95), torch.zeros(200, 200)
    picture[60:140, 60:140], cover[60:140, 60:140] = torch.tensor([0.7, 0.2, 0.2]), 1.0
    seen, nothing = cover.clone(), torch.zeros_like(cover)
    seen[120:150, 140:180] = 1.0
    picture[120:150, 140:180] = 0.75
    assert additions(picture, seen, cover, (picture, nothing), None)[0] == []
    picture[120:150, 140:180] = torch.tensor([0.2, 0.3, 0.7])
    (one,), mask = additions(picture, seen, cover, (picture, nothing), None)
    assert additions(picture, seen, cover, (picture, torch.ones_like(cover)), None)[0] == [], "the photo shows it, too"
    assert one.place == "lower right" and float(mask.sum()) > 800


def test_large_pictures_are_compared_smaller() -> None:
    assert reduced(torch.rand(64, 4096, 3)).shape == (32, 2048, 3)
    small = torch.rand(40, 60, 3)
    assert reduced(small) is small
