"""Openings that are in question: the photo is looked at upside down."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks
from torch import Tensor

SIDE = 420
HOLE = (slice(106, 140), slice(150, 270))
WHITE, BLUE, GREEN, BROWN = (0.93, 0.93, 0.92), (0.2, 0.3, 0.6), (0.2, 0.5, 0.3), (0.45, 0.3, 0.2)


def board() -> Tensor:
    """Alpha of a board without an opening."""
    alpha = torch.zeros(SIDE, SIDE)
    alpha[90:330, 90:330] = 1.0
    return alpha


def with_opening() -> Tensor:
    """The same with one."""
    alpha = board()
    alpha[HOLE] = 0.0
    return alpha


def filled(response: float = 0.96) -> Tensor:
    """What is seen of a board whose opening is filled: not quite as sure as the rest."""
    return board() - (1 - response) * (board() - with_opening())


def wall(busy: bool) -> Tensor:
    """What is behind: one colour, or boards of wood and brick."""
    generator = torch.Generator().manual_seed(7)
    if not busy:
        return torch.tensor(WHITE).expand(SIDE, SIDE, 3) + torch.randn(SIDE, SIDE, 3, generator=generator) * 0.004
    squares = torch.rand(21, 21, 1, generator=generator) * torch.tensor((0.8, 0.5, 0.3)) + 0.1
    return squares.repeat_interleave(20, 0).repeat_interleave(20, 1)


def photo_of(alpha: Tensor, behind: Tensor, inlay: tuple[float, ...] | None = None) -> Tensor:
    """A blue board before what is `behind`, with an `inlay` where its opening would be."""
    color = torch.tensor(BLUE) + torch.randn(SIDE, SIDE, 3, generator=torch.Generator().manual_seed(2)) * 0.01
    if inlay is not None:
        color[HOLE] = torch.tensor(inlay)
        color[290:310, 100:320] = torch.tensor(inlay)
    share = alpha.unsqueeze(-1)
    return (color * share + behind * (1 - share)).clamp(0, 1)


class Habits:
    """A network that sees `upright` in the photo and its mirror image, and `turned` in the photo upside down."""

    def __init__(self, photo: Tensor, upright: Tensor, turned: Tensor) -> None:
        self.photo, self.upright, self.turned, self.looks = photo, upright, turned, 0

    def __call__(self, picture: Tensor) -> Tensor:
        self.looks += 1
        if torch.equal(picture[0], self.photo):
            seen = self.upright
        elif torch.equal(picture[0], self.photo.flip(1)):
            seen = self.upright.flip(1)
        else:
            assert torch.equal(picture[0], self.photo.flip(0, 1)), "a network sees the photo, mirrored or upside down"
            seen = self.turned.flip(0, 1)
        return F.interpolate(seen[None, None], 1024, mode="area")[0, 0]


def test_an_opening_that_is_seen_upside_down_is_not_believed_filled() -> None:
    photo = photo_of(with_opening(), wall(busy=True))
    network = Habits(photo, filled(), with_opening())
    cut = from_looks(photo, network)
    assert float(cut.alpha[HOLE].mean()) > 0.9, "filled by who knows boards"
    assert network.looks == 3 and cut.report["looks"] == 3
    assert cut.confidence < TRUSTED and "behind the product" in cut.report["reasons"][-1], cut.report


@pytest.mark.parametrize("turned", [board(), with_opening()], ids=["seen", "not seen upside down"])
def test_a_part_of_the_products_own_colours_stays_believed(turned: Tensor) -> None:
    """Also where an upside-down look sees nothing of it: a print of the wall's colours, and twice."""
    photo, behind = photo_of(board(), wall(busy=True)), wall(busy=True)
    for part in (HOLE, (slice(200, 234), slice(150, 270))):
        photo[part] = behind[HOLE]
    cut = from_looks(photo, Habits(photo, filled(), turned))
    assert cut.confidence >= TRUSTED and cut.report["looks"] == 3, cut.report


@pytest.mark.parametrize("inlay", [None, GREEN], ids=["plain", "inlay"])
def test_who_has_none_of_the_colours_around_is_not_looked_at_upside_down(inlay: tuple[float, ...] | None) -> None:
    photo = photo_of(board(), wall(busy=True), inlay)
    network = Habits(photo, filled(), with_opening())
    assert from_looks(photo, network).confidence >= TRUSTED and network.looks == 2


def test_a_print_of_the_colours_around_that_both_looks_are_certain_of_is_not_asked_about() -> None:
    photo, behind = photo_of(board(), wall(busy=True)), wall(busy=True)
    photo[HOLE] = behind[HOLE]
    network = Habits(photo, board(), with_opening())
    assert from_looks(photo, network).confidence >= TRUSTED and network.looks == 2


def test_what_was_opened_against_the_network_is_asked_for() -> None:
    """Something as white as the wall: a patch to who sees it so upside down too, and is kept; else an opening."""
    photo = photo_of(with_opening(), wall(busy=False))
    nearly = board() - 0.06 * (board() - with_opening())
    patch, opening = (Habits(photo, nearly, turned) for turned in (board(), with_opening()))
    doubted, believed = from_looks(photo, patch), from_looks(photo, opening)
    assert (patch.looks, opening.looks) == (2, 3)
    assert doubted.confidence < TRUSTED and "is it an opening" in doubted.report["reasons"][-1], doubted.report
    assert float(believed.alpha[HOLE].mean()) < 0.1 and believed.confidence >= TRUSTED, believed.report


@pytest.mark.first(1)
@pytest.mark.parametrize("parts", [[HOLE], [HOLE, (slice(93, 103), slice(150, 270))]], ids=["within", "at the edge"])
def test_a_part_as_pale_as_the_wall_that_every_look_sees_is_whole(parts: list[tuple[slice, slice]]) -> None:
    """And nothing else is added: the outline beside it stays where it is, and so does what is an opening to a look."""
    photo, seen = photo_of(board(), wall(busy=False)), board()
    hole = (slice(260, 300), slice(150, 270))
    seen[hole] = 0.0
    for part in (*parts, hole):
        photo[part] = wall(busy=False)[part]
    cut = from_looks(photo, Habits(photo, seen, seen))
    assert all(float(cut.alpha[part].min()) > 0.99 for part in parts[:1]), cut.report
    assert float(cut.alpha[270:290, 160:260].max()) < 0.01 and float(cut.alpha[board() < 0.5].sum()) < 40
    assert cut.confidence < TRUSTED and abs(cut.report["coverage"] - float(cut.alpha.mean())) < 1e-6


def test_a_coarse_network_proves_no_pale_part() -> None:
    """One of few pixels takes a handle's opening for product whichever way up it is."""
    photo, seen = photo_of(with_opening(), wall(busy=False)), board() - 0.06 * (board() - with_opening())

    def coarse(picture: Tensor) -> Tensor:
        return F.interpolate(seen[None, None], 320, mode="area")[0, 0]

    assert float(from_looks(photo, coarse).alpha[HOLE].mean()) < 0.1


def test_before_a_plain_backdrop_nothing_is_asked_where_nothing_is_in_question() -> None:
    photo = photo_of(with_opening(), wall(busy=False))
    network = Habits(photo, with_opening(), board())
    assert from_looks(photo, network).confidence >= TRUSTED and network.looks == 2, "as it is and mirrored"


def test_a_product_of_a_few_pixels_is_not_believed() -> None:
    photo = photo_of(board(), wall(busy=False))[::2, ::2]
    cut = from_looks(photo, lambda _: board()[::2, ::2])
    assert 0.5 <= cut.confidence < TRUSTED and "larger photo" in cut.report["reasons"][-1], cut.report
