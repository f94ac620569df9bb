"""Which products have a handle: many kinds, at every size, mirrored, tilted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.handle import ErasedHandle, erase_handle
from prodgen_nodes.imaging.handle.topology import neighbours
from torch import Tensor

from tests.imaging.handle_kinds import (
    HELD_OUT_WITH,
    HELD_OUT_WITHOUT,
    bucket,
    held_headphones,
    jug,
    kettle,
    sandal,
    shopper,
    studio_headphones,
    trolley,
)
from tests.imaging.handle_products import Maker, ellipse, score

KINDS_WITH = (jug, kettle, trolley, *HELD_OUT_WITH)
KINDS_WITHOUT = (held_headphones, sandal, *HELD_OUT_WITHOUT)


def erased_of(alpha: Tensor) -> ErasedHandle:
    return erase_handle(torch.full((1, *alpha.shape, 3), 0.5), alpha[None])


@pytest.mark.parametrize("maker", KINDS_WITH, ids=lambda maker: maker.__name__)
def test_the_handle_of_every_kind_is_opened(maker: Maker) -> None:
    random = np.random.default_rng(1)
    alpha, handle = maker(random).render(240, random.uniform(-12, 12))
    result = erased_of(alpha)
    assert result.reports[0]["found"], result.reports[0]["reason"]
    got = score(result.erased[0], handle)
    assert got.purity >= 0.97 and 0.15 <= got.share <= 0.5, got


@pytest.mark.parametrize("maker", KINDS_WITHOUT, ids=lambda maker: maker.__name__)
def test_what_looks_like_a_handle_is_left_alone(maker: Maker) -> None:
    random = np.random.default_rng(1)
    alpha, _ = maker(random).render(240, random.uniform(-8, 8))
    result = erased_of(alpha)
    assert not result.reports[0]["found"] and torch.equal(result.mask[0], alpha)


@pytest.mark.first(3)
@pytest.mark.parametrize(
    "maker", [shopper, trolley, jug, bucket, studio_headphones, sandal], ids=lambda maker: maker.__name__
)
def test_size_and_mirror_do_not_change_the_answer(maker: Maker) -> None:
    """The same product from a quarter to four times its size, and as the other hand sees it."""
    alpha, _ = maker(np.random.default_rng(3)).render(1024, 5.0)
    answers, lengths = [], []
    for factor in (1, 4, 16):
        small = F.avg_pool2d(alpha[None, None], factor)[0, 0]
        report = erased_of(small.flip(1) if factor == 4 else small).reports[0]
        answers.append((report["found"], report.get("kind"), report.get("strands")))
        lengths.append(report.get("length_px", 0.0) * factor)
    assert len(set(answers)) == 1, answers
    assert lengths == pytest.approx([lengths[0]] * 3, rel=0.08)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_both_straps_of_a_tote_are_opened(seed: int) -> None:
    alpha, handle = shopper(np.random.default_rng(seed)).render(280)
    result = erased_of(alpha)
    assert result.reports[0]["strands"] == 2
    assert score(result.erased[0], handle).share > 0.15


@pytest.mark.parametrize("size", [8, 9, 12, 40])
def test_a_loop_that_fills_its_picture_is_no_crash(size: int) -> None:
    """Strands may run along the border of the picture and of the grid they are traced on."""
    for points in (ellipse(0.5, 0.5, 0.5, 0.5), ellipse(0.5, 0.9, 0.5, 0.9)):
        at = torch.tensor(points) * size
        y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
        near = torch.cdist(torch.stack((x, y), -1).view(-1, 2), at.float()).amin(dim=1).view(size, size)
        alpha = ((size / 10 - near) + 0.5).clamp(0, 1)
        alpha[-size // 3 :] = 1.0
        erased_of(alpha)


def test_pixels_touch_at_the_border_too() -> None:
    full = np.nonzero(np.ones((2, 3), bool))
    sources, targets, lengths = neighbours((2, 3), *full)
    assert len(sources) == 11 and sorted(set(lengths.round(3))) == [1.0, 1.414]
    pairs = {frozenset(pair) for pair in zip(sources.tolist(), targets.tolist(), strict=True)}
    assert len(pairs) == 11 and frozenset((2, 3)) not in pairs, "the end of a row does not touch the next one's start"
