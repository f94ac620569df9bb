"""The product's dominant colours in CIELAB, and plain English names for colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import (
    chroma,
    delta_e00,
    hex_color,
    hue_difference,
    lab_to_srgb,
    linear_to_lab,
    parse_hex,
    srgb_to_lab,
    srgb_to_linear,
)
from ..tensors import bounding_box

NAMED = {
    "white": "#f7f7f5", "ivory": "#f3ecd9", "cream": "#efe3c2", "light grey": "#c9c9c7", "grey": "#8f9091",
    "taupe": "#8b7d72", "charcoal": "#3f4144", "black": "#171718", "beige": "#d6c2a1", "sand": "#c9ad83",
    "camel": "#b98a54", "tan": "#b07a45", "brown": "#7a4b2a", "dark brown": "#452b1e", "rust": "#a94a22",
    "terracotta": "#c4694a", "orange": "#e67a1f", "coral": "#ec7b66", "peach": "#f3b999", "mustard": "#c99a2a",
    "yellow": "#efcf3c", "pale yellow": "#f3e7a6", "olive": "#6d6b34", "khaki": "#a39b70", "lime green": "#9cc23c",
    "green": "#3d8a4a", "forest green": "#24503a", "sage green": "#a3b199", "mint green": "#b4dcc4",
    "teal": "#1f7377", "turquoise": "#3fb6b6", "pale blue": "#bcd4e6", "sky blue": "#79b2dd", "blue": "#2f66b0",
    "cobalt blue": "#1f46a0", "navy": "#1d2a4a", "slate blue": "#5d7390", "denim blue": "#46587d",
    "grey green": "#5f7068", "lavender": "#bfb2dc", "violet": "#7a4fa3", "plum": "#5c2a4c", "magenta": "#b8327e",
    "pink": "#ee8fb0", "blush pink": "#eec5c4", "dusty rose": "#c58a8c", "red": "#c22a2c", "burgundy": "#6b1a2a",
}  # fmt: skip
"""Names a seller would use -> sRGB of a typical cloth of that colour."""

NEUTRAL_CHROMA = 12.0
"""C*ab below which a colour goes with every hue."""
_SIDE = 112
_SOLID = 0.9
_CENTERS = 8
_ROUNDS = 12
"""Samples along each side of the product; the cover from which one is wholly product; centres and rounds of k-means:
more centres than a product has colours, for like ones are joined after it."""
_SHADING = 0.45  # weight of L*: folds and shadows of one material are one colour
_ALIKE = 13.0  # CIEDE2000 below which two clusters are one colour
_SMALLEST = 0.05
"""Of the product: a smaller patch is a clasp or a highlight and no colour of it."""
_HUES_APART = 45.0
"""Degrees: beyond, two colours have different names, and a garment can go with one of them only."""
_MAIN = 0.15
"""Of the product: from here on a colour has to be minded in what is worn with it."""
_SKIN_LIGHT, _SKIN_HUE, _SKIN_CHROMA = (22.0, 92.0), (30.0, 78.0), (7.0, 42.0)
"""CIELAB lightness, hue (degrees) and chroma of people's skin in photos, from the darkest to the palest."""
_ENTERS, _ARM = 0.6, 0.6
"""The share of the mask on the picture's edge that must be skin for an arm to come in there; and how much of the
product an arm may be."""


@dataclass(frozen=True)
class Color:
    """One colour of the product: CIELAB (L* 0..100), its share of the product's area 0..1, and its nearest name."""

    lab: tuple[float, float, float]
    share: float
    name: str

    @property
    def neutral(self) -> bool:
        return float(chroma(torch.tensor(self.lab))) < NEUTRAL_CHROMA

    @property
    def hex(self) -> str:
        return hex_color(lab_to_srgb(torch.tensor(self.lab)))


@dataclass(frozen=True)
class Palette:
    """The product's colours, largest share first; shares add up to what was not too small to count."""

    colors: tuple[Color, ...]

    @property
    def main(self) -> Color:
        return self.colors[0]

    @property
    def important(self) -> tuple[Color, ...]:
        """The main colour and every other that covers at least 15 %."""
        return tuple(color for i, color in enumerate(self.colors) if i == 0 or color.share >= _MAIN)

    @property
    def multicolored(self) -> bool:
        """Whether two important colours have hues more than 45° apart."""
        tinted = [torch.tensor(color.lab) for color in self.important if not color.neutral]
        return any(float(hue_difference(a, b)) > _HUES_APART for i, a in enumerate(tinted) for b in tinted[i + 1 :])


def lab_of(color: str) -> Tensor:
    """CIELAB `[3]` of a name in NAMED or of `#rrggbb`."""
    return srgb_to_lab(torch.tensor(parse_hex(NAMED.get(color, color), "color")))


@lru_cache(maxsize=1)
def _named_lab() -> Tensor:
    return torch.stack([lab_of(name) for name in NAMED])


def name_of(lab: Tensor) -> str:
    """The name in NAMED that is nearest to CIELAB `[3]` by CIEDE2000."""
    table = _named_lab()
    return list(NAMED)[int(delta_e00(table, lab.to(table).expand_as(table)).argmin())]


def find_colors(image: Tensor, mask: Tensor) -> Palette:
    """Dominant colours of the product in `image` `[H,W,3]` sRGB under `mask` `[H,W]` (1 = product, not empty).

    Weighted k-means in CIELAB with L* at less weight, started from the farthest points (so that a run gives the same
    answer each time); near clusters are joined and specks left out.
    """
    lab, weight = _samples(image, mask)
    centers, owner = _clusters(lab * lab.new_tensor([_SHADING, 1.0, 1.0]), weight)
    groups = []
    for index in range(centers):
        mine = owner == index
        total = float(weight[mine].sum())
        if total > 0:
            groups.append((total, (lab[mine] * weight[mine].unsqueeze(-1)).sum(dim=0) / total))
    groups = _joined(groups)
    whole = sum(total for total, _ in groups)
    kept = [(total / whole, mean) for total, mean in groups if total >= _SMALLEST * whole] or groups[:1]
    return Palette(tuple(Color((float(m[0]), float(m[1]), float(m[2])), share, name_of(m)) for share, m in kept))


def without_skin(image: Tensor, mask: Tensor) -> Tensor:
    """`mask` `[H,W]` without an arm that comes in from the picture's edge, by its colour in `image` `[H,W,3]` sRGB.

    Tan leather has the colour of skin too: so only what the edge cuts off counts as an arm, and not most of it all.
    """
    edge = torch.zeros_like(mask, dtype=torch.bool)
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = True, True, True, True
    edge &= mask > _SOLID
    if not bool(edge.any()) or not float(_skin(image[edge]).float().mean()) > _ENTERS:
        return mask
    solid = mask > _SOLID
    arm = torch.zeros_like(solid)
    arm[solid] = _skin(image[solid])
    return mask if float(arm.sum()) > _ARM * float(solid.sum()) else mask * ~arm


def _skin(colors: Tensor) -> Tensor:
    """Boolean `[N]`: the sRGB `colors` `[N,3]` that skin can have."""
    lab = srgb_to_lab(torch.nan_to_num(colors[:, :3]).clamp(0, 1))
    hue = torch.rad2deg(torch.atan2(lab[:, 2], lab[:, 1]))
    figures = ((lab[:, 0], _SKIN_LIGHT), (hue, _SKIN_HUE), (chroma(lab), _SKIN_CHROMA))
    return torch.stack([(value > low) & (value < high) for value, (low, high) in figures]).all(dim=0)


def _samples(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """CIELAB `[N,3]` and weight `[N]` of the product's solid pixels, averaged in linear light on a small grid."""
    box = bounding_box(mask)
    # A stride first: of a large photo every fourth pixel along each axis says as much about its colours.
    step = max(1, max(box.width, box.height) // (4 * _SIDE))
    rows, columns = slice(box.top, box.bottom, step), slice(box.left, box.right, step)
    image, mask = image[rows, columns], mask[rows, columns]
    size = (min(_SIDE, image.shape[0]), min(_SIDE, image.shape[1]))
    linear = srgb_to_linear(torch.nan_to_num(image[..., :3]).clamp(0, 1)) * mask.unsqueeze(-1)
    planes = torch.cat((linear, mask.unsqueeze(-1)), dim=-1).permute(2, 0, 1).unsqueeze(0)
    small = F.adaptive_avg_pool2d(planes, size)[0].permute(1, 2, 0).reshape(-1, 4).cpu()
    cover = small[:, 3]
    solid = cover >= min(_SOLID, float(cover.max()))
    return linear_to_lab(small[solid, :3] / cover[solid].unsqueeze(-1)), cover[solid]


def _clusters(points: Tensor, weight: Tensor) -> tuple[int, Tensor]:
    """How many clusters, and the cluster of each point `[N]`."""
    mean = (points * weight.unsqueeze(-1)).sum(dim=0) / weight.sum()
    centers = [points[int(((points - mean) ** 2).sum(dim=-1).argmin())]]
    nearest = ((points - centers[0]) ** 2).sum(dim=-1)
    while len(centers) < min(_CENTERS, points.shape[0]):
        # Farthest first, but of the near ones: a lone highlight is no colour.
        far = int((nearest.sort().indices)[int(0.98 * (points.shape[0] - 1))])
        centers.append(points[far])
        nearest = torch.minimum(nearest, ((points - points[far]) ** 2).sum(dim=-1))
    table = torch.stack(centers)
    owner = torch.zeros(points.shape[0], dtype=torch.long)
    for _ in range(_ROUNDS):
        owner = ((points.unsqueeze(1) - table) ** 2).sum(dim=-1).argmin(dim=1)
        sums = torch.zeros_like(table).index_add_(0, owner, points * weight.unsqueeze(-1))
        counts = torch.zeros(table.shape[0]).index_add_(0, owner, weight)
        table = torch.where(counts.unsqueeze(-1) > 0, sums / counts.clamp(min=1e-9).unsqueeze(-1), table)
    return table.shape[0], owner


def _joined(groups: list[tuple[float, Tensor]]) -> list[tuple[float, Tensor]]:
    """Groups closer than `_ALIKE` as one, or of one hue and different shade; largest first."""
    groups = sorted(groups, key=lambda group: -group[0])
    done: list[tuple[float, Tensor]] = []
    for total, mean in groups:
        for index, (other_total, other) in enumerate(done):
            shaded = other.clone()
            shaded[0] += (mean[0] - other[0]) * (1 - _SHADING)
            if float(delta_e00(shaded, mean)) < _ALIKE:
                both = other_total + total
                done[index] = (both, (other * other_total + mean * total) / both)
                break
        else:
            done.append((total, mean))
    return sorted(done, key=lambda group: -group[0])
