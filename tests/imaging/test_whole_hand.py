"""A hand of which a part was found is kept whole where a network sees it, and the product's pixels never are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.occlusion import keep_in_front
from prodgen_nodes.imaging.occlusion.whole_hand import with_the_rest
from torch import Tensor

from tests.imaging.occlusion_scenes import SKIN, hand_scene
from tests.imaging.registration_scenes import bag_photo

SIDE = 200
VIOLET = (0.45, 0.3, 0.75)


class Sees:
    """Knows one object: what is red in the picture."""

    def __init__(self, picture: Tensor) -> None:
        scale = 256 / max(picture.shape[1:3])
        self.grid = (round(picture.shape[1] * scale), round(picture.shape[2] * scale))
        red = F.interpolate(picture[None, ..., 0], size=self.grid, mode="bilinear", align_corners=False)[0, 0]
        self._answer = 40 * (red - 0.5)

    def objects(self, points: Tensor, box: object = None) -> tuple[Tensor, Tensor]:
        return torch.stack([self._answer] * 3), torch.ones(3)


def rectangle(top: int, left: int, bottom: int, right: int) -> Tensor:
    plane = torch.zeros((SIDE, SIDE), dtype=torch.bool)
    plane[top:bottom, left:right] = True
    return plane


INSIDE, HAND, FOUND = rectangle(0, 0, SIDE, 150), rectangle(80, 60, 120, 200), rectangle(80, 100, 120, 150)


def completed(drawn: Tensor = HAND, unlike: Tensor = HAND, found: Tensor = FOUND, see: object = Sees) -> Tensor:
    scene = torch.stack([drawn.float()] * 3, dim=-1)
    own = torch.zeros_like(INSIDE)
    return with_the_rest(found.float(), 20.0 * unlike, own, INSIDE, scene, see) > 0.5  # type: ignore[arg-type]


def test_the_rest_of_a_hand_comes() -> None:
    kept, wanted = completed(), HAND & INSIDE
    assert (kept & wanted).sum() >= 0.97 * (kept | wanted).sum()
    assert not bool((kept & ~HAND).any())


def test_where_nothing_is_missing_nobody_is_asked() -> None:
    def asked(picture: Tensor) -> None:
        raise AssertionError("asked")

    assert torch.equal(completed(unlike=FOUND, see=asked), FOUND)


@pytest.mark.parametrize(
    ("drawn", "unlike"),
    [
        (INSIDE | HAND, HAND),
        (rectangle(60, 0, 140, 200), rectangle(60, 60, 140, 150)),
        (rectangle(80, 60, 120, 150), HAND),
        (HAND, INSIDE),
    ],
    ids=["the product with it", "a part of the product with it", "ends with the product", "a product drawn anew"],
)
def test_what_may_be_the_product_does_not_come(drawn: Tensor, unlike: Tensor) -> None:
    assert torch.equal(completed(drawn, unlike), FOUND)


def test_without_the_network_it_stays_as_it_is() -> None:
    assert torch.equal(completed(see=lambda picture: None), FOUND)


def test_fingers_with_tips_in_another_colour_are_kept_whole() -> None:
    photo = bag_photo(0, 700)
    case = hand_scene(photo, SKIN["light"], seed=1, angle=2.8)
    x, y = np.mean(case.points, axis=0)
    rows, columns = np.indices(case.fingers.shape) + 0.5
    tips = (case.fingers * (np.hypot(columns - x, rows - y) < 55))[..., None]
    scene = case.scene[0].numpy() * (1 - tips) + np.array(VIOLET) * tips
    scene = torch.from_numpy(scene.astype(np.float32))[None]

    def see(picture: Tensor) -> Sees:
        """The fingers are where the crop has the scene's own pixels."""
        flat = scene[0].unfold(0, picture.shape[1], 1).unfold(1, picture.shape[2], 1)[..., 0, 0]
        row, column = np.unravel_index(int((flat - picture[0, 0, 0]).abs().sum(dim=-1).argmin()), flat.shape[:2])
        red = torch.from_numpy(case.fingers)[row : row + picture.shape[1], column : column + picture.shape[2]]
        return Sees(red.float()[None, ..., None])

    def overlap(**settings: object) -> float:
        kept = keep_in_front(scene, *photo.tensors, case.placement, **settings)  # type: ignore[arg-type]
        mask, inside = kept.mask[0].numpy() > 0.5, case.alpha > 0.5
        truth = (case.fingers > 0.5) & inside
        assert ("a network that knows objects" in kept.reports[0]["evidence"]) == bool(settings)
        return float((mask & truth).sum() / ((mask & inside) | truth).sum())

    assert overlap() < 0.75
    assert overlap(see=see) > 0.93
