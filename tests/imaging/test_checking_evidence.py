"""What `check` goes by: lamps told from paint, how far something was stretched, a mirrored print, a second look."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.checking.reasons import in_the_dark
from prodgen_nodes.imaging.checking.tinted import beside_lamps
from prodgen_nodes.imaging.checking.witness import with_witness
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.fidelity.findings import Finding
from prodgen_nodes.imaging.fidelity.whole import Whole
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.placement import Affine
from prodgen_nodes.imaging.registration import stretch_of
from prodgen_nodes.imaging.tensors import Box, bounding_box

from tests.imaging.checking_scenes import Desk, without_foot
from tests.support.jpeg import as_jpeg

# Linear sRGB that a white surface has in them, from their spectra (CIE 15) over D65.
WHITE = {
    "CIE A": (1.0, 0.45, 0.13),
    "FL2": (1.0, 0.71, 0.42),
    "FL4": (1.0, 0.46, 0.15),
    "FL11": (1.0, 0.66, 0.38),
    "LED-B3": (1.0, 0.67, 0.41),
    "LED-V1": (1.0, 0.42, 0.12),
    "high-pressure sodium": (1.0, 0.25, 0.01),
    "sky, 10000 K": (0.61, 0.70, 1.0),
}
COLOURED = {
    "light pink filter": (0.99, 0.70, 1.0),
    "light green filter": (0.70, 1.0, 0.63),
    "turquoise filter": (0.31, 0.96, 1.0),
    "amber LED": (1.0, 0.14, 0.01),
    "purple neon": (0.58, 0.01, 1.0),
}


@pytest.mark.parametrize("name", [*WHITE, *COLOURED])
def test_a_white_lamp_is_light_and_a_coloured_one_may_be_paint(name: str) -> None:
    cast = torch.tensor(WHITE.get(name) or COLOURED[name])
    assert (beside_lamps(cast) <= 0.2) is (name in WHITE), beside_lamps(cast)
    assert (beside_lamps(1 / cast) <= 0.2) is (name in WHITE), "a photo in that light, the picture in daylight"


def test_product_and_ground_in_pink_alike_do_not_pass_and_the_reason_says_why() -> None:
    desk = Desk()
    pink = linear_to_srgb(srgb_to_linear(desk.photo) * torch.tensor([1.0, 0.6, 1.0]))
    report = desk.report(as_jpeg(pink))
    assert {finding["kind"] for finding in report["findings"]} == {"colour"}, report["reasons"]  # type: ignore[attr-defined]
    assert "and so has the ground around it" in report["reasons"][0]  # type: ignore[index]
    warm = linear_to_srgb(srgb_to_linear(desk.photo) * torch.tensor([1.0, 0.48, 0.16]))
    assert desk.report(as_jpeg(warm))["passed"] is True, "3000 K: four times as strong, and a lamp"


@pytest.mark.parametrize(("kind", "across", "down"), [("jar", 1.08, 1.0), ("mug", 1.0, 1.12), ("arch_bag", 1.15, 1.0)])
def test_how_far_it_was_stretched_is_measured(kind: str, across: float, down: float) -> None:
    desk = Desk(kind, 8)
    planes = desk.picture().movedim(-1, 0)[None]
    drawn = F.interpolate(planes, size=(round(340 * down), round(340 * across)), mode="bicubic")[0].movedim(0, -1)
    start = Affine.scale_translate(0.8 * (across * down) ** 0.5, 62.0 * across, 40.0 * down)
    there = stretch_of(drawn.clamp(0, 1).contiguous(), desk.product, desk.mask, start)
    assert there.a / there.d == pytest.approx(across / down, abs=0.01)
    assert there.a == pytest.approx(0.8 * across, abs=0.01)


def test_a_mirrored_print_is_named_with_its_place() -> None:
    plain, one = Desk(), Desk()
    box = bounding_box(plain.mask)
    top, left = box.top + box.height // 2, box.left + box.width // 3

    def printed(mirrored: bool) -> torch.Tensor:
        mark = torch.zeros(40, 60)
        mark[4:36, 6:14] = mark[4:12, 6:44] = mark[28:36, 6:26] = 1.0
        rgb = plain.product.clone()
        part = rgb[top : top + 40, left : left + 60]
        part[:] = torch.where((mark.flip(1) if mirrored else mark)[..., None] > 0.5, 0.95, part)
        return rgb

    one.product = printed(mirrored=False)
    one.photo = torch.lerp(torch.tensor([0.9, 0.89, 0.87]).expand_as(one.product), one.product, one.mask[..., None])
    assert one.report(one.picture())["passed"] is True
    report = one.report(one.picture(printed(mirrored=True)))
    assert report["findings"] == [{"kind": "changed", "place": "middle"}], report["reasons"]
    assert "its print is mirrored there" in report["reasons"][0]  # type: ignore[index]


def test_a_second_look_at_the_photo_finds_what_the_cut_out_lacks() -> None:
    desk = Desk()
    bitten = without_foot(desk.mask)
    unknown = Whole(None, note="too busy")
    found = with_witness(unknown, desk.photo, bitten, desk.mask)
    assert found.whole is False and [piece.place for piece in found.missing] == ["lower left"]
    assert with_witness(unknown, desk.photo, desk.mask, desk.mask) == unknown, "who sees the same adds nothing"


def test_what_is_beside_the_cut_out_in_other_colours_or_fades_is_no_piece_for_sure() -> None:
    desk = Desk()
    box = bounding_box(desk.mask)
    photo, seen = desk.photo.clone(), desk.mask.clone()
    beside = (slice(box.bottom - 40, box.bottom), slice(box.right - 3, box.right + 25))
    photo[beside] = torch.where(desk.mask[beside][..., None] > 0.5, photo[beside], torch.tensor([0.1, 0.6, 0.2]))
    seen[beside] = 1.0
    found = with_witness(Whole(True), photo, desk.mask, seen)
    assert found.whole is None and "may be a part of the product" in str(found.note)
    shadow = gaussian_blur(desk.mask[None], 12.0)[0].roll(14, 0) * (1 - desk.mask)
    photo = desk.photo * (1 - 0.6 * shadow[..., None])
    found = with_witness(Whole(True), photo, desk.mask, torch.maximum(desk.mask, (shadow > 0.3).float()))
    assert found.whole is not False


def test_what_is_as_dark_as_its_surroundings_is_not_said_to_be_missing() -> None:
    gone = Finding("missing", "top: a piece is missing", Box(2, 2, 8, 8), "top")
    assert in_the_dark([gone], torch.full((10, 10, 3), 0.6)) == (gone,)
    (told,) = in_the_dark([gone], torch.full((10, 10, 3), 0.08))
    assert told.kind == "changed" and told.text.startswith("top: ") and "ground" in told.text
    color = Finding("colour", "all over: its colour changed")
    kinds = [one.kind for one in in_the_dark([color, gone], torch.full((10, 10, 3), 0.6))]
    assert kinds == ["colour", "changed"]
