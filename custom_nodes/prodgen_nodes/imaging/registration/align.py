"""The generated picture brought back onto the canvas it was meant for, so that the product lies where it was placed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..placement import Affine, Placement
from ..tensors import check_mask, item, same_size, strips

_STILL = 1e-6
"""A motion that moves no pixel of the largest picture by a fiftieth: the picture is passed on as it is."""


def pulled(image: Tensor, to_image: Affine, width: int, height: int) -> tuple[Tensor, float]:
    """`image` `[H,W,C]` on a canvas `[height,width,C]` whose points `to_image` maps into it, and the unknown share.

    Bicubic, after an area reduction where the canvas is much smaller; beyond the picture's border its mirror image
    continues it, and the share 0..1 of the canvas that had to be continued so is returned. Values stay in 0..1. The
    work goes strip by strip, so that memory stays bounded.
    """
    identity = max(abs(v) for v in (to_image.a - 1, to_image.b, to_image.tx, to_image.c, to_image.d - 1, to_image.ty))
    if identity < _STILL and image.shape[:2] == (height, width):
        return image.clone(), 0.0
    scale = math.sqrt(abs(to_image.a * to_image.d - to_image.b * to_image.c))
    factor = max(1, int(scale + 1e-6))
    planes = image.permute(2, 0, 1).unsqueeze(0)
    if factor > 1:
        pad = (0, -image.shape[1] % factor, 0, -image.shape[0] % factor)
        planes = F.avg_pool2d(F.pad(planes, pad, mode="replicate"), factor)
    rows, columns = planes.shape[-2] * factor, planes.shape[-1] * factor
    x = torch.arange(width, device=image.device, dtype=torch.float64)[None, :] + 0.5
    result = image.new_empty((height, width, image.shape[2]))
    beyond = 0
    for strip in strips(height, width):
        y = torch.arange(strip.start, strip.stop, device=image.device, dtype=torch.float64)[:, None] + 0.5
        u = to_image.a * x + to_image.b * y + to_image.tx
        v = to_image.c * x + to_image.d * y + to_image.ty
        outside = (u < 0) | (v < 0) | (u > image.shape[1]) | (v > image.shape[0])
        beyond += int(outside.sum())
        grid = torch.stack((u * (2 / columns) - 1, v * (2 / rows) - 1), dim=-1).to(image.dtype)
        sampled = F.grid_sample(
            planes, grid.unsqueeze(0), mode="bicubic", padding_mode="reflection", align_corners=False
        )
        result[strip] = sampled[0].permute(1, 2, 0).clamp(0.0, 1.0)
    return result, beyond / (width * height)


def moved_mask(mask: Tensor, given: Placement, placed: Placement) -> Tensor:
    """A mask of the canvas `[B,H,W]`, carried along with the product: `[B,h,w]` on the generated pictures.

    `given`: where the product was placed on the canvas; `placed`: where it is in the generated picture. What lies
    beyond the canvas is 0. Raises ShapeError for a mask of another size than the canvas.
    """
    mask = check_mask(mask, "canvas_mask")
    same_size(canvas=mask.new_empty((1, given.canvas_height, given.canvas_width)), canvas_mask=mask)
    count = max(len(placed), mask.shape[0])
    moved = mask.new_empty((count, placed.canvas_height, placed.canvas_width))
    for index in range(count):
        back = given.transform(index).after(placed.transform(index).inverted())
        carried, _ = pulled(item(mask, index).unsqueeze(-1), back, placed.canvas_width, placed.canvas_height)
        columns = torch.arange(placed.canvas_width, device=mask.device) + 0.5
        rows = (torch.arange(placed.canvas_height, device=mask.device) + 0.5)[:, None]
        x = back.a * columns + back.b * rows + back.tx
        y = back.c * columns + back.d * rows + back.ty
        within = (x >= 0) & (y >= 0) & (x <= given.canvas_width) & (y <= given.canvas_height)
        moved[index] = carried[..., 0] * within
    return moved
