"""How sharp placing leaves a product beside plain Lanczos, rings apart: python benchmarks/sharpness.py [FOLDER].

Sharpness is the root mean square of the gradient, in levels of 255, over the pixels where Lanczos has its steepest
fifth (and 4 levels per pixel at least). Beside Lanczos as it is, whose rings make edges steeper and stand beside them
as edges of their own, it is compared with Lanczos held to the range of the source nearby: the four by four pixels
around each place, of photo or canvas, whichever are larger, or the six by six under the whole kernel. FOLDER holds
photos; without one only what is drawn is measured: strokes, and edges at seven angles, of which the position of the
middle and the width from 10 to 90 % are compared, too.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.placement import Affine
from prodgen_nodes.imaging.resample import place, placed_bands

SCALES = (0.4, 0.7, 0.95, 1.4, 2.0)
SIDE, PHASE, MARGIN = 240, 0.3, 12
"""Pixels of what is placed; where it lies between the canvas's pixels; what is left out at its sides."""
LEAST = 500
"""Steep pixels that a picture must have to be counted."""
ANGLES = (0.0, 3.0, 11.0, 22.5, 37.0, 45.0, 70.0)
TONES = ((0.08, 0.98), (0.4, 0.6))
FINER = 8


def strokes(side: int = SIDE, seed: int = 3) -> Tensor:
    """Lines of a half to 4 pixels at all angles, in tones from dark to white on a tone: sRGB `[side,side,3]`."""
    generator = torch.Generator().manual_seed(seed)
    along = torch.arange(side * 4) / 4
    y, x = along[:, None], along[None, :]
    picture = torch.full((side * 4, side * 4), 0.85)
    for _ in range(side // 6):
        cx, cy, turn, wide, long, tone = torch.rand(6, generator=generator).tolist()
        cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
        u, v = (x - cx * side) * cos + (y - cy * side) * sin, (y - cy * side) * cos - (x - cx * side) * sin
        picture[(v.abs() < 0.25 + 1.75 * wide) & (u.abs() < 8 + 30 * long)] = tone
    small = F.avg_pool2d(srgb_to_linear(picture)[None, None], 4)[0, 0]
    return linear_to_srgb(small)[..., None].expand(-1, -1, 3).contiguous()


@cache
def edge(degrees: float, low: float, high: float, side: int = 120) -> Tensor:
    """Two tones that meet at an edge through the middle, as a lens with square pixels sees it: sRGB `[side,side,3]`."""
    along = (torch.arange(side * FINER) + 0.5) / FINER - side / 2
    turn = math.radians(degrees)
    bright = (along[None, :] * math.cos(turn) + along[:, None] * math.sin(turn) > 0).float()
    share = F.avg_pool2d(bright[None, None], FINER)[0, 0]
    first, second = (float(srgb_to_linear(torch.tensor(tone))) for tone in (low, high))
    return linear_to_srgb(first + (second - first) * share)[..., None].expand(-1, -1, 3).contiguous()


def ours(rgb: Tensor, scale: float) -> Tensor:
    """Placed at the scale: linear `[h,w,3]`."""
    height, width = (int(side * scale) for side in rgb.shape[:2])
    canvas = torch.zeros(height, width, 3)
    for band in placed_bands(rgb, torch.ones(rgb.shape[:2]), _transform(scale), width, height):
        canvas[band.rows, band.columns] = band.pixels[..., :3]
    return canvas


def lanczos(rgb: Tensor, scale: float) -> Tensor:
    """The same by the plain kernel, rings and all: linear `[h,w,3]`."""
    height, width = (int(side * scale) for side in rgb.shape[:2])
    canvas = torch.zeros(height, width, 3)
    patch = place(srgb_to_linear(rgb), _transform(scale), width, height)
    canvas[patch.rows, patch.columns] = patch.pixels
    return canvas


def held(linear: Tensor, rgb: Tensor, scale: float, reach: int) -> Tensor:
    """`linear` `[h,w,3]` within the range of sRGB `rgb`, `reach` pixels around each place (of the coarser grid)."""
    window = 2 * round(reach * max(1.0, 1.0 / scale))
    planes = F.pad(srgb_to_linear(rgb).permute(2, 0, 1)[None], (window,) * 4, mode="replicate")
    rows, columns = (
        torch.ceil((torch.arange(side) + 0.5 - PHASE) / scale - 0.5 - window / 2).long() + window
        for side in linear.shape[:2]
    )
    low, high = (sign * F.max_pool2d(sign * planes, window, 1)[0][:, rows][:, :, columns] for sign in (-1, 1))
    return linear.clamp(low.permute(1, 2, 0), high.permute(1, 2, 0))


def sharpness(linear: Tensor, beside: Tensor, steep: Tensor) -> float:
    """Root mean square gradient of `linear` over that of `beside`, both `[h,w,3]`, where it is `steep`."""
    return float((_slope(linear)[steep].mean() / _slope(beside)[steep].mean()) ** 0.5)


def steepest(linear: Tensor) -> Tensor:
    """Where the gradient counts."""
    slope = _slope(linear)
    return slope > max(16.0, float(slope.quantile(0.8)))


def along_the_edge(linear: Tensor, scale: float, degrees: float, tones: tuple[float, float]) -> tuple[float, float]:
    """Of an `edge` that was placed: how far (pixels, 1 sigma) its middle strays from its line, and its mean 10-90 %
    width in pixels."""
    margin = int(MARGIN * scale) + 1
    low, high = (float(srgb_to_linear(torch.tensor(tone))) for tone in tones)
    values = ((linear[margin:-margin, margin:-margin, 0] - low) / (high - low)).double().numpy()
    turn = math.radians(degrees)
    if abs(math.sin(turn)) > abs(math.cos(turn)):
        values, turn = values.T, math.pi / 2 - turn
    middle = 60 * scale + PHASE - margin
    strays, widths = [], []
    for row, line in enumerate(values):
        if not 6 < int((line > 0.5).argmax()) < len(line) - 6:
            continue
        tenth, half, most = (_crossing(line, level) for level in (0.1, 0.5, 0.9))
        expected = middle - (row + 0.5 - middle) * math.tan(turn)
        strays.append((half + 0.5 - expected) * math.cos(turn))
        widths.append((most - tenth) * math.cos(turn))
    return float(np.std(strays)), float(np.mean(widths))


def photos(folder: Path) -> Iterator[Tensor]:
    """The middle of each photo at its own size, and of a copy of some 500 pixels."""
    for path in sorted(folder.glob("*.jpg")):
        photo = Image.open(path).convert("RGB")
        for factor in (1, max(2, round(max(photo.size) / 500))):
            small = photo.reduce(factor) if factor > 1 else photo
            left, top = (max(0, (side - SIDE) // 2) for side in small.size)
            yield torch.from_numpy(np.asarray(small, dtype=np.float32)[top : top + SIDE, left : left + SIDE] / 255)


def _transform(scale: float) -> Affine:
    return Affine.scale_translate(scale, PHASE, PHASE)


def _slope(linear: Tensor) -> Tensor:
    grey = linear_to_srgb(linear.clamp(0, 1)).mean(dim=-1) * 255
    x, y = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    return ((x.square() + y.square()) / 4)[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _crossing(line: np.ndarray, level: float) -> float:
    at = int((line >= level).argmax())
    return at - 1 + float((level - line[at - 1]) / (line[at] - line[at - 1]))


def main() -> None:
    pictures = [strokes()]
    if len(sys.argv) > 1:
        pictures += photos(Path(sys.argv[1]))
    print("| scale | beside Lanczos | held to 6 by 6 | held to 4 by 4 | edges: strays, px | width, of the held one's |")
    for scale in SCALES:
        ratios = []
        for rgb in pictures:
            free, own = lanczos(rgb, scale), ours(rgb, scale)
            steep = steepest(free)
            if int(steep.sum()) < LEAST:
                continue
            others = (free, held(free, rgb, scale, 3), held(free, rgb, scale, 2))
            ratios.append([sharpness(own, other, steep) for other in others])
        mean, least = np.mean(ratios, axis=0), np.min(ratios, axis=0)
        edges = []
        for degrees in ANGLES:
            for tones in TONES:
                rgb = edge(degrees, *tones)
                free = lanczos(rgb, scale)
                found = [
                    along_the_edge(one, scale, degrees, tones)
                    for one in (ours(rgb, scale), free, held(free, rgb, scale, 2))
                ]
                edges.append((found[0][0], found[1][0], found[0][1] / found[2][1]))
        strays = np.mean(edges, axis=0)
        figures = " | ".join(f"{one:.3f} ({low:.3f})" for one, low in zip(mean, least, strict=True))
        print(f"| {scale} | {figures} | {strays[0]:.3f} (Lanczos {strays[1]:.3f}) | {strays[2]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
