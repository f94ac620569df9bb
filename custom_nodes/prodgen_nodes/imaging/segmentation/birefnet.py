"""What a learned segmenter's mask needs around it: a picture that keeps its shape going in, and the letterbox undone.

Core's BiRefNet wire squashes every picture to a square. Padding it to a square first keeps the aspect ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_MODEL_SIDE = 1024
"""Pixels of the square that BiRefNet was trained on."""


@dataclass(frozen=True)
class Letterbox:
    """Where a picture of `height` × `width` sits inside the square: first row, first column, rows, columns."""

    height: int
    width: int
    top: int
    left: int
    rows: int
    columns: int


def letterbox(image: Tensor, side: int = _MODEL_SIDE) -> tuple[Tensor, Letterbox]:
    """A square `[B,side,side,3]` picture that holds `image` `[B,H,W,3]` undistorted, its frame colours continued."""
    height, width = image.shape[1], image.shape[2]
    scale = side / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    planes = image.permute(0, 3, 1, 2)
    mode = {"mode": "area"} if scale < 1 else {"mode": "bicubic", "align_corners": False}
    planes = F.interpolate(planes, size=(rows, columns), **mode).clamp(0.0, 1.0)
    top, left = (side - rows) // 2, (side - columns) // 2
    planes = F.pad(planes, (left, side - columns - left, top, side - rows - top), mode="replicate")
    return planes.permute(0, 2, 3, 1).contiguous(), Letterbox(height, width, top, left, rows, columns)


def unletterbox(mask: Tensor, box: Letterbox, size: tuple[int, int] | None = None) -> Tensor:
    """The part of a square `[B,S,S]` mask that belongs to the picture, at `size` (height, width; else its own)."""
    inner = mask[:, box.top : box.top + box.rows, box.left : box.left + box.columns].unsqueeze(1)
    target = size or (box.height, box.width)
    if target == (box.rows, box.columns):
        return inner.squeeze(1).clamp(0.0, 1.0)
    out = F.interpolate(inner, size=target, mode="bilinear", align_corners=False)
    return torch.nan_to_num(out.squeeze(1)).clamp(0.0, 1.0)
