"""What one product looks like, free of where it stands and how large it is: its outline, and its colours in place.

Both are kept on a small grid that is centred on the product and as large as its area says, so that two photos of one
product give nearly the same grids; and its colours once more without their places, as a few clusters with shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_lab, srgb_to_linear
from ..errors import EmptyMaskError
from ..tensors import bounding_box

GRID = 48
"""Cells along each side: a strap of a bag is a cell wide."""
REACH = 1.3
"""Half the grid's side over the root of the product's area: a bag's tall strap ends within it."""
_SAMPLES, _CLUSTERS, _ROUNDS = 112, 10, 10
"""Samples along each side of the product; clusters and rounds of k-means."""
_SOLID = 0.9
"""Cover from which a sample is wholly product."""
_GLINT = 0.02
"""Share of the darkest and of the lightest samples that say nothing: seams and glints."""


@dataclass(frozen=True)
class Looks:
    """`cover` `[GRID,GRID]` 0..1; `lab` `[GRID,GRID,3]` where there is cover; `colors` `[N,3]` CIELAB with `shares`
    `[N]` that add up to 1; `area` in pixels."""

    cover: Tensor
    lab: Tensor
    colors: Tensor
    shares: Tensor
    area: float


def looks_of(image: Tensor, mask: Tensor) -> Looks:
    """Of the product in `image` `[H,W,3]` sRGB under `mask` `[H,W]` (1 = product). Raises EmptyMaskError."""
    area = float(mask.sum())
    if area < 16:
        raise EmptyMaskError("the product is too small to be compared with anything: it covers a few pixels.")
    # A stride first: a twelfth of a large photo says as much on so small a grid.
    step = max(1, int(math.sqrt(area)) // (6 * GRID))
    image, mask = image[::step, ::step, :3].float(), mask[::step, ::step].float()
    root = math.sqrt(float(mask.sum()))
    linear = srgb_to_linear(torch.nan_to_num(image).clamp(0, 1))
    planes = torch.cat((linear * mask.unsqueeze(-1), mask.unsqueeze(-1)), dim=-1).permute(2, 0, 1).unsqueeze(0)
    small = _gridded(planes, mask, REACH * root)
    cover = small[3].clamp(0, 1)
    lab = linear_to_lab((small[:3] / small[3:].clamp(min=1e-4)).clamp(0, 1).permute(1, 2, 0))
    colors, shares = _clusters(image, mask)
    return Looks(cover.cpu(), lab.cpu(), colors, shares, area)


def _gridded(planes: Tensor, mask: Tensor, half: float) -> Tensor:
    """`[C,GRID,GRID]`: the square of side `2 * half` around the mask's centre of mass, averaged over its cells."""
    height, width = mask.shape
    total = mask.sum()
    rows, columns = torch.arange(height, device=mask.device) + 0.5, torch.arange(width, device=mask.device) + 0.5
    y, x = float((mask.sum(dim=1) * rows).sum() / total), float((mask.sum(dim=0) * columns).sum() / total)
    fine = 4 * GRID
    axis = (torch.arange(fine, device=mask.device, dtype=torch.float32) + 0.5) / fine * 2 - 1
    u, v = (x + axis * half) / width * 2 - 1, (y + axis * half) / height * 2 - 1
    places = torch.stack((u.unsqueeze(0).expand(fine, fine), v.unsqueeze(1).expand(fine, fine)), dim=-1)
    sampled = F.grid_sample(planes, places.unsqueeze(0), mode="bilinear", padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(sampled, 4)[0]


def _clusters(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The product's colours `[N,3]` and their shares `[N]`, by k-means from the farthest points."""
    box = bounding_box(mask)
    part, cover = image[box.top : box.bottom, box.left : box.right], mask[box.top : box.bottom, box.left : box.right]
    size = (min(_SAMPLES, part.shape[0]), min(_SAMPLES, part.shape[1]))
    planes = torch.cat((srgb_to_linear(part.clamp(0, 1)) * cover.unsqueeze(-1), cover.unsqueeze(-1)), dim=-1)
    small = F.adaptive_avg_pool2d(planes.permute(2, 0, 1).unsqueeze(0), size)[0].permute(1, 2, 0).reshape(-1, 4).cpu()
    solid = small[:, 3] >= min(_SOLID, float(small[:, 3].max()))
    lab = linear_to_lab((small[solid, :3] / small[solid, 3:]).clamp(0, 1))
    light = lab[:, 0].sort().values
    low, high = light[int(_GLINT * (len(light) - 1))], light[int((1 - _GLINT) * (len(light) - 1))]
    kept = lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)]
    lab = kept if len(kept) >= _CLUSTERS else lab
    centers = lab.mean(dim=0, keepdim=True)
    while len(centers) < min(_CLUSTERS, len(lab)):
        away = torch.cdist(lab, centers).amin(dim=1)
        centers = torch.cat((centers, lab[away.argsort()[int(0.98 * (len(lab) - 1))]].unsqueeze(0)))
    for _ in range(_ROUNDS):
        owner = torch.cdist(lab, centers).argmin(dim=1)
        sums = torch.zeros_like(centers).index_add_(0, owner, lab)
        counts = torch.bincount(owner, minlength=len(centers)).float()
        centers = torch.where(counts.unsqueeze(1) > 0, sums / counts.clamp(min=1).unsqueeze(1), centers)
    counts = torch.bincount(torch.cdist(lab, centers).argmin(dim=1), minlength=len(centers)).float()
    used = counts > 0
    return centers[used], counts[used] / counts.sum()
