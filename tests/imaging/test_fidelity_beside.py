"""A strap that comes from the side up to the product fails a packshot; a shadow, a horizon, a scene do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.fidelity.beside import find_beside
from prodgen_nodes.imaging.fidelity.judge import Compare, Settings, judge
from scipy import ndimage

from tests.imaging import fidelity_scenes as scenes
from tests.imaging.registration_scenes import Plane, placement_of

SIDE = 480
Color = tuple[float, float, float]


def packshot(ground: Plane, shadow: float = 0.4) -> scenes.Finished:
    """A drawn jar on a ground `[SIDE,SIDE,3]`, with a shadow beside it."""
    photo = scenes.product("jar", 3, 400)
    done = scenes.finish(photo, 3, SIDE)
    placement = placement_of(photo, SIDE, SIDE, fill=0.6)
    rgb, alpha = photo.tensors
    pasted = scenes.paste_back(torch.zeros(1, SIDE, SIDE, 3), rgb, alpha, placement, 1.0)
    cover = pasted.mask[0].numpy().astype(np.float64)
    shade = shadow * ndimage.gaussian_filter(np.roll(cover, (6, 16), (0, 1)), 2.0)
    scene = (ground**2.2 * (1 - shade[..., None])) ** (1 / 2.2)
    picture = scenes.paste_back(torch.from_numpy(scene.astype(np.float32))[None], rgb, alpha, placement, 1.0)
    return replace(
        done, picture=picture.image[0].numpy().astype(np.float64), placement=placement, cover=cover, scene=scene
    )


def with_strap(done: scenes.Finished, width: float, color: Color, gap: int = 1) -> scenes.Finished:
    """A bent strap from the left border of the picture to the product."""
    row = SIDE // 2
    end = int(np.nonzero(done.cover[row] > 0.5)[0][0]) - gap
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    middle = row - 0.25 * (end - x) + 12 * np.sin(x / 25)
    share = (width / 2 - np.abs(y - middle) + 0.5).clip(0, 1) * (x <= end) * (1 - done.cover)
    return replace(done, picture=done.picture * (1 - share[..., None]) + np.array(color) * share[..., None])


def plain(color: Color, fall: float = 0.0) -> Plane:
    along = np.linspace(1.0, 1.0 - fall, SIDE)[:, None, None]
    return np.broadcast_to(np.array(color) * along, (SIDE, SIDE, 3)).copy()


def reasons(done: scenes.Finished, compare: Compare = "exact", **masks: torch.Tensor) -> list[str]:
    rgb, alpha = done.photo.tensors
    picture = torch.from_numpy(done.picture.astype(np.float32))[None]
    settings = Settings(compare=compare, check_floating=False)
    (found,) = judge(picture, rgb, alpha, done.placement, settings, **masks)  # type: ignore[arg-type]
    return list(found.report["reasons"])


@pytest.mark.parametrize("ground", [plain((1.0, 1.0, 1.0)), plain((0.7, 0.75, 0.72), 0.2), plain((0.1, 0.2, 0.4))])
@pytest.mark.parametrize(("width", "color"), [(3, (0.7, 0.1, 0.1)), (8, (0.85, 0.65, 0.2)), (20, (0.02, 0.25, 0.03))])
def test_a_strap_from_the_side_is_named(ground: Plane, width: float, color: Color) -> None:
    good = packshot(ground)
    assert reasons(scenes.disturb(good, 2)) == []
    found = reasons(scenes.disturb(with_strap(good, width, color), 2))
    assert len(found) == 1 and "from the picture's border" in found[0] and found[0].startswith("left side")


def test_in_a_scene_things_may_stand_and_hands_may_hold() -> None:
    strapped = with_strap(packshot(plain((1.0, 1.0, 1.0))), 20, (0.8, 0.6, 0.5))
    assert reasons(strapped, "relit") == []
    hand = torch.zeros(1, SIDE, SIDE)
    hand[:, 200:300, :150] = 1
    assert reasons(strapped, keep_in_front=hand) == []


@pytest.mark.parametrize("ends", [((0.9, 0.9, 0.88), (0.55, 0.4, 0.25)), ((0.7, 0.7, 0.7), (0.4, 0.4, 0.4))])
@pytest.mark.parametrize("row", [240, 330, 390])
def test_a_horizon_is_no_strap(ends: tuple[Color, Color], row: int) -> None:
    share = 1 / (1 + np.exp(-(np.arange(SIDE) - row) / 4))[:, None, None]
    ground = np.array(ends[0]) + (np.array(ends[1]) - np.array(ends[0])) * np.broadcast_to(share, (SIDE, SIDE, 1))
    done = packshot(ground)
    picture = torch.from_numpy(done.picture.astype(np.float32))
    assert find_beside(picture, torch.from_numpy(done.cover.astype(np.float32))) is None


def test_what_stands_apart_is_not_on_the_product() -> None:
    """A strap that ends an inch before it, and a thing that does not come from the border."""
    done = packshot(plain((1.0, 1.0, 1.0)))
    assert reasons(with_strap(done, 8, (0.7, 0.1, 0.1), gap=30)) == []
    begun = with_strap(done, 8, (0.7, 0.1, 0.1))
    begun.picture[:, :40] = done.picture[:, :40]
    assert reasons(begun) == []
