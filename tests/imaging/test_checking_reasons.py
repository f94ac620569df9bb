"""What is named for a picture that was changed in one way: the true reason, and none that only follows from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.colorspace import lab_to_srgb, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.fidelity.findings import Finding, told
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.tensors import Box, bounding_box
from torch import Tensor

from tests.imaging.checking_scenes import Desk, with_part, without_foot
from tests.support.jpeg import as_jpeg


@cache
def desk(kind: str, seed: int) -> Desk:
    return Desk(kind, seed)


def recolored(desk: Desk) -> Tensor:
    lab = srgb_to_lab(desk.product)
    return desk.picture(lab_to_srgb(torch.stack((lab[..., 0], -lab[..., 2], lab[..., 1]), dim=-1)).clamp(0, 1))


def darker(desk: Desk) -> Tensor:
    return desk.picture(linear_to_srgb(srgb_to_linear(desk.product) * 0.15))


def blurred(desk: Desk) -> Tensor:
    return gaussian_blur(desk.picture().movedim(-1, 0)[None], 1.8)[0].movedim(0, -1).contiguous()


def stretched(desk: Desk) -> Tensor:
    planes = desk.picture().movedim(-1, 0)[None]
    return F.interpolate(planes, scale_factor=(1.0, 1.12), mode="bicubic")[0].movedim(0, -1).clamp(0, 1).contiguous()


def turned_print(desk: Desk) -> Tensor:
    """A patch of it mirrored, with a mark on its left side that is on the right one then."""
    return desk.picture(_marked(desk, left=False))


def _marked(desk: Desk, left: bool) -> Tensor:
    box, rgb = bounding_box(desk.mask), desk.product.clone()
    row, column = box.bottom - box.height // 3, (box.left + box.right) // 2
    inner = slice(column - 22, column - 4) if left else slice(column + 4, column + 22)
    rgb[row - 9 : row + 9, inner] = 1 - rgb[row - 9 : row + 9, inner]
    return rgb


CHANGES: dict[str, tuple[Callable[[Desk], Tensor], str]] = {
    "recoloured": (recolored, "colour"),
    "much darker on white": (darker, "colour"),
    "blurred": (blurred, "detail"),
    "part removed": (lambda desk: desk.picture(mask=without_foot(desk.mask)), "missing"),
    "part added": (lambda desk: with_part(desk.picture()), "added"),
    "print mirrored": (turned_print, "changed"),
    "mirrored": (lambda desk: desk.picture(mirrored=True), "mirrored"),
    "stretched": (stretched, "stretched"),
    "moved": (lambda desk: desk.picture().roll((-20, 30), (0, 1)), ""),
    "JPEG": (lambda desk: as_jpeg(desk.picture(), 75), ""),
}


QUICK = {"recoloured", "part removed", "part added"}


@pytest.mark.parametrize(
    ("which", "change"),
    [
        pytest.param(which, change, id=f"{which[0]}, {change}", marks=[] if is_quick else pytest.mark.slow)
        for which in (("arch_bag", 3), ("jar", 8), ("mug", 4))
        for change in CHANGES
        for is_quick in [which[0] == "arch_bag" and change in QUICK]
    ],
)
def test_the_true_reason_is_named_and_no_other(which: tuple[str, int], change: str) -> None:
    one = desk(*which)
    if change == "print mirrored":
        one = Desk(*which)
        one.photo, one.product = one.photo.clone(), _marked(one, left=True)
        one.photo = torch.lerp(torch.tensor([0.9, 0.89, 0.87]).expand_as(one.product), one.product, one.mask[..., None])
    spoil, true = CHANGES[change]
    report = one.report(spoil(desk(*which)))
    named = {finding["kind"] for finding in report["findings"]}  # type: ignore[attr-defined]
    assert named == ({true} if true else set()), report["reasons"]
    assert report["passed"] is (not true)
    assert not any("limit -" in reason for reason in report["reasons"])  # type: ignore[attr-defined]


def test_what_follows_from_another_finding_is_not_told() -> None:
    here = Box(0, 0, 9, 9)
    color, changed, missing = Finding("colour", "c"), Finding("changed", "x", here), Finding("missing", "m", here)
    detail, average = Finding("detail", "d", here), Finding("average", "a")
    assert told([color, changed, detail, average]) == (color,)
    assert told([color, missing]) == (color, missing)
    assert told([changed, detail, average]) == (changed,)
    assert told([average]) == (average,)
    assert told([Finding("structure", "s"), missing]) == (missing,)


def test_light_of_another_colour_on_product_and_ground_alike_is_no_fault() -> None:
    one, warm = desk("arch_bag", 3), torch.tensor([0.9, 0.78, 0.62])
    backdrop = one.photo[2, 2]
    picture = one.picture()
    cover = ((picture - 1).abs().amax(dim=-1) > 0.06)[..., None]
    lit = as_jpeg(torch.where(cover, picture, backdrop) * warm)
    report = one.report(lit)
    assert report["passed"] is True, report["reasons"]
    assert any("light of another colour" in note for note in report["notes"])  # type: ignore[attr-defined]
    alone = one.report(as_jpeg(torch.where(cover, picture * warm, backdrop)))
    assert {finding["kind"] for finding in alone["findings"]} == {"colour"}, alone["reasons"]  # type: ignore[attr-defined]


def test_a_label_in_another_colour_is_named_where_it_is() -> None:
    plain, one = desk("arch_bag", 3), Desk("arch_bag", 3)
    box = bounding_box(plain.mask)
    rows = slice(box.top + box.height // 2, box.top + 7 * box.height // 10)

    def labelled(color: tuple[float, float, float]) -> Tensor:
        rgb = plain.product.clone()
        rgb[rows, box.left + box.width // 8 : box.right - box.width // 8] = torch.tensor(color)
        return rgb

    one.product = labelled((0.92, 0.9, 0.82))
    one.photo = torch.lerp(torch.tensor([0.9, 0.89, 0.87]).expand_as(one.product), one.product, one.mask[..., None])
    assert one.report(one.picture())["passed"] is True
    report = one.report(one.picture(labelled((0.9, 0.6, 0.6))))
    assert report["findings"] == [{"kind": "colour", "place": "middle"}], report["reasons"]
