"""Real hands in the pictures of ComfyUI's template packages, and what spoils them: a sixth finger, grown-together ones.

The points are MediaPipe's (`mediapipe==0.10.21`, Apache-2.0: palm_detection_full.tflite, hand_landmark_full.tflite),
recorded in real_hands.json for every picture and for every spoiled one as the detector sees *that*. MediaPipe wants
another numpy than ComfyUI, so recording runs in an environment of its own, from the repository's root:

    python -m venv /tmp/mediapipe && /tmp/mediapipe/bin/pip install mediapipe==0.10.21 scipy
    /tmp/mediapipe/bin/python -m tests.imaging.real_hands .venv
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Pixels = NDArray[np.float32]
Points = NDArray[np.float64]

RECORD = Path(__file__).with_suffix(".json")
PACKAGES = "comfyui_workflow_templates_media_*"
LENGTH = 220.0
"""Hands are shown at most this many pixels long."""
LEAST = 56.0
SIX, FUSED = (4, 1, 3), (1, 2, 3)
"""The fingers (1 = index … 4) that are doubled, and those that grow together with the next one."""
_PALM = [0, 1, 5, 9, 13, 17]
_PLAN = np.array(((0.0, 0.0), (-0.12, 0.14), (-0.127, 0.497), (-0.016, 0.513), (0.095, 0.476), (0.19, 0.418)))


def length_of(points: Points) -> float:
    """Wrist to middle tip of the open hand, from the palm's points alone."""
    plan = np.column_stack((_PLAN, np.ones(6)))
    return float(np.linalg.svd(np.linalg.lstsq(plan, points[_PALM], rcond=None)[0][:2])[1][0])


def opened(path: Path) -> Pixels:
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((1536, 1536))
    return np.asarray(picture, dtype=np.float32)


def cropped(picture: Pixels, points: Points) -> tuple[Pixels, Points]:
    """The hand and its surroundings, and its points there."""
    length = length_of(points)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    reach = max(float(np.ptp(points, axis=0).max()) / 2 + 0.75 * length, 1.05 * length)
    x0, y0 = np.maximum(0, middle - reach).astype(int)
    x1, y1 = np.minimum(picture.shape[1::-1], middle + reach).astype(int)
    crop, points = picture[y0:y1, x0:x1], points - (x0, y0)
    scale = min(1.0, LENGTH / length)
    if scale < 1:
        size = (round(crop.shape[1] * scale), round(crop.shape[0] * scale))
        small = Image.fromarray(crop.round().astype(np.uint8)).resize(size, Image.Resampling.BOX)
        crop, points = np.asarray(small, dtype=np.float32), points * scale
    return crop, points


def _chain(points: Points, finger: int) -> Points:
    return points[1 + 4 * finger : 5 + 4 * finger]


def _bones(points: Points, finger: int) -> float:
    return float(np.hypot(*np.diff(_chain(points, finger), axis=0).T).sum())


def spoilable(points: Points) -> list[str]:
    """The ways in which this hand can be spoiled: only fingers that are seen at some length."""
    least = 0.18 * length_of(points)
    six = [f"six{finger}" for finger in SIX if _bones(points, finger) >= least]
    return six + [f"fused{f}" for f in FUSED if min(_bones(points, f), _bones(points, f + 1)) >= least]


def spoiled(crop: Pixels, points: Points, kind: str) -> Pixels:
    """`crop` with a finger doubled (`six4`: the little one) or grown together with the next one (`fused2`)."""
    finger = int(kind[-1])
    return _doubled(crop, points, finger) if kind.startswith("six") else _grown_together(crop, points, finger)


def _capsule(shape: tuple[int, ...], line: Points, radius: float, feather: float) -> Pixels:
    """1 within `radius` of a line, fading over `feather`; drawn at four times the size."""
    canvas = Image.new("L", (shape[1] * 4, shape[0] * 4))
    pen = ImageDraw.Draw(canvas)
    spots = [(float(x) * 4, float(y) * 4) for x, y in line]
    pen.line(spots, fill=255, width=max(2, round(8 * radius)))
    for x, y in spots:
        pen.ellipse((x - 4 * radius, y - 4 * radius, x + 4 * radius, y + 4 * radius), fill=255)
    small = np.asarray(canvas.resize((shape[1], shape[0]), Image.Resampling.BOX), dtype=np.float32) / 255
    return np.asarray(ndimage.gaussian_filter(small, max(0.6, feather)))


def _doubled(crop: Pixels, points: Points, finger: int) -> Pixels:
    """A copy of the finger, turned by 12° and moved to its free side by a finger's width, under the finger itself."""
    length, chain = length_of(points), _chain(points, finger)
    along = chain[3] - chain[0]
    normal = np.array((-along[1], along[0])) / max(1e-6, float(np.hypot(*along)))
    neighbour = _chain(points, finger + 1 if finger == 1 else finger - 1)
    side = -np.sign(normal @ (neighbour.mean(axis=0) - chain.mean(axis=0))) or 1.0
    line = np.vstack((chain, chain[3] + (chain[3] - chain[2]) * 0.3))
    own = _capsule(crop.shape, line, 0.055 * length, 0.012 * length)
    normal = normal * side
    turn = np.radians(12) * np.sign(along[0] * normal[1] - along[1] * normal[0])
    rotate = np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    shift = chain[0] + normal * 0.105 * length - rotate @ chain[0]
    back = np.linalg.inv(rotate)
    matrix = back[::-1, ::-1]  # rows, columns
    offset = (-back @ shift)[::-1]

    def moved(plane: Pixels, mode: str) -> Pixels:
        return np.asarray(ndimage.affine_transform(plane, matrix, offset, order=3, mode=mode))

    copy = np.stack([moved(plane, "mirror") for plane in np.moveaxis(crop, -1, 0)], axis=-1)
    cover = np.clip(moved(own, "constant"), 0, 1) * (1 - own)
    return (crop * (1 - cover[..., None]) + copy * cover[..., None]).clip(0, 255).astype(np.float32)


def _grown_together(crop: Pixels, points: Points, finger: int) -> Pixels:
    """From above the knuckles to the tips, all between the middle lines of two fingers is the skin of both."""
    length = length_of(points)
    steps = np.linspace(0.6, 3, 200)
    first, second = (
        np.stack([np.interp(steps, range(4), _chain(points, f)[:, i]) for i in (0, 1)], axis=1)
        for f in (finger, finger + 1)
    )
    smooth = np.stack([ndimage.gaussian_filter(p, max(1, 0.012 * length)) for p in np.moveaxis(crop, -1, 0)], axis=-1)

    def picked(spots: Points) -> Pixels:
        rows = [ndimage.map_coordinates(smooth[..., c], spots.T[::-1], order=1, mode="nearest") for c in range(3)]
        return np.stack(rows, axis=-1)

    colors = picked(first), picked(second)
    total, count = np.zeros_like(crop), np.zeros(crop.shape[:2], dtype=np.float32)
    for share in np.linspace(0, 1, int(max(60, 1.5 * np.hypot(*(first - second).T).max()))):
        spots = (first * (1 - share) + second * share).astype(int)
        x, y = np.clip(spots[:, 0], 0, crop.shape[1] - 1), np.clip(spots[:, 1], 0, crop.shape[0] - 1)
        np.add.at(total, (y, x), colors[0] * (1 - share) + colors[1] * share)
        np.add.at(count, (y, x), 1)
    blur = max(1.0, 0.01 * length)
    total = np.stack([ndimage.gaussian_filter(p, blur) for p in np.moveaxis(total, -1, 0)], axis=-1)
    count = ndimage.gaussian_filter(count, blur)
    skin = total / np.maximum(count, 1e-3)[..., None]
    skin += np.random.default_rng(0).normal(0, 2, crop.shape)
    canvas = Image.new("L", (crop.shape[1], crop.shape[0]))
    corners = [(float(x), float(y)) for x, y in np.vstack((first, second[::-1]))]
    ImageDraw.Draw(canvas).polygon(corners, fill=255)
    cover = ndimage.gaussian_filter(np.asarray(canvas, dtype=np.float32) / 255, 0.012 * length)[..., None]
    return np.asarray((crop * (1 - cover) + skin * cover).clip(0, 255), dtype=np.float32)


def pictures(environment: Path) -> Iterator[Path]:
    """All template pictures of an environment (`.venv`), in the order of their names."""
    for package in sorted(environment.glob(f"lib/python3*/site-packages/{PACKAGES}/templates")):
        yield from sorted(package.glob("*.webp"))


def recorded() -> list[dict[str, Any]]:
    """Each hand: `picture` (file name), `points` there, `seen` {kind: points in the crop as the detector saw it, or
    None}, `good` (by eye)."""
    return list(json.loads(RECORD.read_text(encoding="utf-8")))


def _record(environment: Path) -> None:
    import mediapipe

    hands = mediapipe.solutions.hands.Hands
    everywhere = hands(static_image_mode=True, max_num_hands=8, min_detection_confidence=0.5)
    again = hands(static_image_mode=True, max_num_hands=4, min_detection_confidence=0.3)

    def found(detector: Any, picture: Pixels) -> list[Points]:
        marks = detector.process(np.ascontiguousarray(picture.round().astype(np.uint8))).multi_hand_landmarks
        size = picture.shape[1::-1]
        return [np.array([[p.x, p.y] for p in hand.landmark]) * size for hand in marks or []]

    def nearest(hands: list[Points], wanted: Points) -> list[list[float]] | None:
        away = [float(np.hypot(*(hand.mean(axis=0) - wanted.mean(axis=0)))) for hand in hands]
        if not away or min(away) > 0.6 * length_of(wanted):
            return None
        return [[round(float(v), 1) for v in point] for point in hands[int(np.argmin(away))]]

    entries: list[dict[str, Any]] = []
    known: list[Pixels] = []
    for path in pictures(environment):
        picture = opened(path)
        for points in found(everywhere, picture):
            if length_of(points) < LEAST:
                continue
            crop, there = cropped(picture, points)
            small = np.asarray(Image.fromarray(crop.astype(np.uint8)).resize((12, 12)), dtype=np.float32)
            if any(np.abs(small - other).mean() < 3 for other in known):
                continue  # the same picture under another name
            known.append(small)
            seen = {"real": nearest(found(again, crop), there)}
            seen |= {kind: nearest(found(again, spoiled(crop, there, kind)), there) for kind in spoilable(there)}
            rounded = [[round(float(v), 1) for v in point] for point in points]
            entries.append({"picture": path.name, "points": rounded, "seen": seen, "good": True})
    RECORD.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    _record(Path(sys.argv[1]))
