"""A base that is as black as what it stands on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model

SIDE = 420


@pytest.mark.parametrize(("base", "believed"), [(0.055, False), (0.3, True)], ids=["black", "grey"])
def test_a_black_base_before_black_is_not_believed(base: float, believed: bool) -> None:
    """However well a network drew it: nobody can see."""
    product = np.zeros((SIDE, SIDE, 1), dtype=np.float32)
    product[60:360, 140:280] = 1.0
    light = np.where(np.arange(SIDE) < 300, 0.7, base).astype(np.float32)[:, None, None]
    photo = np.array((1.0, 0.8, 0.6), dtype=np.float32) * light * product + 0.015 * (1 - product)
    photo = photo + np.random.default_rng(5).normal(0, 0.003, photo.shape)
    mask = torch.nn.functional.interpolate(torch.from_numpy(product[None, None, :, :, 0]), 1024, mode="area")[0, 0]
    cut = from_model(torch.from_numpy(photo.clip(0, 1).astype(np.float32)), mask)
    assert float(cut.alpha[330, 210]) > 0.9
    assert (cut.confidence >= TRUSTED) == believed, cut.report
    assert any("both black" in reason for reason in cut.report["reasons"]) != believed, cut.report
