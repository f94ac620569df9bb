"""All objects of a picture side by side on a checkerboard, each with its number and label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import EmptyMaskError
from ..tensors import bounding_box

Bytes8 = NDArray[np.uint8]

SIDE = 200
"""Pixels: enough to see whether an edge is right."""
_GAP, _LINE, _MOST = 10, 18, 8
"""Pixels between objects, of a line of text below each; objects in a row, as wide as a screen holds."""
_PAGE, _INK = (250, 250, 250), (20, 20, 20)
"""Near white and near black: white products keep an edge before the one, and the other is read on it."""


def object_sheet(layers: Tensor, labels: Sequence[str]) -> Bytes8:
    """`[h,w,3]`: the layers `[N,H,W,4]` cropped to their objects, `SIDE` pixels each, at most eight in a row."""
    columns = min(_MOST, len(layers))
    rows = math.ceil(len(layers) / columns)
    cell = SIDE + _GAP
    sheet = Image.new("RGB", (columns * cell + _GAP, rows * (cell + _LINE) + _GAP), _PAGE)
    draw = ImageDraw.Draw(sheet)
    font: Any = ImageFont.load_default(13)
    for index, label in enumerate(labels):
        left, top = _GAP + index % columns * cell, _GAP + index // columns * (cell + _LINE)
        sheet.paste(_board(), (left, top))
        small = _small(layers[index])
        sheet.paste(small, (left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2), small)
        # The default font has Latin letters only.
        text = f"{index + 1:02} {label}".encode("latin-1", "replace").decode("latin-1")
        draw.text((left, top + SIDE + 1), text[:28], fill=_INK, font=font)
    return np.asarray(sheet)


def _small(layer: Tensor) -> Image.Image:
    """One layer `[H,W,4]` cropped to its object and reduced, premultiplied while it is."""
    try:
        box = bounding_box(layer[..., 3], 0.02)
    except EmptyMaskError:
        return Image.new("RGBA", (1, 1))
    part = layer[box.top : box.bottom, box.left : box.right]
    colour, alpha = part[..., :3], part[..., 3:]
    factor = min(1.0, SIDE / max(box.width, box.height))
    size = (max(1, round(box.height * factor)), max(1, round(box.width * factor)))
    channels = F.interpolate(
        F.pad(colour * alpha, (0, 1)).add(F.pad(alpha, (3, 0))).permute(2, 0, 1).unsqueeze(0), size=size, mode="area"
    )[0].permute(1, 2, 0)
    straight = channels[..., :3] / channels[..., 3:].clamp(min=1e-4)
    return Image.fromarray(_bytes(torch.cat((straight, channels[..., 3:]), dim=-1)))


def _bytes(picture: Tensor) -> Bytes8:
    return np.asarray(picture.clamp(0, 1).mul(255).round().byte().cpu().numpy())


def _board() -> Image.Image:
    y, x = np.indices((SIDE, SIDE)) // 12
    return Image.fromarray(np.where((x + y) % 2, 214, 240).astype(np.uint8)).convert("RGB")
