"""Keep Fingers in Front in coloured light: a pale label on dark glass has skin's colours there and is no hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from prodgen_nodes.imaging.occlusion import Kept, keep_in_front

from tests.imaging.grip_products import product
from tests.imaging.held_products import Held, held
from tests.imaging.registration_scenes import Photo, to_srgb

LIGHTS = {
    "neutral": (1.0, 1.0, 1.0),
    "warm": (1.15, 0.88, 0.7),
    "sunset": (1.25, 0.75, 0.45),
    "red": (1.4, 0.5, 0.35),
    "blue": (0.5, 0.8, 1.5),
    "dim": (0.5, 0.3, 0.18),
}
LIGHT = [name if name in ("neutral", "blue", "dim") else pytest.param(name, marks=pytest.mark.slow) for name in LIGHTS]
GLOVES = {"blue": (0.1, 0.35, 0.9), "green": (0.1, 0.6, 0.2)}
LEAST = {"blue": 0.8, "dim": 0.7}
"""Of the overlap where the light leaves little between skin and the label, 0.85 elsewhere."""
AMBER = (0.28, 0.09, 0.004)


@cache
def amber_bottle() -> Photo:
    """Brown glass, next to no blue in it, with a label all around that is nearly white."""
    photo = product("bottle", AMBER, 2, 600)
    rgb = photo.rgb.copy()
    rows = slice(int(0.42 * 600), int(0.72 * 600))
    across = np.clip((np.linspace(-1, 1, 600) * 0.5) / 0.135, -1, 1)
    shade = (0.4 + 0.6 * np.sqrt(1 - across**2))[None, :, None]
    rgb[rows] = to_srgb(np.array((0.72, 0.66, 0.68)) * np.broadcast_to(shade, rgb[rows].shape))
    rgb[rows][40:50, 250:350] *= 0.3
    return Photo(rgb, photo.alpha)


def kept(case: Held) -> Kept:
    return keep_in_front(case.scene, *amber_bottle().tensors, case.placement, zone=case.zone)


@pytest.mark.parametrize("light", LIGHT)
def test_a_pale_label_is_no_hand_in_any_light(light: str) -> None:
    case = held(amber_bottle(), "open_light", 1.0, 1, right=True, tint=LIGHTS[light])
    found, inside = kept(case).mask[0].numpy() > 0.5, case.alpha > 0.5
    truth = (case.hand > 0.5) & inside
    iou = (truth & found).sum() / ((truth | found) & inside).sum()
    extra = (found & inside & ~truth).sum() / inside.sum()
    assert iou >= LEAST.get(light, 0.85) and extra < 0.04, f"IoU {iou:.2f}, {extra:.1%} of the product kept as hand"


@pytest.mark.parametrize("glove", GLOVES)
def test_a_glove_that_is_cut_is_told(glove: str) -> None:
    case = held(amber_bottle(), "open_light", GLOVES[glove], 1, right=True)
    report = kept(case).reports[0]
    truth = float(((case.hand > 0.5) & (case.alpha > 0.5)).sum() / (case.alpha > 0.5).sum())
    assert report["covered_share"] < 0.3 * truth
    assert 0.5 * truth < report["left_out_share"] < 1.5 * truth
    assert any("left out at its" in line and "right" in line for line in report["warnings"])


@pytest.mark.parametrize("light", LIGHT)
def test_nothing_is_told_where_nothing_is_left_out(light: str) -> None:
    for hand in (None, "open_light"):
        case = held(amber_bottle(), hand, 1.0, 4, right=False, tint=LIGHTS[light])
        report = kept(case).reports[0]
        assert report["warnings"] == [] and report["left_out_share"] == 0.0
