"""Real hands over products without a handle: what is kept in front is the hand, everything else the seller's."""

from __future__ import annotations

from itertools import product as pairs

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.occlusion import keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from scipy import ndimage

from tests.imaging.grip_products import product
from tests.imaging.held_products import HANDS, Held, held

COLORS = {"bottle": (0.04, 0.1, 0.3), "phone": (0.02, 0.02, 0.025), "carton": (0.6, 0.58, 0.55)}
TONES = (1.0, 0.4)
CASES = [(*case, number) for number, case in enumerate(pairs(COLORS, HANDS, TONES))]


def seen(kind: str, hand: str, tone: float, number: int) -> tuple[Held, np.ndarray, float]:
    """The composite, what was kept, and the largest change of the seller's pixels outside it."""
    photo = product(kind, COLORS[kind], number, 600)
    rgb, alpha = photo.tensors
    case = held(photo, hand, tone, number, right=bool(number % 2))
    kept = keep_in_front(case.scene, rgb, alpha, case.placement, zone=case.zone).mask
    pasted = paste_back(case.scene, rgb, alpha, case.placement, 1.0, 0.0, kept).image
    alone = paste_back(torch.ones_like(case.scene), rgb, alpha, case.placement, 1.0, 0.0).image
    own = ndimage.binary_erosion(case.alpha > 0.999, iterations=3) & (kept[0].numpy() == 0)
    assert own.sum() > 500
    return case, kept[0].numpy(), float((pasted - alone)[0][torch.from_numpy(own)].abs().max())


def overlap(case: Held, kept: np.ndarray) -> float:
    inside = case.alpha > 0.5
    truth, found = (case.hand > 0.5) & inside, (kept > 0.5) & inside
    assert truth.sum() > 300
    return float((truth & found).sum() / (truth | found).sum())


@pytest.mark.parametrize("cases", [CASES[::5], pytest.param(CASES, marks=pytest.mark.slow)], ids=["some", "all"])
def test_the_hand_is_found_and_the_rest_is_exact(cases: list[tuple[str, str, float, int]]) -> None:
    found = {case: seen(*case) for case in cases}
    ious = {case: overlap(scene, kept) for case, (scene, kept, _) in found.items()}
    assert np.median(list(ious.values())) >= 0.9, ious
    assert min(ious.values()) >= 0.85, ious
    assert max(change for _, _, change in found.values()) == 0


@pytest.mark.first(1)
@pytest.mark.parametrize("kind", COLORS)
def test_without_a_hand_nothing_is_kept(kind: str) -> None:
    photo = product(kind, COLORS[kind], 3, 600)
    case = held(photo, None, 1.0, 3, right=True)
    kept = keep_in_front(case.scene, *photo.tensors, case.placement, zone=case.zone).mask[0].numpy()
    assert (kept * case.alpha).sum() <= 0.003 * case.alpha.sum()
