"""What was painted roughly is cut out as the object meant; a dab marks what it lies on; else it is as before."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.filters import dilate, erode
from prodgen_nodes.imaging.segmentation import from_model
from prodgen_nodes.imaging.segmentation.painted_object import DAB, FITS, UNSEEN, from_painted, object_meant
from torch import Tensor

from .test_whole_objects import SIDE, TOY, Knows, disc, scene

CUP = TOY
ALL_AROUND = disc(128, 128, 120)
PART = disc(100, 118, 15)


def overlap(one: Tensor, other: Tensor) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("paint", [CUP, erode(CUP, 6), dilate(CUP, 6), disc(114, 124, 60)])
def test_sloppy_paint_means_the_object(paint: Tensor) -> None:
    meant = object_meant(Knows(PART, CUP, ALL_AROUND), paint.float())
    assert meant is not None
    assert not meant.dab
    assert overlap(meant.answer > 0, CUP) == 1.0


def test_paint_over_half_of_it_means_no_object() -> None:
    half = CUP.clone()
    half[:, :110] = False
    assert object_meant(Knows(CUP), half.float()) is None


def test_a_network_that_fits_as_well_is_kept() -> None:
    """It knows the openings that an object has filled."""
    ring = CUP & ~disc(110, 128, 30)
    assert object_meant(Knows(CUP), ring.float(), ring.float()) is None
    assert object_meant(Knows(CUP), CUP.float(), CUP.float()) is None
    assert object_meant(Knows(CUP), CUP.float(), ALL_AROUND.float()) is not None


def test_a_dab_means_what_it_lies_on() -> None:
    meant = object_meant(Knows(CUP), disc(110, 128, 8).float())
    assert meant is not None
    assert meant.dab
    assert overlap(meant.answer > 0, CUP) == 1.0
    assert object_meant(Knows(CUP), disc(230, 30, 8).float()) is None
    assert object_meant(Knows(CUP), torch.zeros((SIDE, SIDE))) is None


def test_before_a_busy_backdrop_the_objects_end_is_the_products() -> None:
    """A network that took a prop for the product, and paint that ends within it."""
    prop = disc(190, 150, 30)
    photo = scene([(prop, (0.8, 0.35, 0.15)), (CUP, (0.8, 0.3, 0.1))])
    mask, paint = (CUP | prop).float(), dilate(CUP, 6).float()
    before = from_model(photo, mask, paint)
    better = from_painted(photo, mask, paint, Knows(CUP, prop), None, "auto")
    assert overlap(better.alpha > 0.5, CUP) > max(0.96, overlap(before.alpha > 0.5, CUP))
    assert FITS in better.report["notes"]
    assert UNSEEN in better.report["reasons"]
    assert 0.5 <= better.confidence < 0.75


def test_without_such_a_network_the_outline_is_doubted_there_unless_another_sees_what_was_painted() -> None:
    photo = scene([(CUP, (0.8, 0.3, 0.1))])
    for mask, doubted in ((CUP, False), (PART, True), (ALL_AROUND, True)):
        cut = from_painted(photo, mask.float(), CUP.float(), None, None, "auto")
        before = from_model(photo, mask.float(), CUP.float())
        assert (UNSEEN in cut.report["reasons"]) == doubted
        assert cut.confidence == (min(0.74, before.confidence) if doubted else before.confidence)
        assert torch.equal(cut.alpha, before.alpha)


def test_a_piece_of_the_object_that_hangs_on_nothing_painted_stays_behind() -> None:
    """A part of an arm that the network half takes for the bag's."""
    scrap = disc(225, 60, 9)
    photo = scene([(scrap, (0.8, 0.3, 0.1)), (CUP, (0.8, 0.3, 0.1))])
    cut = from_painted(photo, torch.zeros((SIDE, SIDE)), CUP.float(), Knows(CUP | scrap), None, "all")
    assert FITS in cut.report["notes"]
    assert float(cut.alpha[scrap].max()) < 0.05
    assert float(cut.alpha[erode(CUP, 4)].min()) > 0.95


def test_before_a_plain_backdrop_nothing_changes() -> None:
    photo = torch.full((SIDE, SIDE, 3), 0.9)
    photo[CUP] = torch.tensor([0.8, 0.3, 0.1])
    cut = from_painted(photo, CUP.float(), CUP.float(), Knows(CUP), None, "auto")
    assert UNSEEN not in cut.report["reasons"]
    assert cut.confidence >= 0.75


def test_a_dab_is_delivered_with_a_doubt() -> None:
    photo = scene([(CUP, (0.8, 0.3, 0.1))])
    cut = from_painted(photo, torch.zeros((SIDE, SIDE)), disc(110, 128, 8).float(), Knows(CUP), None, "auto")
    assert overlap(cut.alpha > 0.5, CUP) > 0.95
    assert DAB in cut.report["reasons"]
    assert cut.confidence == pytest.approx(0.55)
