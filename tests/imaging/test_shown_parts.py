"""A part that one network left out is kept where another one is sure of it and the picture shows something there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_looks
from prodgen_nodes.imaging.segmentation.shown_parts import SHOWN
from torch import Tensor

from .segmentation_products import Scene, scene

SIDE = 480


def bag() -> Scene:
    return scene("bag", 1, size=SIDE)


def without_its_foot(made: Scene) -> Tensor:
    """What a network sees that takes the lower third of the bag for no product, and has no doubt of that."""
    mask = made.alpha.clone()
    rows = torch.where(made.alpha.amax(dim=1) > 0.5)[0]
    mask[int(rows.max()) - len(rows) // 3 :] = 0.0
    return mask


def look_at(photo: Tensor, mask: Tensor, asked: list[int] | None = None) -> Callable[[Tensor], Tensor]:
    """A look at the photo or at its mirror image; of a picture of another size it sees as much."""

    def look(picture: Tensor) -> Tensor:
        if asked is not None:
            asked.append(1)
        size = (picture.shape[1], picture.shape[2])
        same = F.interpolate(photo[None].movedim(-1, 1), size=size, mode="area")[0].movedim(0, -1)
        return mask if (picture[0] - same).abs().mean() < (picture[0].flip(1) - same).abs().mean() else mask.flip(1)

    return look


def cut(photo: Tensor, first: Tensor, other: Tensor, asked: list[int] | None = None) -> Cutout:
    return from_looks(photo, look_at(photo, first), None, "auto", look_at(photo, other, asked))


def test_what_another_network_and_the_picture_show_is_kept_as_a_doubt() -> None:
    made = bag()
    lost = without_its_foot(made)
    part = (made.alpha > 0.99) & (lost < 0.01)
    alone = from_looks(made.photo, look_at(made.photo, lost))
    assert float(alone.alpha[part].mean()) < 0.2, "nothing would be to mend"
    whole = cut(made.photo, lost, made.alpha)
    assert float(whole.alpha[part].mean()) > 0.99
    assert float(whole.alpha[made.alpha < 0.01].mean()) < 0.004
    assert 0.5 <= whole.confidence < TRUSTED and SHOWN in whole.report["reasons"], whole.report


@pytest.mark.first(1)
@pytest.mark.parametrize("sees", [0.0, 0.6])
def test_what_the_other_network_is_not_sure_of_is_not_kept(sees: float) -> None:
    """A hand, a prop: the picture shows them, too."""
    made = bag()
    lost = without_its_foot(made)
    other = torch.maximum(lost, sees * made.alpha)
    kept = cut(made.photo, lost, other)
    assert SHOWN not in kept.report["reasons"]
    assert float(kept.alpha[(made.alpha > 0.99) & (lost < 0.01)].mean()) < 0.2


def test_what_the_picture_does_not_show_is_not_kept() -> None:
    """The other network fills the opening under the handle, and takes ground for product."""
    made = bag()
    rows, columns = torch.where(made.alpha > 0.5)
    filled = made.alpha.clone()
    filled[int(rows.min()) : min(SIDE, int(rows.max()) + 25), int(columns.min()) : int(columns.max())] = 1.0
    kept = cut(made.photo, made.alpha, filled)
    assert SHOWN not in kept.report["reasons"]
    assert float(kept.alpha[(filled > 0.5) & (made.alpha < 0.01)].mean()) < 0.01


def test_the_other_network_is_not_asked_where_the_picture_shows_nothing_more() -> None:
    made = bag()
    asked: list[int] = []
    whole = cut(made.photo, made.alpha, made.alpha, asked)
    assert not asked and whole.confidence >= TRUSTED


def test_before_a_busy_backdrop_the_picture_is_no_witness() -> None:
    made = bag()
    noise = torch.rand(24, 24, 3, generator=torch.Generator().manual_seed(4))
    busy = F.interpolate(noise.movedim(-1, 0)[None], size=(SIDE, SIDE), mode="bilinear")[0].movedim(0, -1)
    photo = made.photo * made.alpha[..., None] + busy * (1 - made.alpha[..., None])
    assert SHOWN not in cut(photo, without_its_foot(made), made.alpha).report["reasons"]
