"""Hands redrawn as they should be: one frame of pose points for each crop, to condition its refinement.

The frames are those of a POSE_KEYPOINT wire in crop pixels; core's *SDPose Draw Keypoints* makes the picture of them
that an openpose ControlNet was trained on, in DWPose's colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .anatomy import LEFT_ELBOW, LEFT_WRIST, POINTS, RIGHT_ELBOW, RIGHT_WRIST, WRIST
from .crops import HandCrop, HandCrops
from .keypoints import BODY_POINTS, Person
from .people import POINT_SCORE, JudgedHand, judge_hands
from .plausible import gripping_hand, plausible_hand

_FACE_POINTS, _FOOT_POINTS = 70, 6
"""OpenPose's numbers of the points of a face, and of both feet: the format wants them, we draw none."""
_FIST = 0.75
"""Extent of a closed hand as a part of an open one's length."""
_ARMS = ((RIGHT_ELBOW, RIGHT_WRIST), (LEFT_ELBOW, LEFT_WRIST))
_NEAR = 2.0
"""An arm ends at a grip when its wrist is within this many hand lengths of it."""


@dataclass(frozen=True)
class Redrawn:
    """One crop's hand `points` `[21,2]` in crop pixels, its `arm` (elbow, wrist; None where it is not seen), and what
    was done: `moved` in hand lengths (None: nothing was found to move), how many of its fingers were `followed`."""

    crop: HandCrop
    points: Tensor
    arm: tuple[tuple[float, float], tuple[float, float]] | None
    moved: float | None
    followed: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "picture": self.crop.picture + 1,
            "side": self.crop.side,
            "found": self.moved is not None,
            "moved": self.moved,
            "fingers_followed": self.followed,
        }


def redraw(plan: HandCrops, people: list[tuple[Person, ...]] | None) -> tuple[Redrawn, ...]:
    """A plausible hand for each crop: the found one mended, or one that grips what the crop lies around.

    `people` per picture, in picture pixels, as they were given to `plan_crops`.
    """
    return tuple(_redrawn(crop, () if people is None else people[crop.picture]) for crop in plan.crops)


def _redrawn(crop: HandCrop, people: tuple[Person, ...]) -> Redrawn:
    if crop.before is None:
        return _at_grip(crop, people)
    hand = min(judge_hands(people), key=lambda one: _distance(one, crop))
    mended = plausible_hand(_moved(hand.hand.points, crop), hand.hand.scores)
    arm = _arm_near(people, hand.hand.points[WRIST], hand.result.size / 2)
    return Redrawn(crop, mended.points, _arm_to(arm, mended.points[WRIST], crop), mended.moved, mended.followed)


def _at_grip(crop: HandCrop, people: tuple[Person, ...]) -> Redrawn:
    """A hand of the size of the opened part of the handle, on the arm that ends nearest to it."""
    (at,) = crop.outline
    # The outline is whole over half the hand's width and the mask's growth.
    size = 2 * (crop.grow - crop.soft * 2) / _FIST
    middle = torch.tensor(crop.transform.inverted().apply(*at), dtype=torch.float64)
    arm = _arm_near(people, middle, _NEAR * size / crop.transform.a)
    along = (0.0, 1.0) if arm is None else (float(arm[1][0] - arm[0][0]), float(arm[1][1] - arm[0][1]))
    points = gripping_hand(at, size, along)
    return Redrawn(crop, points, _arm_to(arm, points[WRIST], crop), None, 0)


def _distance(one: JudgedHand, crop: HandCrop) -> float:
    x, y = crop.transform.apply(*one.center)
    center = torch.tensor(crop.outline, dtype=torch.float64).mean(dim=0)
    return float(torch.hypot(center[0] - x, center[1] - y))


def _moved(points: Tensor, crop: HandCrop) -> Tensor:
    """Points of the picture in crop pixels."""
    shift = points.new_tensor((crop.transform.tx, crop.transform.ty))
    return points * crop.transform.a + shift


def _arm_near(people: tuple[Person, ...], at: Tensor, reach: float) -> tuple[Tensor, Tensor] | None:
    """Elbow and wrist `[2]` of the arm whose wrist is nearest to `at`, within `reach` pixels."""
    best: tuple[float, tuple[Tensor, Tensor]] | None = None
    for person in people:
        for elbow, wrist in _ARMS:
            if min(float(person.body[elbow, 2]), float(person.body[wrist, 2])) < POINT_SCORE:
                continue
            away = float((person.body[wrist, :2] - at).norm())
            if away <= reach and (best is None or away < best[0]):
                best = away, (person.body[elbow, :2], person.body[wrist, :2])
    return None if best is None else best[1]


def _arm_to(arm: tuple[Tensor, Tensor] | None, wrist: Tensor, crop: HandCrop) -> Any:
    if arm is None:
        return None
    elbow = _moved(arm[0], crop)
    return (float(elbow[0]), float(elbow[1])), (float(wrist[0]), float(wrist[1]))


def as_frames(redrawn: tuple[Redrawn, ...], size: int) -> list[dict[str, Any]]:
    """One frame for each hand, canvas `size` × `size`; one without people where there is none."""
    canvas = {"canvas_width": size, "canvas_height": size}
    return [canvas | {"people": [_person(one)]} for one in redrawn] or [canvas | {"people": []}]


def _person(one: Redrawn) -> dict[str, Any]:
    body = torch.zeros((BODY_POINTS, 3), dtype=torch.float64)
    if one.arm is not None:
        elbow, wrist = _ARMS[1 if one.crop.side == "left" else 0]
        for point, (x, y) in zip((elbow, wrist), one.arm, strict=True):
            body[point] = torch.tensor((x, y, 1.0), dtype=torch.float64)
    hand = torch.cat((one.points, one.points.new_ones((POINTS, 1))), dim=1)
    nothing = [0.0] * (3 * POINTS)
    flat = [float(value) for value in hand.flatten()]
    left = one.crop.side == "left"
    return {
        "pose_keypoints_2d": [float(value) for value in body.flatten()],
        "foot_keypoints_2d": [0.0] * (3 * _FOOT_POINTS),
        "face_keypoints_2d": [0.0] * (3 * _FACE_POINTS),
        "hand_left_keypoints_2d": flat if left else nothing,
        "hand_right_keypoints_2d": nothing if left else flat,
    }
