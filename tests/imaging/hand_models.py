"""Hands whose anatomy is known: a small kinematic model, seen by a random camera, and ways of spoiling what is seen.

Millimetres, palm frame: x across the knuckles towards the thumb, y from the wrist to the middle knuckle, z out of the
palm's inner side, towards which fingers curl. 21 joints in the order of every 2-D hand detector: wrist, then thumb,
index, middle, ring and little finger from the palm to the tip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

KNUCKLES = np.array(((25.0, 93.0, 2.0), (3.0, 96.0, 0.0), (-17.0, 90.0, 1.0), (-34.0, 80.0, 5.0)))
PHALANGES = np.array(((40.0, 23.0, 20.0), (44.5, 27.0, 21.5), (41.0, 26.0, 21.0), (33.0, 19.0, 19.5)))
THUMB = np.array((46.0, 32.0, 25.0))
LENGTH = 185.0
"""Of the mean hand, wrist to the tip of the middle finger."""


@dataclass(frozen=True)
class Pose:
    """Angles in degrees: `spread` sideways and `bend` (knuckle, middle, end joint) per finger, three for the thumb."""

    spread: NDArray[np.float64]
    bend: NDArray[np.float64]
    thumb: NDArray[np.float64]


def relaxed(rng: np.random.Generator) -> Pose:
    """An open or half-open hand, fingers a little different from each other."""
    curl = rng.uniform(0, 1)
    middle = np.array((30.0, 40.0, 25.0)) * curl
    bend = middle + rng.normal(0, 7, (4, 3))
    return Pose(_fan(rng, 1.0), np.clip(bend, -8, 90), rng.uniform((0, 0, 0), (25, 35, 40)))


def gripping(rng: np.random.Generator) -> Pose:
    """A hand closed around a handle."""
    middle = rng.uniform((35, 50, 25), (65, 90, 55))
    bend = middle + rng.normal(0, 8, (4, 3))
    return Pose(_fan(rng, 0.5), np.clip(bend, 0, 105), rng.uniform((15, 10, 10), (40, 45, 50)))


def _fan(rng: np.random.Generator, amount: float) -> NDArray[np.float64]:
    wide = rng.uniform(0, 1) * amount
    return np.array((10.0, 1.0, -7.0, -16.0)) * wide + rng.normal(0, 1.5, 4)


def joints(rng: np.random.Generator, pose: Pose) -> Points:
    """`[21,3]` in millimetres of one person's right hand."""
    person = rng.uniform(0.87, 1.13)
    out = np.zeros((21, 3))
    knuckles = KNUCKLES * rng.normal(1, 0.04, (4, 1)) + rng.normal(0, 1.2, (4, 3))
    knuckles[:, 0] *= rng.normal(1, 0.06)
    lengths = PHALANGES * rng.normal(1, 0.06, (4, 1)) * rng.normal(1, 0.05, (4, 3))
    for finger in range(4):
        side, angle = np.radians(pose.spread[finger]), 0.0
        along = np.array((np.sin(side), np.cos(side), 0.0))
        at = knuckles[finger]
        out[5 + 4 * finger] = at
        for bone in range(3):
            angle += np.radians(pose.bend[finger, bone])
            direction = along * np.cos(angle) + np.array((0.0, 0.0, np.sin(angle)))
            at = at + direction * lengths[finger, bone]
            out[6 + 4 * finger + bone] = at
    out[1:5] = _thumb(rng, pose)
    return out * person


def _thumb(rng: np.random.Generator, pose: Pose) -> Points:
    lengths = THUMB * rng.normal(1, 0.06) * rng.normal(1, 0.05, 3)
    at = np.array((22.0, 26.0, 8.0)) + rng.normal(0, 1.5, 3)
    out, along = [at], np.array((0.75, 0.62, 0.25))
    along = along / np.linalg.norm(along)
    # It curls about an axis across the palm's diagonal: towards the fingers and a little inwards.
    towards = np.array((-0.75, 0.55, 0.45))
    towards = towards - along * (towards @ along)
    towards = towards / np.linalg.norm(towards)
    angle = 0.0
    for bone in range(3):
        angle += np.radians(pose.thumb[bone])
        at = at + (along * np.cos(angle) + towards * np.sin(angle)) * lengths[bone]
        out.append(at)
    return np.array(out)


def rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A uniformly random rotation."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else q[:, ::-1].copy()


def tilted(rng: np.random.Generator, most: float) -> NDArray[np.float64]:
    """A view of the palm or of the back, at most `most` degrees from straight on, turned any way in the picture."""
    tilt, about, turn = np.radians(rng.uniform(0, most)), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    axis = np.array((np.cos(about), np.sin(about), 0.0))
    cross = np.array(((0, -axis[2], axis[1]), (axis[2], 0, -axis[0]), (-axis[1], axis[0], 0)))
    lean = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    spin = np.array(((np.cos(turn), -np.sin(turn), 0), (np.sin(turn), np.cos(turn), 0), (0, 0, 1)))
    back = np.eye(3) if rng.uniform() < 0.5 else np.diag((-1.0, 1.0, -1.0))
    return spin @ lean @ back


def from_the_side(rng: np.random.Generator, most: float) -> NDArray[np.float64]:
    """A view along the knuckles, at most `most` degrees off: where the bending of fingers shows."""
    return tilted(rng, most) @ np.array(((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)))


def seen(
    rng: np.random.Generator,
    hand: Points,
    view: NDArray[np.float64],
    *,
    noise: float = 0.012,
    pixels: float | None = None,
) -> Points:
    """`[21,2]` pixels: perspective from 3 to 8 hand lengths away, a detector's error, left or right.

    `pixels` is the length of a mean hand (default: anything from 60 to 600).
    """
    turned = (hand - hand.mean(axis=0)) @ view.T
    away = rng.uniform(3, 8) * LENGTH
    flat = turned[:, :2] * (away / (away - turned[:, 2:]))
    flat = flat + rng.normal(0, noise * LENGTH, flat.shape)
    if rng.uniform() < 0.5:
        flat = flat * (-1.0, 1.0)
    length = rng.uniform(60, 600) if pixels is None else pixels
    return flat * (length / LENGTH) + rng.uniform(100, 900, 2)


def fingers(index: int) -> slice:
    """The four points of one finger (0 = thumb), knuckle to tip."""
    return slice(1 + 4 * index, 5 + 4 * index)


def lengthened(points: Points, finger: int, factor: float = 2.0) -> Points:
    """That finger `factor` times as long in the picture."""
    out = points.copy()
    part = fingers(finger)
    out[part] = out[part][0] + (out[part] - out[part][0]) * factor
    return out


def fused(points: Points, finger: int) -> Points:
    """The tips of that finger and of the next one at one place."""
    out = points.copy()
    out[4 + 4 * finger] = out[8 + 4 * finger] = (out[4 + 4 * finger] + out[8 + 4 * finger]) / 2
    return out


def swallowed(points: Points, finger: int) -> Points:
    """The end of that finger lies on the next one's, as where six fingers were read as five."""
    out = points.copy()
    out[3 + 4 * finger : 5 + 4 * finger] = out[7 + 4 * finger : 9 + 4 * finger]
    return out


def crossed_knuckles(points: Points, first: int, second: int) -> Points:
    """The knuckles of two fingers exchanged, their fingers left where they are."""
    out = points.copy()
    out[[1 + 4 * first, 1 + 4 * second]] = out[[1 + 4 * second, 1 + 4 * first]]
    return out


def crossed_fingers(points: Points, first: int, second: int) -> Points:
    """Beyond the knuckles two fingers exchanged: they cross."""
    out = points.copy()
    a, b = slice(2 + 4 * first, 5 + 4 * first), slice(2 + 4 * second, 5 + 4 * second)
    out[a], out[b] = points[b], points[a]
    return out


def folded_back(points: Points, finger: int) -> Points:
    """The end of that finger doubles back over its own middle bone."""
    out = points.copy()
    middle, end, tip = (2 + 4 * finger, 3 + 4 * finger, 4 + 4 * finger)
    out[tip] = out[end] - (out[end] - out[middle]) * 0.95
    return out


def bent_backwards(pose: Pose, finger: int, degrees: float = 75.0) -> Pose:
    """The middle joint of that finger (1 = index … 4) bent the wrong way."""
    bend = pose.bend.copy()
    bend[finger - 1, 1] = -degrees
    return Pose(pose.spread, bend, pose.thumb)


def length_of(points: Points, finger: int) -> float:
    """Sum of a finger's bones, in the picture or in space."""
    return float(np.linalg.norm(np.diff(points[fingers(finger)], axis=0), axis=1).sum())


def pose_list(points: Points, scores: NDArray[np.float64] | None = None) -> list[float]:
    """The flat list `[x, y, score, …]` of a pose detector's frame."""
    told = np.ones(len(points)) if scores is None else scores
    return [float(value) for value in np.column_stack((points, told)).ravel()]
