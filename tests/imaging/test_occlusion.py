"""Keep Fingers in Front on scenes whose fingers are drawn, so that their exact coverage is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.errors import ParameterError, ShapeError
from prodgen_nodes.imaging.hands.keypoints import parse_frames
from prodgen_nodes.imaging.occlusion import Kept, keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from scipy import ndimage

from tests.imaging.occlusion_scenes import SKIN, HandScene, hand_scene
from tests.imaging.registration_scenes import Photo, bag_photo

COLORS = {
    "tan": (0.72, 0.5, 0.33),
    "black": (0.07, 0.07, 0.08),
    "blue": (0.2, 0.3, 0.6),
    "white": (0.85, 0.85, 0.84),
}
ANGLES = (-1.9, 0.3, 2.8)
ALIKE = ("tan", "medium")
"""Skin of the bag's very colour: found with pose points only, and with a little of what is between the fingers."""


def bag(color: str, seed: int = 0) -> Photo:
    photo = bag_photo(seed, 700)
    gain = np.array(COLORS[color]) / photo.rgb[photo.alpha > 0.9].mean(axis=0)
    return replace(photo, rgb=np.clip(photo.rgb * gain, 0, 1))


def kept(case: HandScene, photo: Photo, **settings: object) -> Kept:
    rgb, alpha = photo.tensors
    return keep_in_front(case.scene, rgb, alpha, case.placement, **settings)


def scores(case: HandScene, found: Kept) -> tuple[float, float]:
    """Intersection over union on the product, and the share of finger pixels within one pixel of the mask."""
    product, mask = case.alpha > 0.5, found.mask[0].numpy() > 0.5
    truth, here = (case.fingers > 0.5) & product, mask & product
    grown = ndimage.binary_dilation(mask, np.ones((3, 3)))
    return float((truth & here).sum() / (truth | here).sum()), float((truth & grown).sum() / truth.sum())


def hand_frame(case: HandScene) -> dict[str, object]:
    """A detector's frame: 21 points along the four fingers."""
    side = case.scene.shape[1]
    ys, xs = np.nonzero(case.alpha > 0.5)
    middle = np.array([xs.mean(), ys.mean()])
    points: list[float] = []
    tips = np.array(case.points)
    outward = tips.mean(axis=0) - middle
    for number in range(21):
        at = tips[number % 4] + 0.045 * side * (number // 4) * outward / np.linalg.norm(outward)
        points += [float(at[0]), float(at[1]), 0.9]
    return {"canvas_width": side, "canvas_height": side, "people": [{"hand_left_keypoints_2d": points}]}


@pytest.mark.each_once
@pytest.mark.parametrize("tone", SKIN)
@pytest.mark.parametrize("color", COLORS)
def test_fingers_of_every_skin_over_every_bag(color: str, tone: str) -> None:
    index = list(COLORS).index(color) + list(SKIN).index(tone)
    photo = bag(color, index)
    case = hand_scene(photo, SKIN[tone], index, angle=ANGLES[index % 3])
    people = parse_frames([hand_frame(case)], 640, 640) if (color, tone) == ALIKE else None
    iou, whole = scores(case, kept(case, photo, people=people))
    assert iou >= (0.7 if people else 0.8) and whole >= 0.95, f"IoU {iou:.3f}, {whole:.3f} of the fingers kept"


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("color", COLORS)
def test_no_hand_keeps_nothing(color: str, seed: int) -> None:
    photo = bag(color, seed)
    case = hand_scene(photo, None, seed + 20)
    found = kept(case, photo)
    false = float((found.mask[0].numpy() * case.alpha).sum() / case.alpha.sum())
    assert false <= 0.003, f"{false:.2%} kept"


def test_changed_logo_is_not_kept() -> None:
    photo = bag("blue", 1)
    case = hand_scene(photo, None, 5)
    scene = case.scene.clone()
    ys, xs = np.nonzero(case.alpha > 0.5)
    row, column = int(np.quantile(ys, 0.7)), int(xs.mean())
    scene[:, row - 20 : row + 20, column - 30 : column + 30] = torch.tensor(SKIN["light"])
    found = kept(replace(case, scene=scene), photo)
    assert float(found.mask[:, row - 20 : row + 20, column - 30 : column + 30].max()) < 0.01


def test_paste_leaves_the_fingers_alone() -> None:
    photo = bag("blue", 2)
    case = hand_scene(photo, SKIN["light"], 2)
    rgb, alpha = photo.tensors
    front = kept(case, photo).mask
    pasted = paste_back(case.scene, rgb, alpha, case.placement, 1.01, 0.0, front)
    fingers = torch.from_numpy(ndimage.binary_erosion(case.fingers > 0.99, iterations=2) & (case.alpha > 0.99))
    change = (pasted.image[0] - case.scene[0]).abs().amax(dim=-1)[fingers]
    assert float((change > 0.02).float().mean()) < 0.02


def test_glove_is_found_by_pose_points() -> None:
    photo = bag("white", 3)
    case = hand_scene(photo, (0.1, 0.25, 0.2), 3)
    people = parse_frames([hand_frame(case)], 640, 640)
    iou, whole = scores(case, kept(case, photo, people=people))
    assert iou >= 0.7 and whole >= 0.9, f"IoU {iou:.3f}, {whole:.3f}"
    assert "pose points" in kept(case, photo, people=people).reports[0]["evidence"]


def test_erased_gap_stays_the_hands_only_where_a_hand_is() -> None:
    photo = bag("blue", 4)
    case = hand_scene(photo, SKIN["light"], 4)
    held = torch.from_numpy(((case.fingers > 0.5) & (case.alpha > 0.5)).astype(np.float32))[None]
    found = kept(case, photo, erased=held)
    assert bool((found.mask >= held).all()) and found.reports[0]["erased_kept"]
    empty = hand_scene(photo, None, 4)
    left = kept(empty, photo, erased=held)
    assert not left.reports[0]["erased_kept"] and float(left.mask.mean()) < 1e-3


def test_bad_settings_and_shapes() -> None:
    photo = bag("blue", 0)
    case = hand_scene(photo, None, 1)
    with pytest.raises(ParameterError, match="sensitivity"):
        kept(case, photo, sensitivity=2.0)
    with pytest.raises(ShapeError, match="erased"):
        kept(case, photo, erased=torch.zeros(1, 50, 60))
