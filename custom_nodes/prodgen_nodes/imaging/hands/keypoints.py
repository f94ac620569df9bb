"""ComfyUI's POSE_KEYPOINT wire as plain tensors: people, their bodies and hands, in pixels of the picture.

A frame is a dictionary `canvas_width`, `canvas_height`, `people`; a person holds flat lists `[x, y, score, …]` in the
order of OpenPose: 18 body points, 21 points for each hand. Points are in pixels of the canvas, which may have another
size than the picture; older detectors give fractions of it.

The lists' names do not say which hand it is: core's SDPose fills `hand_right_keypoints_2d` from points 91 to 111 of
COCO-WholeBody, and these belong to the left hand (Jin et al., "Whole-Body Human Pose Estimation in the Wild", 2020).
So a hand's side is that of the wrist it hangs at, and its label serves only where no wrist was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import KeypointError
from .anatomy import POINTS

BODY_POINTS = 18
"""OpenPose's COCO model of the body, which DWPose writes, too."""
_LABELS = ("left", "right")
_CUT = 0.04
"""Of a hand's extent: half a finger's width (0.08 of its length). A joint nearer to the frame belongs to a finger that
the frame cuts; detectors put what lies beyond onto the edge, or just before it."""


@dataclass(frozen=True)
class FoundHand:
    """One hand as the detector gave it: `points` `[21,2]` in picture pixels (edges at integers), `scores` `[21]`."""

    points: Tensor
    scores: Tensor
    label: str
    """`left` or `right`, as the detector called it; see the module's words on that."""
    cut: Tensor | None = None
    """`[21]` true for points at the frame or beyond: the detector guessed them. None where no frame is known."""

    @property
    def shown(self) -> Tensor:
        """`scores` without those of the points that the frame cuts off, `[21]`."""
        return self.scores if self.cut is None else torch.where(self.cut, torch.zeros_like(self.scores), self.scores)


@dataclass(frozen=True)
class Person:
    """`body` `[18,3]` x, y, score in OpenPose order (all 0 where nothing was found) and up to two hands."""

    body: Tensor
    hands: tuple[FoundHand, ...]


def parse_frames(frames: Any, width: int, height: int, pictures: int | None = None) -> list[tuple[Person, ...]]:
    """People per picture, their points scaled from the frame's canvas to `width` × `height` pixels.

    `pictures`: how many there must be; one frame for several pictures is refused, too, because hands are not in the
    same place. Raises KeypointError with the frame and what is wrong with it.
    """
    if isinstance(frames, Mapping):
        frames = [frames]
    if not isinstance(frames, Sequence) or isinstance(frames, str):
        raise KeypointError("keypoints are not a list of frames: connect a pose detector's keypoints output.")
    if pictures is not None and len(frames) != pictures:
        raise KeypointError(
            f"keypoints hold {len(frames)} frame(s) for {pictures} picture(s): find them in these very pictures, "
            "all of them at once."
        )
    return [_people(frame, number, width, height) for number, frame in enumerate(frames, start=1)]


def mirrored(people: tuple[Person, ...], width: int) -> tuple[Person, ...]:
    """People found in a picture `width` pixels wide that was mirrored left to right, at their places in the picture
    itself. Points that were not found stay so; the detector's names of sides are those of the mirrored picture."""

    def turned(points: Tensor, scores: Tensor) -> Tensor:
        x = torch.where(scores > 0, width - points[:, 0], points[:, 0])
        return torch.cat((x.unsqueeze(1), points[:, 1:]), dim=1)

    return tuple(
        Person(
            turned(person.body, person.body[:, 2]),
            tuple(replace(hand, points=turned(hand.points, hand.scores)) for hand in person.hands),
        )
        for person in people
    )


def frame_size(frame: Mapping[str, Any], number: int = 1) -> tuple[int, int]:
    """Width and height of a frame's canvas in pixels."""
    try:
        width, height = int(frame["canvas_width"]), int(frame["canvas_height"])
    except (KeyError, TypeError, ValueError):
        width, height = 0, 0
    if width < 1 or height < 1:
        raise KeypointError(f"frame {number} of the keypoints does not say how large its canvas is.")
    return width, height


def _people(frame: Any, number: int, width: int, height: int) -> tuple[Person, ...]:
    if not isinstance(frame, Mapping):
        raise KeypointError(f"frame {number} of the keypoints is no frame: connect a pose detector's keypoints output.")
    canvas = frame_size(frame, number)
    scale = (width / canvas[0], height / canvas[1])
    people = []
    for entry in frame.get("people") or ():
        if not isinstance(entry, Mapping):
            raise KeypointError(f"frame {number} of the keypoints holds a person without points.")
        lists = {name: _points(entry.get(name), size, f"frame {number}, {name}") for name, size in _LISTS.items()}
        sets = [points for points in lists.values() if points is not None]
        if not sets:
            continue
        unit = canvas if _are_fractions(sets, canvas) else (1, 1)
        factor = torch.tensor((scale[0] * unit[0], scale[1] * unit[1], 1.0), dtype=torch.float64)
        scaled = {name: None if points is None else points * factor for name, points in lists.items()}
        hands = []
        for label in _LABELS:
            hand = scaled[f"hand_{label}_keypoints_2d"]
            if hand is not None and bool((hand[:, 2] > 0).any()):
                hands.append(FoundHand(hand[:, :2], hand[:, 2], label, _cut(hand, width, height)))
        body = scaled["pose_keypoints_2d"]
        people.append(
            Person(torch.zeros((BODY_POINTS, 3), dtype=torch.float64) if body is None else body, tuple(hands))
        )
    return tuple(people)


def _cut(hand: Tensor, width: int, height: int) -> Tensor:
    """Which points `[21]` of a hand `[21,3]` the frame of a picture of this size cuts off."""
    at, found = hand[:, :2], hand[:, 2] > 0
    room = _CUT * float((at[found].amax(dim=0) - at[found].amin(dim=0)).norm())
    return found & (torch.minimum(at, at.new_tensor((width, height)) - at).amin(dim=1) <= room)


_LISTS = {
    "pose_keypoints_2d": BODY_POINTS,
    "hand_left_keypoints_2d": POINTS,
    "hand_right_keypoints_2d": POINTS,
}


def _points(flat: Any, count: int, name: str) -> Tensor | None:
    """`[count,3]` with scores in 0..1 and all zeros for missing points, or None for an absent list."""
    if flat is None or len(flat) == 0:
        return None
    try:
        values = torch.tensor([float(value) for value in flat], dtype=torch.float64)
    except (TypeError, ValueError) as fault:
        raise KeypointError(f"{name} of the keypoints holds something that is not a number.") from fault
    if values.numel() % 3 or values.numel() < 3 * count:
        raise KeypointError(f"{name} of the keypoints has {values.numel()} values; {count} points have {3 * count}.")
    # Some detectors append points (25 of a body); the first ones are the same.
    points = values.reshape(-1, 3)[:count]
    there = torch.isfinite(points).all(dim=1) & (points[:, 2] > 0)
    there &= ~((points[:, 0] <= 0) & (points[:, 1] <= 0))
    points = torch.where(there.unsqueeze(1), points, torch.zeros_like(points))
    points[:, 2] = points[:, 2].clamp(max=1.0)
    return points


def _are_fractions(lists: list[Tensor], canvas: tuple[int, int]) -> bool:
    """Whether all points lie in 0..1: a person within the first pixel of a canvas there is not."""
    if min(canvas) < 4:
        return False
    there = torch.cat(lists)
    there = there[there[:, 2] > 0]
    return there.numel() > 0 and math.isfinite(float(there.max())) and float(there[:, :2].max()) <= 1.0
