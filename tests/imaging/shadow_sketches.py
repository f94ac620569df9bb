"""Masks of standing, lying and hanging things, drawn as polygons, ellipses and arcs with antialiased edges."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

OVERSIZE = 4


class Sketch:
    """A mask drawn four times as large and reduced, so that its edges are antialiased; `scale` enlarges all of it."""

    def __init__(self, width: int = 400, height: int = 400, scale: float = 1.0) -> None:
        self.factor = OVERSIZE * scale
        self.size = round(width * scale), round(height * scale)
        self.picture = Image.new("L", (self.size[0] * OVERSIZE, self.size[1] * OVERSIZE))
        self.pen = ImageDraw.Draw(self.picture)

    def polygon(self, *points: tuple[float, float]) -> Sketch:
        self.pen.polygon([(x * self.factor, y * self.factor) for x, y in points], fill=255)
        return self

    def ellipse(self, left: float, top: float, right: float, bottom: float) -> Sketch:
        self.pen.ellipse([side * self.factor for side in (left, top, right, bottom)], fill=255)
        return self

    def arc(self, box: tuple[float, float, float, float], start: float, end: float, width: float) -> Sketch:
        self.pen.arc([side * self.factor for side in box], start, end, fill=255, width=round(width * self.factor))
        return self

    def mask(self) -> torch.Tensor:
        small = self.picture.resize(self.size, Image.Resampling.BOX)
        return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)


def bag(scale: float = 1.0) -> Sketch:
    sketch = Sketch(scale=scale).polygon((120, 150), (280, 150), (300, 320), (100, 320))
    return sketch.arc((150, 60, 250, 240), 180, 360, 10)


def chair(scale: float = 1.0) -> Sketch:
    sketch = Sketch(scale=scale).polygon((120, 60), (280, 60), (285, 200), (115, 200))
    for x, bottom in ((125, 330), (165, 290), (225, 345), (270, 300)):
        sketch.polygon((x - 7, 190), (x + 7, 190), (x + 5, bottom), (x - 5, bottom))
    return sketch


def jar(scale: float = 1.0) -> Sketch:
    return Sketch(scale=scale).polygon((120, 120), (280, 120), (280, 320), (120, 320)).ellipse(120, 303, 280, 337)


def carton(scale: float = 1.0) -> Sketch:
    """A box over its corner: a long side and one that recedes steeply."""
    return Sketch(scale=scale).polygon((90, 140), (240, 150), (310, 135), (310, 297), (240, 330), (90, 312))


def corner(scale: float = 1.0) -> Sketch:
    """A box whose lower right corner is cut off towards the back, as of a bag seen from a little aside."""
    box = ((90, 120), (280, 120), (300, 150), (300, 285), (270, 318), (262, 322), (90, 318))
    return Sketch(scale=scale).polygon(*box)


def car(scale: float = 1.0) -> Sketch:
    sketch = Sketch(scale=scale).polygon(
        (60, 220), (120, 170), (260, 170), (300, 220), (345, 230), (345, 285), (55, 285)
    )
    for x in (115, 285):
        sketch.ellipse(x - 30, 255, x + 30, 315)
    return sketch


STANDING = {"bag": bag, "chair": chair, "jar": jar, "carton": carton, "car": car}


def boot(notch: int, *, upright: bool = False) -> torch.Tensor:
    """A boot seen from a little before it: its heel ends higher up than its ball; `notch` rows between its lugs;
    `upright`: whether its heel ends in upright edges."""
    mask = torch.zeros(560, 700)
    mask[100:480, 100:330] = 1.0
    mask[250:500, 330:560] = 1.0
    for column in range(560, 660):
        mask[280 : 500 - (column - 560) // 2, column] = 1.0
    for column in range(220, 390):
        mask[450 + (0 if upright else round(30 * abs(column - 305) / 85)) :, column] = 0.0
    for start in range(100, 560, 36):
        low = 480 if start < 330 else 500
        mask[low - notch : low, start : start + 12] = 0.0
    return mask
