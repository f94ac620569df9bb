"""Products that repeat themselves - a fence, keys, stripes - have no second copy beside them for that; others do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.fidelity.ghost import find_ghost
from prodgen_nodes.imaging.tensors import bounding_box
from scipy import ndimage
from torch import Tensor

from tests.support.jpeg import coded

SIDE = 480
BARS = {"comb": (12, 7), "fence": (18, 11)}


def drawn(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Colours `[SIDE,SIDE,3]` and coverage of `BARS`, a toy piano on two legs, a striped box, coloured bars."""
    rgb, alpha = np.full((SIDE, SIDE, 3), 0.1), np.zeros((SIDE, SIDE))

    def paint(rows: tuple[int, int], columns: tuple[int, int], color: tuple[float, float, float]) -> None:
        rgb[rows[0] : rows[1], columns[0] : columns[1]] = color
        alpha[rows[0] : rows[1], columns[0] : columns[1]] = 1

    if kind in BARS:
        step, wide = BARS[kind]
        for left in range(80, 80 + 320 // step * step, step):
            paint((110, 370), (left, left + wide), (0.85, 0.2, 0.15))
        for top in (150, 310):
            paint((top, top + 20), (80, 80 + 320 // step * step), (0.85, 0.2, 0.15))
    elif kind == "keys":
        paint((120, 220), (80, 402), (0.8, 0.12, 0.14))
        for number in range(14):
            paint((220, 280), (80 + 23 * number, 101 + 23 * number), (0.97, 0.97, 0.96))
            paint((220, 255), (96 + 23 * number, 106 + 23 * number), (0.08, 0.08, 0.09))
        for left in (95, 365):
            paint((280, 390), (left, left + 22), (0.5, 0.07, 0.09))
    else:
        step = 12 if kind == "stripes" else 40
        for number in range(240 // step):
            color = np.array(((0.9, 0.2, 0.2), (0.2, 0.7, 0.3), (0.2, 0.3, 0.9)))[number % 3]
            color = color if kind == "bars" else np.full(3, 0.95 if number % 2 else 0.08)
            across = (120 + step * number, 120 + step * number + (step if kind == "stripes" else step * 3 // 4))
            paint((130, 350), across, tuple(color))
        paint((130, 160), (120, 350), (0.4, 0.25, 0.1))
    soft = ndimage.gaussian_filter(alpha, 0.5)
    nearest = ndimage.distance_transform_edt(alpha < 1, return_distances=False, return_indices=True)
    return rgb[nearest[0], nearest[1]], soft


def finished(kind: str, ground: tuple[float, float, float], shadow: float, copy: tuple[int, int] | None = None) -> list:
    """What `find_ghost` is given: the product on a plain ground, with a hard shadow, perhaps a copy, as JPEG 75."""
    rgb, alpha = drawn(kind)
    scene = np.broadcast_to(np.array(ground), rgb.shape).copy()
    if copy is not None:
        moved = np.roll(alpha, copy, (0, 1))[..., None]
        scene = scene * (1 - moved) + np.roll(rgb, copy, (0, 1)) * moved
    shade = ndimage.gaussian_filter(np.roll(alpha, (9, 13), (0, 1)), 1.2) * shadow
    scene = (scene**2.2 * (1 - shade[..., None])) ** (1 / 2.2)
    picture = scene * (1 - alpha[..., None]) + rgb * alpha[..., None]
    seen = coded(picture, 75).astype(np.float32)
    cover = torch.from_numpy(alpha.astype(np.float32))
    return [torch.from_numpy(seen), torch.from_numpy(picture.astype(np.float32)), cover, bounding_box(cover, 0.02)]


def share(given: list[Tensor]) -> float:
    ghost = find_ghost(*given, None)  # type: ignore[arg-type]
    return 0.0 if ghost is None or ghost.shadow else ghost.share


KINDS = ("comb", "fence", "keys", "stripes", "bars")
GROUNDS = ((1.0, 1.0, 1.0), (0.12, 0.36, 0.52), (0.6, 0.62, 0.6))


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_repeats_itself_is_no_ghost(kind: str, ground: tuple[float, float, float]) -> None:
    """The limit is .45, and they stay well below it, with a shadow of their own outline or without."""
    assert max(share(finished(kind, ground, shadow)) for shadow in (0.0, 0.4)) < 0.35


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_it_is_one(kind: str, ground: tuple[float, float, float]) -> None:
    """Also beside its own shadow, and where its colours are as grey as one on the whole."""
    assert min(share(finished(kind, ground, shadow, (-11, 17))) for shadow in (0.0, 0.4)) > 0.45
