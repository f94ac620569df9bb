"""One look of a network, or two where the first is doubted."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks, from_model, more_trusted
from prodgen_nodes.imaging.segmentation.looks import alike
from torch import Tensor

from .segmentation_products import Scene, errors, scene

SIDE = 480
"""Pixels in which a bag is large enough to be believed."""


class OneSided:
    """A network that sees a product whole, unless it lies in the left half of its picture."""

    def __init__(self, made: Scene) -> None:
        self.made, self.looks = made, 0

    def __call__(self, picture: Tensor) -> Tensor:
        self.looks += 1
        here = self.made.alpha
        if not torch.equal(picture[0], self.made.photo):
            assert torch.equal(picture[0], self.made.photo.flip(1)), "a network sees the photo or its mirror image"
            here = here.flip(1)
        mask = here.clone()
        half = mask.shape[1] // 2
        mask[mask.shape[0] // 2 :, :half] *= 0.4
        return mask


def placed(side: str) -> Scene:
    """A product in one half of its picture."""
    made = scene("bag", 1, size=SIDE)
    empty = made.photo[:, :24].mean(dim=1, keepdim=True).expand(-1, SIDE, -1)
    noise = torch.randn(empty.shape, generator=torch.Generator().manual_seed(4)) * 0.004
    photo = torch.cat((made.photo, (empty + noise).clamp(0, 1)), dim=1)
    alpha = torch.cat((made.alpha, torch.zeros_like(made.alpha)), dim=1)
    if side == "right":
        photo, alpha = photo.flip(1), alpha.flip(1)
    return Scene(photo.contiguous(), alpha.contiguous(), photo)


def test_what_is_seen_at_once_is_only_compared_with_a_second_look() -> None:
    """What that one lost the picture shows to be no backdrop."""
    network = OneSided(placed("right"))
    cut = from_looks(network.made.photo, network)
    assert cut.confidence >= TRUSTED and network.looks == 2 and cut.report["looks"] == 2, cut.report


def test_what_is_lost_in_the_photo_is_found_in_its_mirror_image() -> None:
    network = OneSided(placed("left"))
    one = from_model(network.made.photo, network(network.made.photo.unsqueeze(0)))
    assert one.confidence < TRUSTED, one.report
    network.looks = 0
    cut = from_looks(network.made.photo, network)
    assert network.looks == 2 and cut.report["looks"] == 2, cut.report
    assert one.confidence < 0.5 <= cut.confidence < TRUSTED, "found, and not believed: two looks saw different products"
    assert "two looks" in cut.report["reasons"][-1]
    assert errors(cut.alpha, network.made.alpha)[2] >= 0.985
    assert errors(cut.alpha, network.made.alpha)[2] >= errors(one.alpha, network.made.alpha)[2]


@pytest.mark.parametrize("side", ["left", pytest.param("right", marks=pytest.mark.slow)])
def test_a_photo_and_its_mirror_image_are_cut_alike(side: str) -> None:
    """However blind the network is on one side."""
    made = placed(side)
    mirrored = Scene(made.photo.flip(1).contiguous(), made.alpha.flip(1).contiguous(), made.color.flip(1))
    here, there = from_looks(made.photo, OneSided(made)), from_looks(mirrored.photo, OneSided(mirrored))
    assert min(here.confidence, there.confidence) >= 0.5, (here.report, there.report)
    assert float((here.alpha - there.alpha.flip(1)).abs().mean()) < 2e-3


def test_before_a_busy_backdrop_a_second_look_that_sees_less_is_a_doubt() -> None:
    made = scene("bag", 1, size=520)
    squares = torch.randint(0, 2, (26, 26, 3), generator=torch.Generator().manual_seed(7)).float() * 0.8 + 0.1
    busy = squares.repeat_interleave(20, 0).repeat_interleave(20, 1)
    photo = made.color * made.alpha.unsqueeze(-1) + busy * (1 - made.alpha.unsqueeze(-1))
    lacking = made.alpha.clone()
    rows, columns = torch.where(made.alpha > 0.5)
    lacking[int(rows.max()) - 40 :, : int(columns.min()) + 60] = 0.0  # a wheel, a foot
    seen = iter([made.alpha, lacking.flip(1), made.alpha, made.alpha.flip(1)])
    doubted, agreed = from_looks(photo, lambda _: next(seen)), from_looks(photo, lambda _: next(seen))
    assert agreed.confidence >= TRUSTED and agreed.report["looks"] == 2, agreed.report
    assert doubted.confidence < TRUSTED and "two looks" in doubted.report["reasons"][-1], doubted.report
    assert doubted.confidence == doubted.report["confidence"]


def test_of_two_that_are_trusted_alike_the_one_with_more_is_taken() -> None:
    made = scene("bag", 1, size=256)
    whole = from_model(made.photo, made.alpha)
    part = from_model(made.photo, made.alpha * (torch.arange(256) > 120).float())
    assert part.report["coverage"] < whole.report["coverage"] and part.confidence < whole.confidence
    alike = type(part)(part.product, part.alpha, whole.confidence + 0.01, part.report)
    assert more_trusted(alike, whole) is whole and more_trusted(whole, alike) is whole
    assert more_trusted(part, whole) is whole and more_trusted(whole, part) is whole


def plank(seed: int) -> Tensor:
    """What a look sees of a board with a strap over it, its outline drawn anew each time to a pixel."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.zeros(SIDE, SIDE)
    left, right = (int(value) for value in torch.randint(0, 2, (2,), generator=generator))
    mask[200:400, 100 + left : 380 + right] = 1.0
    mask[100:200, 236:240] = 1.0
    return mask


@pytest.mark.parametrize("seed", range(3))
def test_two_looks_at_one_product_are_alike_unless_one_lacks_something_thin(seed: int) -> None:
    one, other = plank(seed), plank(seed + 10)
    assert alike(one, other)
    lost, opened_ = other.clone(), other.clone()
    lost[100:180] = 0.0
    opened_[280:284, 150:300] = 0.0
    for less in (lost, opened_):
        assert not alike(one, less) and not alike(less, one)


class Unsteady:
    """A network whose look at a busy photo and that at its mirror image differ by a pixel at one side."""

    def __init__(self, photo: Tensor, alpha: Tensor) -> None:
        self.photo, self.alpha = photo, alpha

    def __call__(self, picture: Tensor) -> Tensor:
        if torch.equal(picture[0], self.photo):
            return self.alpha
        return self.alpha.roll(1, dims=1).flip(1)


def test_a_busy_photo_that_two_looks_see_alike_is_cut_like_its_mirror_image() -> None:
    """Both looks together say what is product, whichever came first."""
    made = scene("bag", 1, size=SIDE)
    squares = torch.rand(SIDE // 20, SIDE // 20, 3, generator=torch.Generator().manual_seed(7))
    busy = squares.repeat_interleave(20, 0).repeat_interleave(20, 1)
    photo = made.color * made.alpha.unsqueeze(-1) + busy * (1 - made.alpha.unsqueeze(-1))
    here = from_looks(photo, Unsteady(photo, made.alpha))
    turned = photo.flip(1).contiguous()
    there = from_looks(turned, Unsteady(turned, made.alpha.roll(1, dims=1).flip(1)))
    assert here.report["backdrop"]["plain"] < 0.5 and abs(here.confidence - there.confidence) < 0.01
    assert float((here.alpha - there.alpha.flip(1)).abs().mean()) < 1e-4


@pytest.mark.parametrize("busy", [True, False])
def test_what_was_left_out_before_a_busy_backdrop_may_be_a_part(busy: bool) -> None:
    """The end of an earring's wire; before a plain backdrop it is a mark or a date."""
    made = scene("jar", 1, size=640)
    photo, mask = made.photo.clone(), made.alpha.clone()
    if busy:
        noise = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(4))
        spots = torch.nn.functional.interpolate(noise[None], size=mask.shape, mode="bilinear")[0].movedim(0, -1)
        photo = photo * mask[..., None] + spots * (1 - mask[..., None])
    photo[20:32, 20:32] = torch.tensor([0.1, 0.3, 0.2])
    mask[20:32, 20:32] = 1.0

    def look(picture: Tensor) -> Tensor:
        return mask if torch.equal(picture[0], photo) else mask.flip(1)

    cut = from_looks(photo, look)
    assert cut.report["extras"] and float(cut.alpha[20:32, 20:32].max()) == 0.0
    assert (cut.confidence < TRUSTED) == busy and cut.confidence >= 0.5, cut.report
    assert any("left out before the busy" in why for why in cut.report["reasons"]) == busy
